//! Golden cases: manifests in, route tables and statuses out.
//!
//! A case is a folder under `cases/` named by what it shows: `in.yaml` (manifests; a document without `kind` sets options
//! and observed facts), `table.snap` and `status.yaml`. `UPDATE=1` writes the latter two; a stale or missing one fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pingway::api::decode::{Decoded, decode};
use pingway::api::{Kind, ObjectName, ObjectRef, StatusAddress};
use pingway::compile::{Memo, Options, Placement, compile};
use pingway::snapshot::{BindFailure, Change, GatewayFacts, ProvisioningFailure, Replica, Snapshot, Socket};
use pingway::status::{Statuses, render};
use serde::Deserialize;
use serde_json::Value;

use crate::print;

/// A case's own settings, beside the manifests.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    external_names: bool,
    own_ports: BTreeSet<u16>,
    failed_sockets: Vec<FailedSocket>,
    /// Each Gateway in pods of its own.
    pods: bool,
    /// As in a pod, where no parameters are seen.
    parameters_unseen: bool,
    /// Namespaces whose Secrets are seen.
    secret_namespaces: Option<BTreeSet<String>>,
    /// Installed CRDs, and the versions that they name.
    bundles: BTreeMap<String, Option<String>>,
    /// What came back from them, by `namespace/name`.
    gateways: BTreeMap<String, Facts>,
}

/// [`GatewayFacts`], as a case has them.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Facts {
    uid: String,
    addresses: Vec<String>,
    address_failure: Option<String>,
    object_failure: Option<String>,
    replicas: BTreeMap<String, Report>,
}

/// [`Replica`], as a case has it. Objects are HTTPRoutes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Report {
    generation: i64,
    ports: Vec<u16>,
    failed_ports: BTreeMap<u16, String>,
    unread: BTreeMap<String, String>,
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
    snapshot.observed.gateways =
        settings.gateways.into_iter().map(|(gateway, facts)| (name(&gateway), facts.into())).collect();
    snapshot.observed.bundles =
        settings.bundles.into_iter().map(|(crd, version)| (crd.into(), version.map(Into::into))).collect();
    let Settings { external_names, own_ports, pods, parameters_unseen, secret_namespaces, .. } = settings;
    let secret_namespaces = secret_namespaces.map(|names| names.into_iter().map(Into::into).collect());
    let placement = if pods { Placement::Pods } else { Placement::Process };
    (
        snapshot,
        Options { placement, external_names, own_ports, parameters_unseen, secret_namespaces, ..Options::default() },
    )
}

/// `namespace/name`
fn name(text: &str) -> ObjectName {
    let (namespace, name) = text.split_once('/').expect("namespace/name");
    ObjectName::new(namespace, name)
}

impl From<Facts> for GatewayFacts {
    fn from(facts: Facts) -> Self {
        let address = |text: String| match text.parse() {
            Ok(ip) => StatusAddress::Ip(ip),
            Err(_) => StatusAddress::Hostname(text.into()),
        };
        let address_failure = facts.address_failure.map(ProvisioningFailure::Address);
        Self {
            uid: facts.uid.into(),
            addresses: facts.addresses.into_iter().map(address).collect(),
            failure: address_failure.or(facts.object_failure.map(ProvisioningFailure::Object)),
            replicas: facts.replicas.into_iter().map(|(pod, report)| (pod.into(), report.into())).collect(),
        }
    }
}

impl From<Report> for Replica {
    fn from(report: Report) -> Self {
        let bound = report.ports.into_iter().map(|port| (port, Ok(())));
        let failed = report.failed_ports.into_iter().map(|(port, message)| (port, Err(BindFailure { message })));
        let route = |text: &str| ObjectRef { kind: Kind::HttpRoute, name: name(text) };
        Self {
            generation: report.generation,
            ports: bound.chain(failed).collect(),
            unread: report.unread.iter().map(|(object, why)| (route(object), why.clone())).collect(),
        }
    }
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
