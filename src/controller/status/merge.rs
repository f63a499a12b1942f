//! What is to be written of a status, from what is wanted and what is there. Pure.

use serde_json::{Value, json};

use crate::api::CONTROLLER_NAME;
use crate::status::ConditionType;

/// Entries of a route's status at most, as its schema has it.
const PARENTS: usize = 32;

/// What is to be done about a status.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Merged {
    /// It is as it should be.
    Same,
    /// What is there speaks of a newer generation than what is wanted: that is to come.
    Newer,
    /// This is to be written.
    Differs(Value),
}

/// What is to be applied as the status of a GatewayClass or a Gateway: all that is ours. Lists are merged by the API server,
/// by the type of a condition and the name of a listener.
pub(super) fn own_status(live: &Value, mut wanted: Value) -> Merged {
    let mut kept = Kept::default();
    kept.conditions(live, &mut wanted);
    for listener in wanted.get_mut("listeners").and_then(Value::as_array_mut).into_iter().flatten() {
        let before = named(&live["listeners"], listener);
        kept.conditions(before, listener);
        kept.differs |= ["supportedKinds", "attachedRoutes"].iter().any(|&field| before[field] != listener[field]);
    }
    let count = |status: &Value, field: &str| status[field].as_array().map_or(0, Vec::len);
    kept.differs |= count(live, "listeners") != count(&wanted, "listeners");
    // Empty, or not there at all.
    kept.differs |=
        (live["addresses"] != wanted["addresses"]) && (count(live, "addresses"), count(&wanted, "addresses")) != (0, 0);
    kept.differs |= live["supportedFeatures"] != wanted["supportedFeatures"];
    kept.merged(wanted)
}

/// What is to be put as the status of a route: entries of other controllers as they are, in their order, then ours. `wanted`
/// is null where no parent is ours any more. `stays`: whether what is said of a parent, by its reference, is left as it is.
pub(super) fn route_status(live: &Value, wanted: &Value, stays: impl Fn(&Value) -> bool) -> Merged {
    let entries = |status: &Value| status["parents"].as_array().cloned().unwrap_or_default();
    let (ours, mut parents): (Vec<Value>, Vec<Value>) = entries(live)
        .into_iter()
        .partition(|entry| entry["controllerName"] == CONTROLLER_NAME && !stays(&entry["parentRef"]));
    let mut wanted = entries(wanted);
    // None of another's is pushed out.
    wanted.truncate(PARENTS.saturating_sub(parents.len()));
    let mut kept = Kept { differs: ours.len() != wanted.len(), ..Kept::default() };
    for (index, entry) in wanted.iter_mut().enumerate() {
        let before = ours.iter().find(|other| other["parentRef"] == entry["parentRef"]).unwrap_or(&Value::Null);
        kept.conditions(before, entry);
        kept.differs |= ours.get(index).is_none_or(|other| other["parentRef"] != entry["parentRef"]);
    }
    parents.extend(wanted);
    kept.merged(json!({ "parents": parents }))
}

/// What has been found while lists of conditions were compared.
#[derive(Default)]
struct Kept {
    differs: bool,
    newer: bool,
}

