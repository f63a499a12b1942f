//! Overlays, like that of a pod's template: a strategic merge, as `kubectl patch` does it by default.
//!
//! Fields are merged, and elements of the lists that Kubernetes merges are found by their key; every other list is replaced
//! as a whole. Nothing can be removed.

use serde_json::{Map, Value};

/// Lists that are merged, and the field by which an element is found.
const KEYS: &[(&str, &str)] = &[
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("imagePullSecrets", "name"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("ports", "containerPort"),
    ("hostAliases", "ip"),
];

/// Merges an overlay into a value.
pub fn merge(base: &mut Value, overlay: &Value) {
    merge_field(base, overlay, "");
}

/// Merges the fields of an overlay into those of an object.
pub fn merge_fields(base: &mut Map<String, Value>, overlay: &Map<String, Value>) {
    for (name, value) in overlay {
        merge_field(base.entry(name.clone()).or_insert(Value::Null), value, name);
    }
}

fn merge_field(base: &mut Value, overlay: &Value, field: &str) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => merge_fields(base, overlay),
        (Value::Array(base), Value::Array(overlay)) if key_of(field, overlay).is_some() => {
            let key = key_of(field, overlay).unwrap_or_default();
            for element in overlay {
                match base.iter_mut().find(|known| known.get(key) == element.get(key)) {
                    Some(known) => merge_field(known, element, ""),
                    None => base.push(element.clone()),
                }
            }
        }
        (base, overlay) => base.clone_from(overlay),
    }
}

/// The field by which elements of a list are found, where each of them has it.
fn key_of(field: &str, elements: &[Value]) -> Option<&'static str> {
    let (_, key) = KEYS.iter().find(|(list, _)| *list == field)?;
    elements.iter().all(|element| element.get(key).is_some()).then_some(*key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(mut base: Value, overlay: Value) -> Value {
        merge(&mut base, &overlay);
        base
    }

    #[test]
    fn fields_are_merged_and_elements_found_by_their_name() {
        let base = json!({ "containers": [{ "name": "proxy", "image": "a", "env": [{ "name": "A", "value": "1" }] }] });
        let overlay = json!({ "containers": [
            { "name": "proxy", "env": [{ "name": "B", "value": "2" }] },
            { "name": "helper" },
        ] });
        let expected = json!({ "containers": [
            { "name": "proxy", "image": "a", "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] },
            { "name": "helper" },
        ] });
        assert_eq!(merged(base, overlay), expected);
    }

    #[test]
    fn other_lists_are_replaced_as_a_whole() {
        let base = json!({ "args": ["a", "b"], "tolerations": [{ "key": "x" }] });
        let overlay = json!({ "args": ["c"], "tolerations": [] });
        assert_eq!(merged(base, overlay.clone()), overlay);
    }

    #[test]
    fn what_is_of_another_shape_is_replaced() {
        assert_eq!(merged(json!({ "a": { "b": 1 } }), json!({ "a": 2 })), json!({ "a": 2 }));
        assert_eq!(merged(json!({ "env": [{ "name": "A" }] }), json!({ "env": ["x"] })), json!({ "env": ["x"] }));
    }
}
