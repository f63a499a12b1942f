//! The Service's ports and addresses.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::super::{Parameters, is_readdressed, on_trial, yet_to_be_had};
use super::{field, gateway, kind_of, made};
use crate::api::parameters::ServiceType;

fn listener(name: &str, port: u16, protocol: &str) -> Value {
    json!({ "name": name, "port": port, "protocol": protocol })
}

/// Ports as `name port`.
fn ports(listeners: &[Value]) -> Vec<String> {
    let objects = made(&gateway(json!({}), json!({ "listeners": listeners })), &Parameters::default());
    let ports = field(&objects, "Service", "/spec/ports");
    let word = |port: &Value| {
        assert_eq!((&port["protocol"], &port["targetPort"]), (&json!("TCP"), &port["port"]));
        format!("{} {}", port["name"].as_str().unwrap_or_default(), port["port"])
    };
    ports.as_array().into_iter().flatten().map(word).collect()
}

#[test]
fn ports_follow_the_listeners_each_once() {
    let listeners = [
        listener("web", 8080, "HTTP"),
        listener("web-too", 8080, "HTTP"),
        listener("tls", 443, "HTTPS"),
        listener("fake-hbone-port", 15008, "TCP"),
    ];
    assert_eq!(ports(&listeners), ["https-443 443", "http-8080 8080", "tcp-15008 15008"]);
    let backwards: Vec<Value> = listeners.iter().rev().cloned().collect();
    assert_eq!(ports(&backwards), ports(&listeners));
}

#[test]
fn ports_of_ztunnel_and_of_the_proxy_itself_are_not_reached() {
    let taken = [15000, 15001, 15006, 15020, 15053].map(|port| listener(&format!("p{port}"), port, "TCP"));
    assert_eq!(ports(&[&taken[..], &[listener("web", 80, "HTTP")]].concat()), ["http-80 80", "hbone-15008 15008"]);
    let objects =
        made(&gateway(json!({}), json!({ "listeners": [listener("dns", 53, "UDP")] })), &Parameters::default());
    assert!(!objects.iter().any(|object| kind_of(object) == "Service"), "a Service without a port is none");
}

#[test]
fn names_of_ports_fit_whatever_the_protocol() {
    let long = "P".repeat(255);
    let listeners = [
        listener(&"n".repeat(63), 15_008, &long),
        listener("proxy", 15_088, "istio.io/PROXY"),
        listener("web", 80, "HTTP"),
    ];
    let names = ports(&listeners);
    assert_eq!((&*names[0], names.len()), ("http-80 80", 2));
    assert_eq!(names[1].split(' ').next().map(str::len), Some(63));
    assert_eq!(ports(&[listener("odd", 15_008, "_")]), ["tcp-15008 15008"]);
}

#[test]
fn what_only_ztunnel_dials_is_not_offered() {
    assert_eq!(ports(&[listener("mesh", 15_088, "istio.io/PROXY")]), ["hbone-15008 15008"]);
    let listeners =
        [listener("mesh", 15_088, "istio.io/PROXY"), listener("web", 80, "HTTP"), listener("db", 5432, "TCP")];
    assert_eq!(ports(&listeners), ["http-80 80", "hbone-15008 15008"]);
}

#[test]
fn addresses_are_asked_for_as_the_type_allows() {
    let spec = |addresses: Value, kind: Option<ServiceType>| {
        let mut parameters = Parameters::default();
        parameters.service.kind = kind;
        field(&made(&gateway(json!({}), json!({ "addresses": addresses })), &parameters), "Service", "/spec")
    };
    let address = json!([{ "value": "10.96.0.9" }]);
    let none = spec(json!([]), None);
    assert_eq!((&none["type"], &none["clusterIP"]), (&json!("ClusterIP"), &Value::Null));
    let asked = spec(address.clone(), None);
    assert_eq!((&asked["clusterIPs"], &asked["ipFamilyPolicy"]), (&json!(["10.96.0.9"]), &json!("SingleStack")));
    assert_eq!(spec(json!([{ "type": "IPAddress" }]), None), none);
    let balanced = spec(address, Some(ServiceType::LoadBalancer));
    assert_eq!((&balanced["loadBalancerIP"], &balanced["clusterIP"]), (&json!("10.96.0.9"), &Value::Null));
}

fn with_addresses(addresses: &[&str]) -> DynamicObject {
    let spec = json!({ "clusterIP": addresses.first(), "clusterIPs": addresses });
    serde_json::from_value(json!({ "apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": spec }))
        .expect("JSON")
}

#[test]
fn a_service_is_made_anew_only_for_another_address() {
    let there = with_addresses(&["10.96.0.7", "fd00::7"]);
    let differs = |addresses: &[&str]| is_readdressed(&with_addresses(addresses), &there);
    for kept in [&[][..], &["10.96.0.7"], &["10.96.0.7", "fd00::7"], &["10.96.0.7", "fd00:0:0::7"]] {
        assert!(!differs(kept), "{kept:?}");
    }
    for other in [&["10.96.0.8"][..], &["fd00::7"], &["10.96.0.7", "fd00::8"]] {
        assert!(differs(other), "{other:?}");
    }
    assert!(!is_readdressed(&with_addresses(&["10.96.0.7"]), &with_addresses(&["None"])));
}

#[test]
fn only_addresses_that_it_has_not_are_tried() {
    let there = with_addresses(&["10.96.0.7", "fd00::7"]);
    let tried = |addresses: &[&str]| {
        let wanted = with_addresses(addresses);
        on_trial(&wanted, &yet_to_be_had(&wanted, &there)).map(|trial| trial.data)
    };
    let one = |address: &str| json!({ "clusterIP": address, "clusterIPs": [address], "ipFamilyPolicy": "SingleStack" });
    assert_eq!(tried(&["10.96.0.8", "fd00::7"]), Some(json!({ "spec": one("10.96.0.8") })));
    assert_eq!(tried(&["10.96.0.7", "fd00::8"]), Some(json!({ "spec": one("fd00::8") })));
    assert_eq!(tried(&["fd00::7", "10.96.0.7"]), None);
}
