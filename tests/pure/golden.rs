//! Golden cases: manifests in, route tables and statuses out.
//!
//! A case is a folder under `cases/` named by what it shows: `in.yaml` (manifests; a document without `kind` sets options
//! and observed facts), `table.snap` and `status.yaml`. `UPDATE=1` writes the latter two; a stale or missing one fails.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pingway::api::decode::{Decoded, decode};
use pingway::compile::{Memo, Options, compile};
use pingway::snapshot::{BindFailure, Change, Snapshot, Socket};
use pingway::status::{Statuses, render};
use serde::Deserialize;
use serde_json::Value;

use crate::print;

/// A case's own settings, beside the manifests.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    external_names: bool,
    reserved_ports: BTreeSet<u16>,
    failed_sockets: Vec<FailedSocket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailedSocket {
    address: Option<std::net::IpAddr>,
    port: u16,
    message: String,
}

#[test]
fn cases_compile_to_their_tables_and_statuses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/cases");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(root).expect("the cases").map(|entry| entry.expect("a case").path()).collect();
    cases.sort();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let wrong: Vec<String> = cases.iter().flat_map(|case| check(case)).collect();
    assert!(wrong.is_empty(), "UPDATE=1 writes these anew:\n{}", wrong.join("\n"));
}

/// What differs from the case's files.
fn check(case: &Path) -> Vec<String> {
    let (snapshot, options) = read(&case.join("in.yaml"));
    let compiled = compile(&snapshot, &options, &mut Memo::default());
    let answers = [("table.snap", print::tables(&compiled)), ("status.yaml", statuses(&compiled.statuses))];
    let mut wrong = Vec::new();
    for (file, answer) in answers {
        let file = case.join(file);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &answer).expect("a case that can be written");
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if expected != answer {
            wrong.push(format!("{}\n--- expected\n{expected}--- got\n{answer}", file.display()));
        }
    }
    wrong
}

fn read(file: &Path) -> (Snapshot, Options) {
    let text = fs::read_to_string(file).expect("in.yaml");
    let (mut changes, mut settings) = (Vec::new(), Settings::default());
    for document in serde_yaml::Deserializer::from_str(&text) {
        let value = Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if value.get("kind").is_none() {
            settings = serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            continue;
        }
        match decode(value) {
            Ok(Decoded::Item(item)) => changes.push(Change::Put(item)),
            other => panic!("{}: {other:?}", file.display()),
        }
    }
    let mut snapshot = Snapshot::default();
    snapshot.apply(changes);
    for FailedSocket { address, port, message } in settings.failed_sockets {
        snapshot.observed.sockets.insert(Socket { address, port }, Err(BindFailure { message }));
    }
    let Settings { external_names, reserved_ports, .. } = settings;
    (snapshot, Options { external_names, loopback_endpoints: true, reserved_ports })
}

/// Statuses as they would be written, and the warnings.
fn statuses(statuses: &Statuses) -> String {
    let mut text = String::new();
    for rendered in render(statuses, jiff::Timestamp::UNIX_EPOCH) {
        let status = serde_yaml::to_string(&rendered.status).expect("a status in YAML");
        let _ = writeln!(text, "# {}\n{status}---", rendered.object);
    }
    for warning in &statuses.warnings {
        let _ = writeln!(text, "# warning: {warning}");
    }
    text
}