impl Kept {
    /// Compares the conditions of two parts of a status, and gives those that stay as they are the transition time that they
    /// have.
    fn conditions(&mut self, live: &Value, wanted: &mut Value) {
        let live = live["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(wanted) = wanted.get_mut("conditions").and_then(Value::as_array_mut) else { return };
        for condition in wanted.iter_mut() {
            let Some(before) = live.iter().find(|before| before["type"] == condition["type"]) else {
                self.differs = true;
                continue;
            };
            if before["status"] == condition["status"] {
                condition["lastTransitionTime"] = before["lastTransitionTime"].clone();
            }
            self.newer |= before["observedGeneration"].as_i64() > condition["observedGeneration"].as_i64();
            self.differs |= before != condition;
        }
        let ours = |condition: &Value| ConditionType::ALL.iter().any(|kind| condition["type"] == kind.as_str());
        self.differs |= live
            .iter()
            .any(|before| ours(before) && !wanted.iter().any(|condition| condition["type"] == before["type"]));
    }

    fn merged(self, status: Value) -> Merged {
        match (self.newer, self.differs) {
            (true, _) => Merged::Newer,
            (false, true) => Merged::Differs(status),
            (false, false) => Merged::Same,
        }
    }
}

/// The listener of a list that has another's name; null if none has.
fn named<'v>(list: &'v Value, listener: &Value) -> &'v Value {
    let mut found = list.as_array().into_iter().flatten().filter(|other| other["name"] == listener["name"]);
    found.next().unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route_status(live: &Value, wanted: &Value) -> Merged {
        super::route_status(live, wanted, |_| false)
    }

    fn condition(kind: &str, status: &str, generation: i64, time: &str) -> Value {
        json!({ "type": kind, "status": status, "reason": "R", "message": "m", "observedGeneration": generation, "lastTransitionTime": time })
    }

    fn gateway(conditions: &[Value]) -> Value {
        let listener = json!({ "name": "web", "supportedKinds": [], "attachedRoutes": 1, "conditions": conditions });
        json!({ "conditions": conditions, "addresses": [], "listeners": [listener] })
    }

    fn entry(controller: &str, parent: &str, conditions: &[Value]) -> Value {
        json!({ "controllerName": controller, "parentRef": { "name": parent }, "conditions": conditions })
    }

    #[test]
    fn a_condition_that_stays_keeps_its_time_and_writes_nothing() {
        let (old, new) = (condition("Accepted", "True", 2, "1970"), condition("Accepted", "True", 2, "2026"));
        assert_eq!(own_status(&gateway(std::slice::from_ref(&old)), gateway(&[new])), Merged::Same);
        let next = condition("Accepted", "True", 3, "2026");
        let kept = condition("Accepted", "True", 3, "1970");
        assert_eq!(own_status(&gateway(&[old]), gateway(&[next])), Merged::Differs(gateway(&[kept])));
    }

    #[test]
    fn a_class_has_no_listeners() {
        let wanted = json!({ "conditions": [condition("Accepted", "True", 1, "2026")], "supportedFeatures": [] });
        assert_eq!(own_status(&Value::Null, wanted.clone()), Merged::Differs(wanted));
    }

    #[test]
    fn a_condition_that_turns_has_a_new_time() {
        let (old, new) = (condition("Accepted", "Unknown", 0, "1970"), condition("Accepted", "True", 1, "2026"));
        let wanted = gateway(&[new]);
        assert_eq!(own_status(&gateway(&[old]), wanted.clone()), Merged::Differs(wanted));
    }

    #[test]
    fn an_older_generation_is_never_written_over_a_newer() {
        let (live, late) = (condition("Accepted", "True", 4, "1970"), condition("Accepted", "False", 3, "2026"));
        assert_eq!(own_status(&gateway(&[live]), gateway(&[late])), Merged::Newer);
    }

    #[test]
    fn what_goes_is_a_difference_and_what_others_say_is_none() {
        let accepted = condition("Accepted", "True", 1, "1970");
        let foreign = condition("acme.test/Ready", "True", 1, "1970");
        let gone = condition("Conflicted", "True", 1, "1970");
        let wanted = || gateway(std::slice::from_ref(&accepted));
        assert_eq!(own_status(&gateway(&[accepted.clone(), foreign]), wanted()), Merged::Same);
        assert_eq!(own_status(&gateway(&[accepted.clone(), gone]), wanted()), Merged::Differs(wanted()));
        let without = json!({ "conditions": [accepted], "addresses": [], "listeners": [] });
        assert_eq!(own_status(&wanted(), without.clone()), Merged::Differs(without));
    }

    #[test]
    fn entries_of_other_controllers_stay_where_and_as_they_are() {
        let ours = |generation| entry(CONTROLLER_NAME, "a", &[condition("Accepted", "True", generation, "1970")]);
        let foreign = entry("acme.test/c", "a", &[condition("Accepted", "False", 9, "1999")]);
        let live = json!({ "parents": [ours(1), foreign] });
        let wanted = json!({ "parents": [ours(2)] });
        assert_eq!(route_status(&live, &wanted), Merged::Differs(json!({ "parents": [foreign, ours(2)] })));
        assert_eq!(route_status(&live, &json!({ "parents": [ours(1)] })), Merged::Same);
        assert_eq!(route_status(&live, &Value::Null), Merged::Differs(json!({ "parents": [foreign] })));
        assert_eq!(route_status(&json!({ "parents": [foreign] }), &Value::Null), Merged::Same);
        assert_eq!(route_status(&Value::Null, &Value::Null), Merged::Same);
    }

    #[test]
    fn what_is_said_of_a_parent_without_a_class_stays() {
        let entry = |parent: &str| entry(CONTROLLER_NAME, parent, &[condition("Accepted", "True", 1, "1970")]);
        let live = json!({ "parents": [entry("orphan"), entry("gone")] });
        let merged = super::route_status(&live, &Value::Null, |parent| parent["name"] == "orphan");
        assert_eq!(merged, Merged::Differs(json!({ "parents": [entry("orphan")] })));
    }

    #[test]
    fn no_entry_of_another_is_pushed_out() {
        let foreign: Vec<Value> = (0..31).map(|n| entry("acme.test/c", &n.to_string(), &[])).collect();
        let ours = ["a", "b"].map(|name| entry(CONTROLLER_NAME, name, &[]));
        let Merged::Differs(status) = route_status(&json!({ "parents": foreign }), &json!({ "parents": ours })) else {
            panic!("nothing to write");
        };
        let parents = status["parents"].as_array().expect("a list");
        assert_eq!((parents.len(), &parents[..31], &parents[31]), (32, &foreign[..], &ours[0]));
    }
}
