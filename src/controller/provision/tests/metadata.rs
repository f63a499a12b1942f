//! Names, labels and owners of all that is made.

use serde_json::json;

use super::super::{GATEWAY, Parameters, kinds, object_name};
use super::{field, gateway, kind_of, made, one};
use crate::api::GATEWAY_NAME;

/// What a Service's name may be (RFC 1035).
fn is_service_name(name: &str) -> bool {
    let inner = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    inner && name.len() <= 63 && name.starts_with(|first: char| first.is_ascii_lowercase()) && !name.ends_with('-')
}

#[test]
fn names_of_any_length_and_form_fit_and_differ() {
    let names = ["waypoint", "0-first", "with.dots", "with-dots", &"n".repeat(253), &format!("{}m", "n".repeat(252))];
    let mut seen = Vec::new();
    for name in names {
        let gateway = gateway(json!({ "name": name }), json!({}));
        let own = object_name(&gateway);
        assert!(is_service_name(&own), "{own}");
        for object in made(&gateway, &Parameters::default()) {
            let object_name = object.metadata.name.as_deref().unwrap_or_default();
            assert!((1..=253).contains(&object_name.len()), "{object_name}");
            for value in object.metadata.labels.iter().flat_map(|labels| labels.values()) {
                assert!(value.len() <= 63, "{value}");
            }
        }
        seen.push(own);
    }
    assert_eq!(seen[0], "waypoint-pingway");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), names.len());
}

#[test]
fn gateways_whose_names_run_together_have_rights_of_their_own() {
    let bindings = |namespace: &str, name: &str| {
        let gateway = gateway(json!({ "namespace": namespace, "name": name }), json!({}));
        one(&made(&gateway, &Parameters::default()), "ClusterRoleBinding").metadata.name.clone()
    };
    assert_ne!(bindings("a-b", "c"), bindings("a", "b-c"));
}

#[test]
fn the_same_gateway_gives_the_same_text() {
    let text = || {
        let labels = json!({ "b": "1", "a": "2" });
        let gateway = gateway(json!({}), json!({ "infrastructure": { "labels": labels } }));
        serde_json::to_string(&made(&gateway, &Parameters::default())).expect("JSON")
    };
    assert_eq!(text(), text());
}

#[test]
fn labels_and_annotations_of_the_gateway_are_on_all_that_is_its_own() {
    let own = json!({ "istio.io/dataplane-mode": "ambient", "team": "not copied", "istio.io/rev": "own" });
    let infrastructure = json!({
        "labels": { "cost": "7", "istio.io/rev": "given", GATEWAY: "stolen" },
        "annotations": { "example.com/note": "n" },
    });
    let gateway = gateway(json!({ "labels": own }), json!({ "infrastructure": infrastructure }));
    let objects = made(&gateway, &Parameters::default());
    for object in objects.iter().filter(|object| object.metadata.namespace.is_some()) {
        let labels = object.metadata.labels.clone().unwrap_or_default();
        let label = |key: &str| labels.get(key).map(String::as_str);
        assert_eq!(label("istio.io/dataplane-mode"), Some("ambient"), "{}", kind_of(object));
        assert_eq!(label("istio.io/rev"), Some("given"));
        assert_eq!(label("cost"), Some("7"));
        assert_eq!(label("team"), None);
        assert_eq!(label(GATEWAY), Some("waypoint-pingway"));
        let annotations = object.metadata.annotations.clone().unwrap_or_default();
        assert_eq!(annotations.get("example.com/note").map(String::as_str), Some("n"));
    }
    let template = field(&objects, "Deployment", "/spec/template/metadata");
    assert_eq!(template["labels"]["istio.io/dataplane-mode"], "ambient");
    assert_eq!(template["labels"]["cost"], "7");
    assert_eq!(template["labels"][GATEWAY], "waypoint-pingway");
    assert_eq!(template["annotations"]["example.com/note"], "n");
    let elsewhere = one(&objects, "ClusterRoleBinding").metadata.labels.clone().unwrap_or_default();
    assert!(!elsewhere.contains_key("cost"), "the user's labels reach beyond the namespace");
    assert!(elsewhere.contains_key(GATEWAY_NAME));
}

#[test]
fn selectors_stay_when_labels_change() {
    let selectors = |labels: &str| {
        let infrastructure = json!({ "labels": { "app": labels } });
        let gateway = gateway(json!({}), json!({ "infrastructure": infrastructure }));
        let parameters = Parameters { scale: super::super::Scale::Fixed(2), ..Parameters::default() };
        let objects = made(&gateway, &parameters);
        let pointers = [
            ("Deployment", "/spec/selector"),
            ("Service", "/spec/selector"),
            ("PodDisruptionBudget", "/spec/selector"),
        ];
        pointers.map(|(kind, pointer)| field(&objects, kind, pointer))
    };
    assert_eq!(selectors("a"), selectors("b"));
    assert_eq!(selectors("a")[1], json!({ GATEWAY: "waypoint-pingway" }));
}

#[test]
fn what_is_made_belongs_to_the_gateway_and_elsewhere_to_the_installation() {
    for object in made(&gateway(json!({}), json!({})), &Parameters::default()) {
        let owners = object.metadata.owner_references.clone().unwrap_or_default();
        let [owner] = owners.as_slice() else { panic!("one owner of {object:?}") };
        let expected = if object.metadata.namespace.is_some() { ("Gateway", "5f1c") } else { ("ClusterRole", "c1") };
        assert_eq!((owner.kind.as_str(), owner.uid.as_str()), expected);
        assert_eq!(owner.block_owner_deletion, None);
    }
}

#[test]
fn every_object_is_of_a_kind_that_is_looked_after() {
    let parameters = Parameters { scale: super::super::Scale::Auto(Default::default()), ..Parameters::default() };
    let objects = made(&gateway(json!({}), json!({})), &parameters);
    let order: Vec<usize> = objects
        .iter()
        .map(|object| kinds().iter().position(|kind| kind.kind == kind_of(object)).expect("a kind of these"))
        .collect();
    assert_eq!(order.iter().max(), Some(&(kinds().len() - 1)));
    for kind in kinds() {
        let object = objects.iter().find(|object| kind_of(object) == kind.kind).expect("one of each");
        assert_eq!(object.types.as_ref().map(|types| types.api_version.clone()), Some(kind.resource().api_version));
    }
}
