//! Istio's policies: at which Gateways they are told of, and what is refused because of them.

use serde_json::{Value, json};

use super::{API, bound, compiled, gateway, hbone, namespace, service};
use crate::compile::Compiled;

const ENROLLED: (&str, &str) = ("istio.io/use-waypoint", "waypoint");

fn policy(api_version: &str, kind: &str, namespace: &str, spec: Value) -> Value {
    let metadata = json!({ "namespace": namespace, "name": "p" });
    json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec })
}

fn authorization(namespace: &str, group: &str, kind: &str, name: &str) -> Value {
    let refs = json!([{ "group": group, "kind": kind, "name": name }]);
    policy("security.istio.io/v1", "AuthorizationPolicy", namespace, json!({ "targetRefs": refs }))
}

/// A waypoint `mesh/waypoint` with Service `mesh/cart`, and these.
fn with(objects: &[Value]) -> Compiled {
    let usual = [
        bound(),
        gateway(json!({}), hbone("Same")),
        namespace("mesh", json!({})),
        service("mesh", json!({ ENROLLED.0: ENROLLED.1 })),
    ];
    compiled(&[&usual, objects].concat())
}

/// What is refused: `all`, or Services.
fn refused(compiled: &Compiled) -> Vec<String> {
    let table = compiled.tables.values().next().expect("a table");
    let denied = table.denied.as_deref().cloned().unwrap_or_default();
    denied.all.iter().map(|_| "all".to_owned()).chain(denied.services.keys().map(ToString::to_string)).collect()
}

/// The condition that tells of policies.
fn told(compiled: &Compiled) -> Option<String> {
    let status = compiled.statuses.gateways.values().next().expect("a Gateway");
    let told = status.conditions.iter().find(|one| one.kind.as_str() == "pingway.dev/PoliciesEnforced")?;
    assert!(!told.holds && told.reason.as_str() == "PolicyNotEnforced");
    Some(told.message.clone())
}

#[test]
fn a_policy_that_decides_refuses_whom_it_is_about() {
    let gateway_api = API.strip_suffix("/v1").expect("a group");
    for (policy, expected) in [
        (authorization("mesh", gateway_api, "Gateway", "waypoint"), Some("all")),
        (authorization("mesh", gateway_api, "Gateway", "other"), None),
        (authorization("else", gateway_api, "Gateway", "waypoint"), None),
        (authorization("istio-system", gateway_api, "GatewayClass", "pingway"), Some("all")),
        (authorization("mesh", gateway_api, "GatewayClass", "pingway"), None),
        (authorization("mesh", "", "Service", "cart"), Some("mesh/cart")),
        (authorization("mesh", "", "Service", "other"), None),
    ] {
        let compiled = with(std::slice::from_ref(&policy));
        assert_eq!(refused(&compiled), Vec::from_iter(expected), "{policy}");
        assert_eq!(told(&compiled).is_some(), expected.is_some(), "{policy}");
        assert_eq!(compiled.statuses.unenforced().count(), usize::from(expected.is_some()));
    }
}

#[test]
fn one_without_target_refs_is_ztunnels() {
    let compiled = with(&[policy("security.istio.io/v1", "AuthorizationPolicy", "mesh", json!({ "rules": [] }))]);
    assert_eq!((refused(&compiled), told(&compiled)), (vec![], None));
}

#[test]
fn the_rest_passes_and_each_is_named() {
    let host = |host: &str| json!({ "host": host, "hosts": [host] });
    let seen = |kind: &str, namespace: &str, spec: Value| {
        let compiled = with(&[policy("networking.istio.io/v1", kind, namespace, spec)]);
        assert_eq!(refused(&compiled), Vec::<String>::new());
        told(&compiled)
    };
    let message = "DestinationRule mesh/p is not enforced: what is sent to Service mesh/cart passes without it";
    assert_eq!(seen("DestinationRule", "mesh", host("cart")).as_deref(), Some(message));
    for known in ["cart.mesh.svc.cluster.local", "*.mesh.svc.cluster.local", "*"] {
        assert!(seen("VirtualService", "else", host(known)).is_some(), "{known}");
    }
    for other in ["cart.test", "*.test", "cart.else.svc.cluster.local"] {
        assert_eq!(seen("VirtualService", "mesh", host(other)), None, "{other}");
    }
    assert_eq!(seen("DestinationRule", "else", host("cart")), None, "a short name is of its own namespace");
    let private = json!({ "host": "cart.mesh.svc.cluster.local", "exportTo": ["."] });
    assert_eq!(seen("DestinationRule", "else", private), None);
}

