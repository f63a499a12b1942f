//! What decodes to what, and how a failure names object, field and reason.

use serde_json::{Value, json};

use super::{DecodeError, Decoded, decode, decode_telling};
use crate::api::{FilterType, Item, ObjectName};

fn item(value: Value) -> Item {
    match decode(value) {
        Ok(Decoded::Item(item)) => item,
        other => panic!("no item: {other:?}"),
    }
}

fn error(value: Value) -> String {
    match decode(value) {
        Err(error) => error.to_string(),
        other => panic!("no error: {other:?}"),
    }
}

fn route(spec: Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "cart", "namespace": "shop"}, "spec": spec})
}

fn backend(backend: Value) -> Value {
    route(json!({"rules": [{"backendRefs": [backend]}]}))
}

#[test]
fn every_kind_decodes_by_group_and_version() {
    let gateway_api = "gateway.networking.k8s.io";
    let cases = [
        (gateway_api, "v1", "GatewayClass", json!({"controllerName": "example.test/c"})),
        (
            gateway_api,
            "v1beta1",
            "Gateway",
            json!({"gatewayClassName": "c", "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP"}]}),
        ),
        (gateway_api, "v1beta1", "HTTPRoute", json!({})),
        (gateway_api, "v1", "GRPCRoute", json!({})),
        (
            gateway_api,
            "v1beta1",
            "ReferenceGrant",
            json!({
            "from": [{"group": "", "kind": "A", "namespace": "b"}], "to": [{"group": "", "kind": "Secret"}]}),
        ),
        ("", "v1", "Service", json!({"ports": [{"port": 80, "targetPort": "web"}]})),
        ("", "v1", "Secret", Value::Null),
        ("", "v1", "Namespace", Value::Null),
    ];
    for (group, version, kind, spec) in cases {
        let api_version = format!("{group}/{version}");
        let value = json!({"apiVersion": api_version.trim_start_matches('/'), "kind": kind,
            "metadata": {"name": "x"}, "spec": spec});
        let scoped = if matches!(kind, "GatewayClass" | "Namespace") { "x" } else { "default/x" };
        assert_eq!(item(value).reference().to_string(), format!("{kind} {scoped}"));
    }
}

#[test]
fn kinds_of_the_gateway_api_that_are_not_served_are_told_apart_from_foreign_ones() {
    let object = |api: &str, kind: &str| decode(json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}}));
    for (api, kind) in [
        ("gateway.networking.k8s.io/v1", "BackendTLSPolicy"),
        ("gateway.networking.k8s.io/v1alpha2", "UDPRoute"),
        ("gateway.networking.k8s.io/v1", "BackendTLSPolicy"),
        ("gateway.networking.k8s.io/v1", "ListenerSet"),
        ("gateway.networking.x-k8s.io/v1alpha1", "XBackend"),
    ] {
        let expected = Decoded::NotSupported { object: format!("{kind} default/x"), api_version: api.to_owned() };
        assert_eq!(object(api, kind), Ok(expected));
    }
    for (api, kind) in [("apps/v1", "Deployment"), ("v1", "ConfigMap"), ("example.test/v1", "HTTPRoute")] {
        assert_eq!(object(api, kind), Ok(Decoded::Foreign));
    }
}

#[test]
fn a_version_that_is_not_served_is_named_with_those_that_are() {
    let mut value = route(json!({}));
    value["apiVersion"] = json!("gateway.networking.k8s.io/v1alpha2");
    assert_eq!(error(value), "HTTPRoute shop/cart: apiVersion: v1alpha2 of HTTPRoute is not served: use v1 or v1beta1");
}

#[test]
fn an_unknown_enum_value_stays_in_the_object() {
    let Item::HttpRoute(object) = item(route(json!({"rules": [{"filters": [{"type": "Teleport"}]}]}))) else {
        panic!("not an HTTPRoute")
    };
    let rules = object.spec.rules.clone().unwrap_or_default();
    assert_eq!(rules[0].filters[0].kind, FilterType::Unknown("Teleport".to_owned()));
}

