//! PingwayParameters: what is read, against the schema in `deploy/crds`, and one over the other.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::ParametersSpec;
use super::rules::RULES;
use crate::api::Item;
use crate::api::decode::{Decoded, decode};
use crate::api::validate::Limit;
use crate::api::validate::parameters::PARAMETERS;

/// What parameters say, or why that is not good.
fn read(spec: Value) -> Result<ParametersSpec, String> {
    let metadata = json!({ "name": "p", "namespace": "shop" });
    let object = json!({ "apiVersion": "pingway.dev/v1alpha1", "kind": "PingwayParameters", "metadata": metadata, "spec": spec });
    match decode(object) {
        Ok(Decoded::Item(Item::PingwayParameters(object))) => object.spec.clone().map_err(|error| error.to_string()),
        other => panic!("{other:?}"),
    }
}

/// The schema of an object's fields.
fn schema() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds/pingway.dev_pingwayparameters.yaml");
    let crd: Value = serde_yaml::from_str(&std::fs::read_to_string(file).expect("the CRD")).expect("YAML");
    crd.pointer("/spec/versions/0/schema/openAPIV3Schema").cloned().expect("a schema")
}

/// The schema of a field, by the steps to it.
fn field<'s>(schema: &'s Value, path: &str) -> &'s Value {
    path.split('.').fold(schema, |schema, step| match step {
        "[]" => &schema["items"],
        "{}" => &schema["additionalProperties"],
        name => &schema["properties"][name],
    })
}

/// An object with one field, which has this value.
fn with(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |value, step| match step.as_str() {
        "[]" => json!([value]),
        name => json!({ name: value }),
    })
}

/// Every object of the schema that has fields, by the steps to it from `spec` on.
fn objects(schema: &Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, BTreeSet<String>)>) {
    if let Some(fields) = schema["properties"].as_object() {
        found.push((path.clone(), fields.keys().cloned().collect()));
        for (name, field) in fields {
            path.push(name.clone());
            objects(field, path, found);
            path.pop();
        }
    }
    if schema["items"].is_object() {
        path.push("[]".to_owned());
        objects(&schema["items"], path, found);
        path.pop();
    }
}

#[test]
fn schema_and_code_have_the_same_fields() {
    let mut found = Vec::new();
    objects(&schema()["properties"]["spec"], &mut Vec::new(), &mut found);
    assert!(found.len() > 12, "{found:?}");
    for (path, fields) in found {
        let error = read(with(&path, json!({ "?": 1 }))).expect_err("a field that nobody knows");
        let (_, known) =
            error.split_once("unknown field `?`, expected ").unwrap_or_else(|| panic!("{path:?}: {error}"));
        let known: BTreeSet<_> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(known, fields, "{path:?}");
    }
}

#[test]
fn schema_and_code_have_the_same_words() {
    fn words(schema: &Value, path: &mut Vec<String>, checked: &mut usize) {
        if let Some(allowed) = schema["enum"].as_array() {
            let error = read(with(path, json!("?"))).expect_err("a word that nobody knows");
            let (_, known) = error.split_once("unknown variant `?`, expected ").unwrap_or_else(|| panic!("{error}"));
            let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
            assert_eq!(json!(known), json!(allowed), "{path:?}");
            *checked += 1;
        }
        let items = schema.get("items").map(|items| ("[]", items));
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (step, field) in fields.map(|(name, field)| (name.as_str(), field)).chain(items) {
            path.push(step.to_owned());
            words(field, path, checked);
            path.pop();
        }
    }
    let mut checked = 0;
    words(&schema()["properties"]["spec"], &mut Vec::new(), &mut checked);
    assert_eq!(checked, 8);
}

#[test]
fn schema_and_code_have_the_same_limits() {
    let schema = schema();
    for (path, limit) in PARAMETERS {
        let field = field(&schema, path);
        let bounds = |least: &str, most: &str| (field[least].clone(), field[most].clone());
        match limit {
            Limit::Length(least, most) => {
                assert_eq!(bounds("minLength", "maxLength"), (json!(least), json!(most)), "{path}");
            }
            Limit::Number(least, most) => {
                assert_eq!(bounds("minimum", "maximum"), (json!(least), json!(most)), "{path}")
            }
            Limit::Items(_, most) => assert_eq!(field["maxItems"], json!(most), "{path}"),
            Limit::Matches(expression) => assert_eq!(field["pattern"], json!(expression), "{path}"),
            _ => panic!("{path}: a limit that no schema has"),
        }
    }
    let text = schema.to_string();
    for (_, words, _) in RULES {
        assert!(text.contains(&format!("\"message\":\"{words}\"")), "{words}");
    }
}

