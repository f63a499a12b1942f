//! Drift that an apply does not undo: what others put beside ours where only ours may be. Pure.
//!
//! An apply sets our fields, and leaves what others set beside them. In a list that the API server merges by key, a port, container or
//! variable that was renamed is such a thing beside ours; and some values of others are in ours' way (`value` of a variable that has
//! `valueFrom`).

use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

/// Lists that the API server merges, and the fields that tell their elements apart.
const LISTS: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("volumes", &["name"]),
    ("env", &["name"]),
    ("imagePullSecrets", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    // Of a Service, or of a container.
    ("ports", &["port", "containerPort", "protocol"]),
];

/// Fields of `spec` that are given to an object, and are nobody's to set back: by the cluster to a Service, by an autoscaler to a
/// Deployment.
const GIVEN: &[&str] = &[
    "clusterIP",
    "clusterIPs",
    "ipFamilies",
    "healthCheckNodePort",
    "loadBalancerClass",
    "allocateLoadBalancerNodePorts",
    "replicas",
];

/// A merge patch by which the lists that are ours have no elements but ours; `None`: they have none. What the API server gave to an
/// element of ours (a `nodePort`) stays.
pub fn without_strays(wanted: &DynamicObject, there: &DynamicObject) -> Option<Value> {
    weed(&wanted.data, &there.data, "")
}

/// A merge patch that makes `spec` just what is wanted, whatever others set in it, but for what is given to the object. `None`: there is
/// no `spec`.
pub fn reset(wanted: &DynamicObject, there: &DynamicObject) -> Option<Value> {
    let spec = wanted.data.get("spec")?;
    let mut patch = only(spec, there.data.get("spec")?);
    if let Some(fields) = patch.as_object_mut() {
        fields.retain(|field, value| !(value.is_null() && GIVEN.contains(&field.as_str())));
    }
    Some(json!({ "spec": patch }))
}

fn weed(wanted: &Value, there: &Value, field: &str) -> Option<Value> {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            let weeded = |(field, wanted): (&String, _)| Some((field.clone(), weed(wanted, there.get(field)?, field)?));
            let patch: Map<_, _> = wanted.iter().filter_map(weeded).collect();
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        _ => has_strays(wanted, there, field).then(|| joined(wanted, there, field)),
    }
}

fn has_strays(wanted: &Value, there: &Value, field: &str) -> bool {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => {
            wanted.iter().any(|(field, wanted)| there.get(field).is_some_and(|there| has_strays(wanted, there, field)))
        }
        (Value::Array(wanted), Value::Array(there)) => keys(field).is_some_and(|keys| {
            there.iter().any(|there| find(wanted, there, keys).is_none_or(|wanted| has_strays(wanted, there, "")))
        }),
        _ => false,
    }
}

/// What is wanted, over what is there of the same.
fn joined(wanted: &Value, there: &Value, field: &str) -> Value {
    match (wanted, there, keys(field)) {
        (Value::Object(wanted), Value::Object(there), _) => {
            let over = |(field, wanted): (&String, &Value)| {
                let there = there.get(field).unwrap_or(&Value::Null);
                (field.clone(), joined(wanted, there, field))
            };
            let mut all = there.clone();
            all.extend(wanted.iter().map(over));
            Value::Object(all)
        }
        (Value::Array(wanted), Value::Array(there), Some(keys)) => {
            let one = |wanted| find(there, wanted, keys).map_or(wanted.clone(), |there| joined(wanted, there, ""));
            wanted.iter().map(one).collect()
        }
        _ => wanted.clone(),
    }
}

/// What is wanted, and null for all else that is there. A template's metadata is as free as an object's.
fn only(wanted: &Value, there: &Value) -> Value {
    let (Value::Object(wanted), Value::Object(there)) = (wanted, there) else { return wanted.clone() };
    let gone = there.keys().filter(|field| !wanted.contains_key(*field)).map(|field| (field.clone(), Value::Null));
    let set = wanted.iter().map(|(field, wanted)| match there.get(field) {
        Some(there) if field != "metadata" => (field.clone(), only(wanted, there)),
        _ => (field.clone(), wanted.clone()),
    });
    gone.chain(set).collect::<Map<_, _>>().into()
}

fn keys(field: &str) -> Option<&'static [&'static str]> {
    LISTS.iter().find(|(list, _)| *list == field).map(|(_, keys)| *keys)
}

/// The element of a list that has the keys of another.
fn find<'v>(list: &'v [Value], element: &Value, keys: &[&str]) -> Option<&'v Value> {
    let key = |element: &Value, key: &str| match &element[key] {
        Value::Null if key == "protocol" => json!("TCP"),
        value => value.clone(),
    };
    list.iter().find(|other| keys.iter().all(|name| key(other, name) == key(element, name)))
}