#[test]
fn an_error_names_object_field_and_reason() {
    let start = "HTTPRoute shop/cart: spec.rules[0].backendRefs[0]";
    for (value, expected) in [
        (json!({"name": "b", "port": "http"}), ".port: invalid type: string \"http\", expected i32"),
        (json!({"name": "b", "port": 70000}), ".port: 70000 is not within 1 to 65535"),
        (json!({"name": "b", "weight": -1}), ".weight: -1 is not within 0 to 1000000"),
        (json!({"name": "b", "weight": 1_000_001}), ".weight: 1000001 is not within 0 to 1000000"),
        (json!({"name": ""}), ".name: has 0 characters, not 1 to 253"),
        (json!({"port": 80}), ": missing field `name`"),
    ] {
        assert_eq!(error(backend(value)), format!("{start}{expected}"));
    }
}

#[test]
fn lists_are_held_to_the_schemas_limits() {
    let rules = |count: usize| route(json!({"rules": vec![json!({}); count]}));
    assert!(decode(rules(16)).is_ok());
    assert_eq!(error(rules(17)), "HTTPRoute shop/cart: spec.rules: has 17 elements, not 1 to 16");
    let gateway = |listeners: Value| {
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g"},
            "spec": {"gatewayClassName": "c", "listeners": listeners}})
    };
    let listener = json!({"name": "http", "port": 80, "protocol": "HTTP"});
    assert_eq!(error(gateway(json!([]))), "Gateway default/g: spec.listeners: has 0 elements, not 1 to 64");
    assert_eq!(
        error(gateway(json!([listener, listener]))),
        "Gateway default/g: spec.listeners: two elements have the name \"http\""
    );
    let rule = |matches: usize| json!({"matches": vec![json!({}); matches]});
    assert!(matches!(decode(route(json!({"rules": [rule(64), rule(64)]}))), Ok(Decoded::Item(_))));
    assert_eq!(
        error(route(json!({"rules": [rule(64), rule(64), rule(1)]}))),
        "HTTPRoute shop/cart: spec.rules: has 129 matches, not 0 to 128"
    );
    let filter = json!({"type": "RequestRedirect", "requestRedirect": {"port": 0}});
    assert_eq!(
        error(backend(json!({"name": "b", "filters": [filter]}))),
        "HTTPRoute shop/cart: spec.rules[0].backendRefs[0].filters[0].requestRedirect.port: 0 is not within 1 to 65535"
    );
}

#[test]
fn names_are_checked() {
    let named = |metadata: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata});
    assert_eq!(error(named(json!({}))), "Service: metadata.name: is missing");
    assert!(error(named(json!({"name": "Shop"}))).starts_with("Service default/Shop: metadata.name: \"Shop\" is not"));
    assert!(error(named(json!({"name": "a", "namespace": "x.y"}))).contains("metadata.namespace"));
    assert_eq!(error(json!({"kind": "Service"})), "Service: apiVersion: is missing");
    assert_eq!(error(json!(["a"])), "is not a Kubernetes object");
    assert_eq!(error(json!({"apiVersion": "v1"})), "kind: is missing");
}

#[test]
fn null_is_as_if_it_were_not_there() {
    let value = route(json!({"hostnames": null, "rules": [{"filters": null, "timeouts": null}]}));
    assert!(matches!(decode(value), Ok(Decoded::Item(_))));
}

#[test]
fn string_data_of_a_secret_counts_over_its_data() {
    let Item::Secret(secret) = item(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "data": {"a": "b2xk", "b": "b2xk"}, "stringData": {"a": "new"}}))
    else {
        panic!("not a Secret")
    };
    let data = secret.data.clone().unwrap_or_default();
    assert_eq!((data["a"].0.as_slice(), data["b"].0.as_slice()), (b"new".as_slice(), b"old".as_slice()));
    assert_eq!(secret.string_data, None);
}

#[test]
fn an_error_in_a_secret_does_not_tell_its_content() {
    for (field, content) in [("data", json!("hunter2!")), ("stringData", json!(73_313))] {
        let value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, field: {"k": content}});
        assert_eq!(error(value), format!("Secret default/s: {field}.k: is not a string, or not base64"));
    }
}

#[test]
fn what_changes_without_the_object_changing_is_dropped() {
    let service = |version: &str| {
        item(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "resourceVersion": version,
            "managedFields": [{"manager": version}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": version}}}))
    };
    assert_eq!(service("1"), service("2"));
}

#[test]
fn a_class_has_no_namespace() {
    let value = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
        "metadata": {"name": "c", "namespace": "x"}, "spec": {"controllerName": "a.test/b"}});
    assert_eq!(item(value).reference().name, ObjectName::cluster("c"));
}

