//! Who may see what: just what the scope says.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::super::{Parameters, objects};
use super::{gateway, install, kind_of, named, scope};
use crate::snapshot::{Namespaces, Scope};

/// Each binding as `namespace: role`, in order.
fn bindings(scope: &Scope) -> Vec<String> {
    let objects = objects(&gateway(json!({}), json!({})), &Parameters::default(), scope, &install());
    let bindings = objects.iter().filter(|object| kind_of(object).ends_with("RoleBinding"));
    let mut words: Vec<_> = bindings.map(words).collect();
    words.sort_unstable();
    words
}

fn words(binding: &DynamicObject) -> String {
    let subject = &binding.data["subjects"][0];
    assert_eq!((subject["name"].as_str(), subject["namespace"].as_str()), (Some("waypoint-pingway"), Some("shop")));
    let role = binding.data["roleRef"]["name"].as_str().unwrap_or_default();
    format!("{}: {role}", binding.metadata.namespace.as_deref().unwrap_or("*"))
}

#[test]
fn a_gateway_for_its_own_namespace_sees_that() {
    let expected = ["*: pingway-proxy-cluster", "shop: pingway-proxy-namespace", "shop: waypoint-pingway"];
    assert_eq!(bindings(&super::own_namespace()), expected);
}

#[test]
fn namespaces_of_routes_and_of_services_are_bound_one_by_one() {
    let scope = scope(named(&["cart", "shop"]), named(&["shop", "stock"]), &[]);
    let expected = [
        "*: pingway-proxy-cluster",
        "cart: pingway-proxy-namespace",
        "shop: pingway-proxy-namespace",
        "shop: waypoint-pingway",
        "stock: pingway-proxy-namespace",
    ];
    assert_eq!(bindings(&scope), expected);
}

#[test]
fn of_the_root_namespace_the_policies_are_seen() {
    let scope = Scope { policies: named(&["istio-system", "shop"]), ..super::own_namespace() };
    let expected = [
        "*: pingway-proxy-cluster",
        "istio-system: pingway-proxy-root",
        "shop: pingway-proxy-namespace",
        "shop: waypoint-pingway",
    ];
    assert_eq!(bindings(&scope), expected);
}

#[test]
fn pods_are_seen_where_their_workloads_are_told() {
    let seen = |pods: Namespaces| {
        let mut bindings = bindings(&Scope { pods, ..super::own_namespace() });
        bindings.retain(|binding| binding.ends_with("pingway-proxy-pods"));
        bindings
    };
    assert_eq!(seen(Namespaces::none()), [""; 0]);
    assert_eq!(seen(named(&["shop", "stock"])), ["shop: pingway-proxy-pods", "stock: pingway-proxy-pods"]);
    assert_eq!(seen(Namespaces::All), ["*: pingway-proxy-pods"]);
}

#[test]
fn all_namespaces_are_bound_at_once() {
    let scope = scope(Namespaces::All, Namespaces::All, &[]);
    let expected = ["*: pingway-proxy-cluster", "*: pingway-proxy-namespace", "shop: waypoint-pingway"];
    assert_eq!(bindings(&scope), expected);
}

#[test]
fn secrets_are_read_by_name_where_they_are() {
    let scope = scope(named(&["shop"]), named(&["shop"]), &["certs/a", "certs/b", "shop/own"]);
    let objects = objects(&gateway(json!({}), json!({})), &Parameters::default(), &scope, &install());
    let secrets = |namespace: &str| -> Vec<Value> {
        let roles = objects.iter().filter(|object| kind_of(object) == "Role");
        let roles = roles.filter(|role| role.metadata.namespace.as_deref() == Some(namespace));
        let rules = roles.flat_map(|role| role.data["rules"].as_array().cloned().unwrap_or_default());
        rules.filter(|rule| rule["resources"][0] == "secrets").map(|rule| rule["resourceNames"].clone()).collect()
    };
    assert_eq!(secrets("certs"), [json!(["a", "b"])]);
    assert_eq!(secrets("shop"), [json!(["own"])]);
    let role = bindings(&scope).into_iter().find(|binding| binding.starts_with("certs"));
    assert_eq!(role.as_deref(), Some("certs: pingway-proxy-secrets:shop:waypoint:pingway"));
}

#[test]
fn a_pod_may_write_its_report_and_nothing_else() {
    let objects = objects(&gateway(json!({}), json!({})), &Parameters::default(), &super::own_namespace(), &install());
    let rules = super::field(&objects, "Role", "/rules");
    let writing: Vec<&Value> = rules
        .as_array()
        .into_iter()
        .flatten()
        .filter(|rule| rule["verbs"].as_array().into_iter().flatten().any(|verb| verb == "patch"))
        .collect();
    let [rule] = writing.as_slice() else { panic!("one rule: {rules}") };
    assert_eq!((&rule["resources"], &rule["resourceNames"]), (&json!(["configmaps"]), &json!(["waypoint-pingway"])));
}
