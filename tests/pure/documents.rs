//! Documents that list what is in code: the list in the document is the code's.
//!
//! `UPDATE_DOCS=1 cargo test --test pure documents` writes the lists anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use pingway::telemetry::access_log::FIELDS;
use pingway::telemetry::family::FAMILIES;
use pingway::telemetry::outcome::Reason;

static WRITING: Mutex<()> = Mutex::new(());

/// Asserts that the text between `<!-- NAME: begin -->` and `<!-- NAME: end -->` is this; writes it, if asked to.
pub(super) fn listed(document: &str, name: &str, expected: &str) {
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&path).expect("the document");
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let from = text.find(&begin).expect("the list's begin") + begin.len();
    let to = text.find(&end).expect("the list's end");
    if text[from..to] == *expected {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{document} is not what the code says: run UPDATE_DOCS=1 cargo test --test pure documents"
    );
    fs::write(&path, format!("{}{expected}{}", &text[..from], &text[to..])).expect("the document is written");
}

#[test]
fn every_metric_family_is_documented() {
    let mut table = "| name | type | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for family in FAMILIES {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            family.name,
            family.kind.as_str(),
            labels.join(", "),
            family.help
        );
    }
    listed("docs/metrics.md", "families", &table);
}

#[test]
fn every_reason_word_is_documented() {
    let mut table = "| word | what happened, and the answer |\n|---|---|\n".to_owned();
    for reason in Reason::ALL {
        let _ = writeln!(table, "| `{}` | {} |", reason.as_str(), reason.meaning());
    }
    listed("docs/access-log.md", "reasons", &table);
}

#[test]
fn every_field_of_the_access_log_is_documented() {
    let mut table = "| field | what it says |\n|---|---|\n".to_owned();
    for (field, meaning) in FIELDS {
        let _ = writeln!(table, "| `{field}` | {meaning} |");
    }
    listed("docs/access-log.md", "fields", &table);
}

#[test]
fn the_dashboard_asks_for_what_is_exported_by_its_labels() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/dashboard/pingway.json");
    let dashboard: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).expect("the dashboard")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<&str> = targets.map(|target| target["expr"].as_str().expect("a query")).collect();
    assert!(queries.len() > 10, "{queries:?}");
    for query in queries {
        let names: Vec<&str> = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let asked = names.iter().find(|name| name.starts_with("pingway_") || name.starts_with("istio_"));
        let asked = asked.unwrap_or_else(|| panic!("{query}: no metric of ours"));
        let is_asked = |family: &&pingway::telemetry::family::Family| {
            asked.strip_prefix(family.name).is_some_and(|rest| matches!(rest, "" | "_bucket" | "_sum" | "_count"))
        };
        let family = FAMILIES.iter().find(is_asked).unwrap_or_else(|| panic!("{query}: {asked} is not exported"));
        // What Prometheus adds to each, and what a histogram has.
        let by = query.split_once(" by (").map(|(_, rest)| rest.split_once(')').expect("labels").0).unwrap_or_default();
        for label in by.split(", ").filter(|label| !matches!(*label, "" | "le" | "namespace" | "pod")) {
            assert!(family.labels.contains(&label), "{query}: {asked} has no label {label}");
        }
    }
}