#[test]
fn parameters_say_what_becomes_of_requests() {
    let parameters = |set: &str| {
        let metadata = json!({ "namespace": "mesh", "name": "set" });
        let spec = json!({ "unenforcedPolicies": set, "istioRootNamespace": "root" });
        json!({ "apiVersion": "pingway.dev/v1alpha1", "kind": "PingwayParameters", "metadata": metadata, "spec": spec })
    };
    let mut waypoint = gateway(json!({}), hbone("Same"));
    waypoint["spec"]["infrastructure"] =
        json!({ "parametersRef": { "group": "pingway.dev", "kind": "PingwayParameters", "name": "set" } });
    let service = service("mesh", json!({ ENROLLED.0: ENROLLED.1 }));
    let (allowed, rule) = (
        authorization("mesh", "", "Service", "cart"),
        policy("networking.istio.io/v1", "DestinationRule", "mesh", json!({ "host": "cart" })),
    );
    let group = "gateway.networking.k8s.io";
    let of_class = authorization("root", group, "GatewayClass", "pingway");
    for (set, policy, expected) in [
        ("Warn", &allowed, None),
        ("Deny", &allowed, Some("mesh/cart")),
        ("Deny", &rule, Some("mesh/cart")),
        ("Deny", &of_class, Some("all")),
        ("Warn", &of_class, None),
    ] {
        let objects = [bound(), waypoint.clone(), service.clone(), parameters(set), policy.clone()];
        let compiled = compiled(&objects);
        assert_eq!(refused(&compiled), Vec::from_iter(expected), "{set} {policy}");
        assert!(told(&compiled).is_some());
    }
}

#[test]
fn a_gateway_without_the_binding_is_told_of_them_too() {
    let class = super::class(json!({}), json!({}));
    let listener = json!([{ "name": "http", "port": 80, "protocol": "HTTP" }]);
    let service = service("mesh", json!({ ENROLLED.0: ENROLLED.1 }));
    let policy = authorization("mesh", "", "Service", "cart");
    assert_eq!(refused(&compiled(&[class, gateway(json!({}), listener), service, policy])), ["mesh/cart"]);
}

#[test]
fn a_policy_that_the_waypoint_does_not_see_refuses_nothing_and_is_told_so() {
    let host = "cart.mesh.svc.cluster.local";
    let rule = policy("networking.istio.io/v1", "VirtualService", "else", json!({ "hosts": [host] }));
    let parameters = json!({ "apiVersion": "pingway.dev/v1alpha1", "kind": "PingwayParameters",
        "metadata": { "namespace": "mesh", "name": "p" }, "spec": { "unenforcedPolicies": "Deny" } });
    let there = |allowed: &str| {
        let mut waypoint = gateway(json!({}), hbone(allowed));
        let reference = json!({ "group": "pingway.dev", "kind": "PingwayParameters", "name": "p" });
        waypoint["spec"]["infrastructure"] = json!({ "parametersRef": reference });
        let service = service("mesh", json!({ ENROLLED.0: ENROLLED.1 }));
        compiled(&[bound(), waypoint, service, rule.clone(), parameters.clone()])
    };
    let seen = there("All");
    assert_eq!(refused(&seen), ["mesh/cart"]);
    assert!(told(&seen).unwrap().ends_with("what is sent to Service mesh/cart is refused (403)"));
    let unseen = there("Same");
    assert_eq!(refused(&unseen), [""; 0]);
    assert!(told(&unseen).unwrap().ends_with("for it is in a namespace that the waypoint does not see"));
}
