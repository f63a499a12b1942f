//! A check's findings for programs: statuses as the specification has them, and the rest beside.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::findings::Findings;
use crate::api::ObjectRef;
use crate::status::{Rendered, render};

/// The whole document. `statuses[]` are objects of the Gateway API, bar their specs.
pub(super) fn document(findings: &Findings) -> Value {
    let not_ours = |object: &ObjectRef, why: &str| json!({ "object": object.to_string(), "message": why });
    let warnings = findings.statuses.warnings.iter().map(|warning| {
        json!({
            "kind": warning.kind.as_str(),
            "object": warning.object.to_string(),
            "field": warning.field,
            "message": warning.message,
        })
    });
    let oddities = findings.oddities.iter().map(|problem| json!(problem));
    let wrong = findings.wrong();
    json!({
        "ok": wrong.is_empty(),
        "wrong": wrong,
        "statuses": render(&findings.statuses, Timestamp::UNIX_EPOCH).into_iter().map(object).collect::<Vec<_>>(),
        "notOurs": findings.not_ours.iter().map(|found| not_ours(&found.object, &found.why)).collect::<Vec<_>>(),
        "warnings": warnings.chain(oddities).collect::<Vec<_>>(),
        "problems": findings.problems,
    })
}

fn object(rendered: Rendered) -> Value {
    let ObjectRef { kind, name } = rendered.object;
    let mut metadata = json!({ "name": &*name.name });
    if !kind.is_cluster_scoped() {
        metadata["namespace"] = json!(&*name.namespace);
    }
    json!({
        "apiVersion": format!("{}/{}", kind.group(), kind.version()),
        "kind": kind.as_str(),
        "metadata": metadata,
        "status": rendered.status,
    })
}