#[test]
fn a_slice_needs_its_address_type() {
    let value = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "s"},
        "endpoints": []});
    let DecodeError { field, .. } = decode(value).expect_err("no address type");
    assert_eq!(field.to_string(), "addressType");
}

#[test]
fn a_gateway_keeps_what_tells_it_from_another_of_its_name() {
    let object = |kind: &str, spec: Value| {
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "spec": spec,
            "metadata": {"name": "a", "uid": "8f2e", "deletionTimestamp": "2026-11-25T12:00:00Z"}})
    };
    let spec = json!({"gatewayClassName": "c", "listeners": [{"name": "web", "port": 80, "protocol": "HTTP"}]});
    let Item::Gateway(gateway) = item(object("Gateway", spec)) else { panic!("no Gateway") };
    assert_eq!(gateway.meta.uid.as_deref(), Some("8f2e"));
    assert_eq!(gateway.meta.deleted.as_ref().map(|time| time.0.to_string()).as_deref(), Some("2026-11-25T12:00:00Z"));
    let Item::HttpRoute(route) = item(object("HTTPRoute", json!({}))) else { panic!("no HTTPRoute") };
    assert_eq!((&route.meta.uid, &route.meta.deleted), (&None, &None));
}

#[test]
fn a_field_that_nobody_knows_is_told_and_one_that_is_not_served_is_none() {
    let unknown = |value: Value| {
        let mut unknown = Vec::new();
        assert!(matches!(decode_telling(value, &mut unknown), Ok(Decoded::Item(_))), "it costs nothing else");
        unknown.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut misspelt = route(json!({"rules": [
        {"backendRefs": [{"name": "a", "port": 80, "wieght": 2}]},
        {"backendRef": [{"name": "a", "port": 80}]},
        {"filters": [{"type": "CORS", "cors": {"allowOrigins": ["*"]}}], "sessionPersistence": {"sessionName": "a"}},
    ]}));
    misspelt["metadata"]["ownerReferences"] = json!([]);
    misspelt["status"] = json!({"parents": []});
    misspelt["specs"] = json!({});
    assert_eq!(unknown(misspelt), ["spec.rules[0].backendRefs[0].wieght", "spec.rules[1].backendRef", "specs"]);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "label": {}},
        "spec": {"ports": [{"port": 80, "target": 8080}]}, "status": {}});
    assert_eq!(unknown(service), ["metadata.label", "spec.ports[0].target"]);
}

#[test]
fn tls_and_tcp_routes_are_held_to_their_schemas() {
    let rule = json!({ "backendRefs": [{ "name": "s", "port": 443 }] });
    let route = |kind: &str, version: &str, spec: Value| {
        let api_version = format!("gateway.networking.k8s.io/{version}");
        let metadata = json!({ "namespace": "shop", "name": "r" });
        decode(json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec }))
    };
    let with = |rules: Value| json!({ "hostnames": ["a.test"], "rules": rules });
    for (kind, versions) in [("TLSRoute", &["v1", "v1alpha3", "v1alpha2"][..]), ("TCPRoute", &["v1", "v1alpha2"])] {
        for version in versions {
            let decoded = route(kind, version, with(json!([rule])));
            assert!(matches!(decoded, Ok(Decoded::Item(Item::TlsRoute(_) | Item::TcpRoute(_)))), "{decoded:?}");
        }
        assert!(route(kind, "v1beta1", with(json!([rule]))).is_err());
        for (spec, field) in [
            (json!({ "hostnames": ["a.test"] }), "spec.rules: is missing"),
            (with(json!([rule, rule])), "spec.rules: has 2 elements, not 1 to 1"),
            (with(json!([{ "backendRefs": [] }])), "spec.rules[0].backendRefs: has 0 elements, not 1 to 16"),
        ] {
            let error = route(kind, "v1", spec).unwrap_err().to_string();
            assert_eq!(error, format!("{kind} shop/r: {field}"));
        }
    }
    assert!(route("TCPRoute", "v1", json!({ "rules": [rule] })).is_ok());
    let error = route("TLSRoute", "v1", json!({ "rules": [rule] })).unwrap_err().to_string();
    assert_eq!(error, "TLSRoute shop/r: spec.hostnames: is missing");
}
