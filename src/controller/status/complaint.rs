//! Complaints: what a user must mend, found in a status that is about to be written. Each becomes an Event. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::status::Reason;

/// Something that a user must mend: all that a status says with one reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::controller) struct Complaint {
    /// The conditions' reason.
    pub(in crate::controller) reason: String,
    /// Their messages, each once, after the listeners or parents that it is of.
    pub(in crate::controller) message: String,
}

/// A condition that is broken: its reason, its message, and the listener or parent that it is of.
type Broken = (String, String, Option<String>);

/// What a status complains of and the one before did not, with what else has the same reason. What is only pending needs no mending.
pub(super) fn complaints(before: &Value, now: &Value) -> BTreeSet<Complaint> {
    let (known, now) = (all(before), all(now));
    let new: BTreeSet<&str> = now.difference(&known).map(|(reason, ..)| reason.as_str()).collect();
    let complaint = |reason: &&str| {
        let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (_, message, part) in now.iter().filter(|(of, ..)| of == reason) {
            parts.entry(message).or_default().extend(part.as_deref());
        }
        let one = |(message, parts): (&&str, &Vec<&str>)| {
            if parts.is_empty() { (*message).to_owned() } else { format!("{}: {message}", parts.join(", ")) }
        };
        let message = parts.iter().map(one).collect::<Vec<_>>().join("; ");
        Complaint { reason: (*reason).to_owned(), message }
    };
    new.iter().map(complaint).collect()
}

fn all(status: &Value) -> BTreeSet<Broken> {
    let of_list = |list: &'static str, name: fn(&Value) -> String| {
        let parts = status[list].as_array().into_iter().flatten();
        parts.flat_map(move |part| broken(part, Some(name(part))))
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listeners = of_list("listeners", |part| format!("listener {}", part["name"].as_str().unwrap_or_default()));
    let parents =
        of_list("parents", |part| format!("parent {}", part["parentRef"]["name"].as_str().unwrap_or_default()));
    let found = broken(status, None).chain(listeners).chain(parents);
    let found = found.map(|(condition, part)| (text(&condition["reason"]), text(&condition["message"]), part));
    let found: BTreeSet<Broken> = found.collect();
    // Where Programmed says the same, once is enough.
    let is_said =
        |words: &str| found.iter().any(|(reason, message, _)| reason != NOT_APPLIED && message.contains(words));
    found.iter().filter(|(reason, message, _)| reason != NOT_APPLIED || !is_said(message)).cloned().collect()
}

const NOT_APPLIED: &str = Reason::NotApplied.as_str();

/// The broken conditions of a part of a status.
fn broken(part: &Value, name: Option<String>) -> impl Iterator<Item = (&Value, Option<String>)> {
    let conditions = part["conditions"].as_array().into_iter().flatten();
    let broken = conditions.filter(|condition| {
        let positive = matches!(
            condition["type"].as_str(),
            Some(
                "Accepted"
                    | "ResolvedRefs"
                    | "Programmed"
                    | "SupportedVersion"
                    | "pingway.dev/Provisioned"
                    | "pingway.dev/PoliciesEnforced"
                    | "pingway.dev/ServiceEntriesServed"
            )
        );
        let negative = matches!(condition["type"].as_str(), Some("Conflicted" | "PartiallyInvalid"));
        let broken = (positive && condition["status"] == "False") || (negative && condition["status"] == "True");
        broken && condition["reason"] != "Pending"
    });
    broken.map(move |condition| (condition, name.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
        json!({ "type": kind, "status": status, "reason": reason, "message": message })
    }

    fn complaint(reason: &str, message: &str) -> Complaint {
        Complaint { reason: reason.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn only_what_is_newly_wrong_is_complained_of() {
        let status = json!({
            "conditions": [
                condition("Accepted", "True", "Accepted", "m"), condition("Programmed", "False", "Pending", "m"),
                condition("pingway.dev/Provisioned", "False", "NotApplied", "no"),
            ],
            "listeners": [{ "name": "a", "conditions": [
                condition("ResolvedRefs", "False", "InvalidCertificateRef", "why"),
                condition("Conflicted", "False", "NoConflicts", "m"),
            ] }],
        });
        let expected = [complaint("InvalidCertificateRef", "listener a: why"), complaint("NotApplied", "no")];
        assert_eq!(complaints(&Value::Null, &status), BTreeSet::from(expected));
        assert_eq!(complaints(&status, &status), BTreeSet::new());
    }

    #[test]
    fn what_programmed_says_too_is_complained_of_once() {
        let status = json!({ "conditions": [
            condition("Programmed", "False", "AddressNotUsable", "spec.addresses: Service a: no"),
            condition("pingway.dev/Provisioned", "False", "NotApplied", "Service a: no"),
        ] });
        let expected = complaint("AddressNotUsable", "spec.addresses: Service a: no");
        assert_eq!(complaints(&Value::Null, &status), BTreeSet::from([expected]));
    }

    #[test]
    fn one_complaint_names_all_listeners_of_a_reason() {
        let status = |failing: &[(&str, &str)]| {
            let listener = |(name, why): &(&str, &str)| json!({ "name": name, "conditions": [condition("ResolvedRefs", "False", "InvalidCertificateRef", why)] });
            json!({ "listeners": failing.iter().map(listener).collect::<Vec<_>>() })
        };
        let one = status(&[("a", "Secret x is not there")]);
        let three =
            status(&[("a", "Secret x is not there"), ("b", "Secret y is not there"), ("c", "Secret x is not there")]);
        let words = "listener a, listener c: Secret x is not there; listener b: Secret y is not there";
        assert_eq!(complaints(&one, &three), BTreeSet::from([complaint("InvalidCertificateRef", words)]));
        assert_eq!(complaints(&three, &one), BTreeSet::new(), "what is mended is no complaint");
    }
}
