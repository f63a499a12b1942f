//! Complaints: what a user must mend, found in a status that is about to be written. Each becomes an Event. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// Something that a user must mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Complaint {
    /// The condition's reason.
    pub(super) reason: String,
    /// The condition's message.
    pub(super) message: String,
}

/// What a status complains of and the one before did not. What is only pending needs no mending.
pub(super) fn complaints(before: &Value, now: &Value) -> BTreeSet<Complaint> {
    let known = all(before);
    all(now).into_iter().filter(|complaint| !known.contains(complaint)).collect()
}

fn all(status: &Value) -> BTreeSet<Complaint> {
    let parts = ["listeners", "parents"].iter().filter_map(|list| status[list].as_array()).flatten();
    let lists = parts.chain([status]).filter_map(|part| part["conditions"].as_array());
    let broken = lists.flatten().filter(|condition| {
        let positive =
            matches!(condition["type"].as_str(), Some("Accepted" | "ResolvedRefs" | "Programmed" | "SupportedVersion"));
        let negative = matches!(condition["type"].as_str(), Some("Conflicted" | "PartiallyInvalid"));
        let broken = (positive && condition["status"] == "False") || (negative && condition["status"] == "True");
        broken && condition["reason"] != "Pending"
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    broken
        .map(|condition| Complaint { reason: text(&condition["reason"]), message: text(&condition["message"]) })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_newly_wrong_is_complained_of() {
        let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "message": "why" });
        let status = json!({
            "conditions": [condition("Accepted", "True", "Accepted"), condition("Programmed", "False", "Pending")],
            "listeners": [{ "conditions": [condition("ResolvedRefs", "False", "InvalidCertificateRef"), condition("Conflicted", "False", "NoConflicts")] }],
        });
        let expected = Complaint { reason: "InvalidCertificateRef".to_owned(), message: "why".to_owned() };
        assert_eq!(complaints(&Value::Null, &status), BTreeSet::from([expected]));
        assert_eq!(complaints(&status, &status), BTreeSet::new());
    }
}