#[test]
fn nonsense_is_told_with_its_field() {
    for (spec, told) in [
        (json!({ "replica": 1 }), "spec.replica: unknown field"),
        (json!({ "replicas": 0 }), "spec.replicas: 0 is not within 1 to 1000"),
        (json!({ "replicas": "two" }), "spec.replicas: invalid type"),
        (json!({ "replicas": 2, "autoscaling": {} }), "spec: replicas and autoscaling exclude each other"),
        (json!({ "autoscaling": { "minReplicas": 3, "maxReplicas": 2 } }), "minReplicas is above maxReplicas"),
        (json!({ "autoscaling": { "scaleDownStabilization": "2h" } }), "scaleDownStabilization: is longer than 1h"),
        (json!({ "drain": { "delay": "5" } }), "spec.drain.delay: \"5\" is not a duration"),
        (json!({ "drain": { "deadline": "25h" } }), "spec.drain.deadline: is longer than 24h"),
        (
            json!({ "resources": { "requests": { "cpu": "lots" } } }),
            "spec.resources.requests.cpu: \"lots\" does not match",
        ),
        (json!({ "resources": { "limits": { "cpu": -1 } } }), "spec.resources.limits.cpu: -1 is not an amount"),
        (json!({ "log": { "filter": "loud" } }), "spec.log.filter: \"loud\" does not match"),
        (json!({ "accessLog": { "filter": "status=500" } }), "spec.accessLog.filter"),
        (json!({ "podDisruptionBudget": { "maxUnavailable": "0%" } }), "spec.podDisruptionBudget.maxUnavailable"),
        (json!({ "podDisruptionBudget": { "maxUnavailable": 0 } }), "spec.podDisruptionBudget.maxUnavailable"),
        (json!({ "placement": { "tolerations": [{}] } }), "without a key, the operator is Exists"),
        (json!({ "placement": { "affinity": { "nodeAffinity": 1 } } }), "spec.placement.affinity.nodeAffinity: "),
        (
            json!({ "podTemplate": { "spec": { "containers": [{ "env": 1 }] } } }),
            "spec.podTemplate.spec.containers[0].env: ",
        ),
        (json!({ "podTemplate": { "spec": 1 } }), "spec.podTemplate.spec: invalid type"),
    ] {
        let error = read(spec.clone()).expect_err("nonsense");
        assert!(error.starts_with("PingwayParameters shop/p: ") && error.contains(told), "{spec}: {error}");
    }
}

#[test]
fn nothing_said_is_good() {
    assert_eq!(read(json!({})), Ok(ParametersSpec::default()));
}

#[test]
fn what_a_gateway_says_counts_and_else_what_its_class_says() {
    let over = |gateway: Value, class: Value| {
        let read = |spec| read(spec).expect("parameters");
        read(gateway).over(read(class))
    };
    let both = over(
        json!({ "image": "b", "log": { "format": "Json" }, "resources": { "limits": { "cpu": "2" } }, "service": { "annotations": { "x": "b" } } }),
        json!({ "image": "a", "log": { "filter": "debug", "format": "Text" }, "resources": { "requests": { "cpu": 1 } },
            "service": { "type": "NodePort", "annotations": { "x": "a", "y": "a" } } }),
    );
    let expected = json!({
        "image": "b", "log": { "filter": "debug", "format": "Json" },
        "resources": { "limits": { "cpu": "2" }, "requests": { "cpu": "1" } },
        "service": { "type": "NodePort", "annotations": { "x": "b", "y": "a" } },
    });
    assert_eq!(both, read(expected).expect("parameters"));
    let fixed = over(json!({ "replicas": 2 }), json!({ "autoscaling": { "maxReplicas": 3 } }));
    assert_eq!((fixed.replicas, fixed.autoscaling), (Some(2), None));
    let scaled = over(json!({ "autoscaling": {} }), json!({ "replicas": 2 }));
    assert_eq!((scaled.replicas, scaled.autoscaling.is_some()), (None, true));
    let bounds = over(json!({ "autoscaling": { "minReplicas": 9 } }), json!({ "autoscaling": { "maxReplicas": 3 } }));
    assert_eq!(bounds.autoscaling.map(|scale| (scale.min_replicas, scale.max_replicas)), Some((Some(9), Some(9))));
}
