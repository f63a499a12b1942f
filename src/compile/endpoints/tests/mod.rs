//! Which endpoints a backend has.

mod near;

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Options, endpoints, warnings};
use crate::api::ObjectName;
use crate::api::decode::{Decoded, decode};
use crate::compile::Placement;
use crate::snapshot::{Change, Resolution, Snapshot};
use crate::table::backend::{AppProtocol, BackendKey, Endpoints};

/// Objects from JSON, and what they say of `default/shop` port 80.
struct Case(Snapshot);

impl Case {
    /// The Service `shop` with this spec, and slices.
    fn new(service: Value, slices: &[Value]) -> Self {
        let mut snapshot = Snapshot::default();
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": service});
        for object in std::iter::once(&service).chain(slices) {
            match decode(object.clone()) {
                Ok(Decoded::Item(item)) => snapshot.apply([Change::Put(item)]),
                other => panic!("no item: {other:?}"),
            };
        }
        Self(snapshot)
    }

    /// The Service `shop` with this spec, and one slice of these endpoints on port 80.
    fn with_endpoints(service: Value, endpoints: Value) -> Self {
        Self::new(service, &[slice("a", "IPv4", 80, endpoints)])
    }

    fn endpoints(&self, loopback: bool) -> Endpoints {
        endpoints(&self.0, &key(80), &options(loopback))
    }

    fn addresses(&self) -> Vec<String> {
        self.endpoints(false).addresses.iter().map(SocketAddr::to_string).collect()
    }

    fn warnings(&self) -> Vec<String> {
        warnings(&self.0, &key(80), &options(false)).iter().map(|warning| warning.message.clone()).collect()
    }
}

fn key(port: u16) -> BackendKey {
    BackendKey { service: ObjectName::new("default", "shop"), port }
}

fn options(loopback_endpoints: bool) -> Options {
    let placement = if loopback_endpoints { Placement::Process } else { Placement::Pods };
    Options { placement, ..Options::default() }
}

fn http() -> Value {
    json!({"ports": [{"name": "http", "port": 80, "targetPort": "web"}]})
}

/// A slice of `shop` by this name, with a port `http`.
fn slice(name: &str, family: &str, port: u16, endpoints: Value) -> Value {
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "shop"}},
        "addressType": family, "ports": [{"name": "http", "port": port}], "endpoints": endpoints})
}

fn at(address: &str) -> Value {
    json!({"addresses": [address]})
}

fn when(address: &str, conditions: Value) -> Value {
    json!({"addresses": [address], "conditions": conditions})
}

fn pod(address: &str, uid: &str) -> Value {
    json!({"addresses": [address], "targetRef": {"kind": "Pod", "name": uid, "uid": uid}})
}

#[test]
fn slices_of_a_service_add_up_sorted_and_each_once() {
    let case = Case::new(
        http(),
        &[
            slice("b", "IPv4", 8080, json!([at("10.0.0.2"), at("10.0.0.1")])),
            slice("a", "IPv4", 8080, json!([at("10.0.0.3"), at("10.0.0.1")])),
        ],
    );
    assert_eq!(case.addresses(), ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"]);
}

#[test]
fn a_named_target_port_may_differ_between_pods() {
    let case = Case::new(
        http(),
        &[slice("a", "IPv4", 8080, json!([at("10.0.0.1")])), slice("b", "IPv4", 9090, json!([at("10.0.0.2")]))],
    );
    assert_eq!(case.addresses(), ["10.0.0.1:8080", "10.0.0.2:9090"]);
}

#[test]
fn a_slices_port_belongs_to_the_services_port_of_the_same_name() {
    let service = json!({"ports": [{"name": "admin", "port": 81}, {"name": "http", "port": 80},
        {"name": "dns", "port": 80, "protocol": "UDP"}]});
    let mut both = slice("a", "IPv4", 8080, json!([at("10.0.0.1")]));
    both["ports"] = json!([{"name": "admin", "port": 8081}, {"name": "http", "port": 8080},
        {"name": "http", "port": 53, "protocol": "UDP"}, {"name": "http", "port": null}]);
    assert_eq!(Case::new(service, &[both]).addresses(), ["10.0.0.1:8080"]);
    let mut unnamed = slice("a", "IPv4", 8080, json!([at("10.0.0.1")]));
    unnamed["ports"] = json!([{"port": 8080}]);
    assert_eq!(Case::new(json!({"ports": [{"port": 80}]}), &[unnamed.clone()]).addresses(), ["10.0.0.1:8080"]);
    unnamed["ports"] = json!([{"name": "", "port": 8080}]);
    assert_eq!(Case::new(json!({"ports": [{"port": 80}]}), &[unnamed]).addresses(), ["10.0.0.1:8080"]);
}

#[test]
fn a_port_that_the_service_lacks_has_no_endpoints() {
    let case = Case::new(http(), &[slice("a", "IPv4", 8080, json!([at("10.0.0.1")]))]);
    assert_eq!(endpoints(&case.0, &key(81), &options(false)), Endpoints::default());
    let elsewhere = BackendKey { service: ObjectName::new("other", "shop"), port: 80 };
    assert_eq!(endpoints(&case.0, &elsewhere, &options(false)), Endpoints::default());
}

#[test]
fn ready_unknown_is_ready_and_not_ready_takes_nothing() {
    let case = Case::with_endpoints(
        http(),
        json!([
            at("10.0.0.1"),
            when("10.0.0.2", json!({})),
            when("10.0.0.3", json!({"ready": true})),
            when("10.0.0.4", json!({"ready": false})),
            when("10.0.0.5", json!({"ready": false, "serving": true, "terminating": true})),
            when("10.0.0.6", json!({"ready": false, "serving": true, "terminating": false})),
        ]),
    );
    assert_eq!(case.addresses(), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
}

#[test]
fn where_none_is_ready_those_serve_that_terminate() {
    let case = Case::with_endpoints(
        http(),
        json!([
            when("10.0.0.4", json!({"ready": false})),
            when("10.0.0.5", json!({"ready": false, "serving": true, "terminating": true})),
            when("10.0.0.6", json!({"ready": false, "serving": false, "terminating": true})),
            when("10.0.0.7", json!({"ready": false, "terminating": true})),
        ]),
    );
    assert_eq!(case.addresses(), ["10.0.0.5:80"]);
}

#[test]
fn a_service_may_publish_what_is_not_ready() {
    let mut service = http();
    service["publishNotReadyAddresses"] = json!(true);
    let case = Case::new(service, &[slice("a", "IPv4", 80, json!([when("10.0.0.4", json!({"ready": false}))]))]);
    assert_eq!(case.addresses(), ["10.0.0.4:80"]);
}

#[test]
fn a_headless_service_has_the_endpoints_of_its_slices() {
    let mut service = http();
    service["clusterIP"] = json!("None");
    let case = Case::new(service, &[slice("a", "IPv4", 8080, json!([at("10.0.0.1")]))]);
    assert_eq!(case.addresses(), ["10.0.0.1:8080"]);
}

#[test]
fn a_pod_with_addresses_of_both_families_counts_once() {
    let slices = [
        slice("four", "IPv4", 8080, json!([pod("10.0.0.1", "a"), pod("10.0.0.2", "b")])),
        slice("six", "IPv6", 8080, json!([pod("fd00::1", "a"), pod("fd00::2", "b"), pod("fd00::3", "only-six")])),
    ];
    assert_eq!(Case::new(http(), &slices).addresses(), ["10.0.0.1:8080", "10.0.0.2:8080", "[fd00::3]:8080"]);
    let mut service = http();
    service["ipFamilies"] = json!(["IPv6", "IPv4"]);
    assert_eq!(Case::new(service, &slices).addresses(), ["[fd00::1]:8080", "[fd00::2]:8080", "[fd00::3]:8080"]);
}

#[test]
fn without_a_uid_a_pod_is_known_by_its_name() {
    let named = |address: &str| json!({"addresses": [address], "targetRef": {"kind": "Pod", "name": "a"}});
    let case = Case::new(
        http(),
        &[slice("four", "IPv4", 80, json!([named("10.0.0.1")])), slice("six", "IPv6", 80, json!([named("fd00::1")]))],
    );
    assert_eq!(case.addresses(), ["10.0.0.1:80"]);
}

#[test]
fn a_pod_that_is_not_ready_in_one_family_is_taken_by_the_other() {
    let mut not_ready = pod("10.0.0.1", "a");
    not_ready["conditions"] = json!({"ready": false});
    let case = Case::new(
        http(),
        &[slice("four", "IPv4", 80, json!([not_ready])), slice("six", "IPv6", 80, json!([pod("fd00::1", "a")]))],
    );
    assert_eq!(case.addresses(), ["[fd00::1]:80"]);
}

#[test]
fn only_the_first_address_of_an_endpoint_counts() {
    let case = Case::new(http(), &[slice("a", "IPv4", 80, json!([{"addresses": ["10.0.0.1", "10.0.0.2"]}]))]);
    assert_eq!(case.addresses(), ["10.0.0.1:80"]);
}

#[test]
fn own_and_special_addresses_are_never_dialled() {
    let never = ["127.0.0.1", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255"];
    let never6 = ["::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"];
    let ends = |addresses: &[&str]| json!(addresses.iter().map(|address| at(address)).collect::<Vec<_>>());
    let case = Case::new(http(), &[slice("a", "IPv4", 80, ends(&never)), slice("b", "IPv6", 80, ends(&never6))]);
    let found = case.endpoints(false);
    assert_eq!(found.addresses, []);
    assert_eq!(found.refused.len(), never.len() + never6.len() - 2, "mapped ones are the same addresses");
    let found = case.endpoints(true);
    let addresses: Vec<String> = found.addresses.iter().map(SocketAddr::to_string).collect();
    assert_eq!(addresses, ["127.0.0.1:80", "[::1]:80"]);
}

#[test]
fn a_slice_of_names_is_passed_over_and_told() {
    let case = Case::new(http(), &[slice("names", "FQDN", 80, json!([at("example.test")]))]);
    assert_eq!(case.addresses(), [""; 0]);
    assert_eq!(
        case.warnings(),
        ["no endpoint takes requests on port 80: they are answered 503", "addresses of type FQDN are never dialled"]
    );
}

/// What `default/shop` on this port has where ExternalName Services are served, and the warnings.
fn external(case: &Case, port: u16, loopback_endpoints: bool) -> (Endpoints, Vec<String>) {
    let options = Options { external_names: true, ..options(loopback_endpoints) };
    let warnings = warnings(&case.0, &key(port), &options).iter().map(|warning| warning.message.clone()).collect();
    (endpoints(&case.0, &key(port), &options), warnings)
}

/// An ExternalName Service, and what its name stands for.
fn named(service: Value, heard: Option<(&[&str], Option<&str>)>) -> Case {
    let mut case = Case::new(service, &[slice("a", "IPv4", 8080, json!([at("10.0.0.1")]))]);
    if let Some((addresses, failure)) = heard {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let touched = case.0.hear("out.test".into(), Resolution { addresses, failure: failure.map(Into::into) });
        assert_eq!(touched, [ObjectName::new("default", "shop")]);
    }
    case
}

#[test]
fn an_external_name_has_no_endpoints_unless_it_is_allowed() {
    let case = named(json!({"type": "ExternalName", "externalName": "out.test"}), Some((&["10.0.0.9"], None)));
    assert_eq!((case.endpoints(true), case.warnings().len()), (Endpoints::default(), 0));
}

#[test]
fn an_external_name_has_the_addresses_that_it_stands_for_on_the_port_that_is_asked_for() {
    let mut service = json!({"type": "ExternalName", "externalName": "Out.Test."});
    for (ports, protocol) in [
        (json!(null), AppProtocol::Undeclared),
        (json!([{"port": 80, "targetPort": 9, "appProtocol": "kubernetes.io/h2c"}]), AppProtocol::H2c),
    ] {
        service["ports"] = ports;
        let (found, warnings) = external(&named(service.clone(), Some((&["10.0.0.9", "fd00::9"], None))), 80, false);
        assert_eq!(found.addresses, ["10.0.0.9:80".parse().unwrap(), "[fd00::9]:80".parse().unwrap()]);
        assert_eq!((found.protocol, warnings), (protocol, vec![]));
    }
}

#[test]
fn what_a_name_stands_for_is_refused_where_any_endpoint_would_be() {
    let service = json!({"type": "ExternalName", "externalName": "out.test"});
    let never = &["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "::1"];
    let (found, warnings) = external(&named(service.clone(), Some((never, None))), 80, false);
    assert_eq!((found.addresses.len(), found.refused.len()), (0, 4));
    assert_eq!(warnings[0], "no endpoint takes requests on port 80: they are answered 503");
    assert_eq!(warnings.len(), 5);
    let (found, _) = external(&named(service, Some((&["127.0.0.1"], None))), 80, true);
    assert_eq!(found.addresses, ["127.0.0.1:80".parse().unwrap()]);
}

#[test]
fn a_name_that_is_not_resolved_is_told_once_it_was_asked() {
    let service = json!({"type": "ExternalName", "externalName": "out.test"});
    assert_eq!(external(&named(service.clone(), None), 80, false), (Endpoints::default(), vec![]));
    let none = "no endpoint takes requests on port 80: they are answered 503";
    let (_, warnings) = external(&named(service.clone(), Some((&[], Some("it has no address")))), 80, false);
    assert_eq!(warnings, ["the name out.test was not resolved: it has no address", none]);
    let (found, warnings) = external(&named(service, Some((&["10.0.0.9"], Some("silence")))), 80, false);
    assert_eq!((found.addresses.len(), warnings), (1, vec!["the name out.test was not resolved: silence".to_owned()]));
}

#[test]
fn warnings_tell_of_refused_addresses() {
    let case = Case::new(http(), &[slice("a", "IPv4", 80, json!([at("127.0.0.1"), at("10.0.0.1")]))]);
    assert_eq!(case.warnings(), ["127.0.0.1:80 is never dialled"]);
}

#[test]
fn the_addresses_of_the_pod_itself_are_never_dialled_of_either_family_and_told() {
    let own = ["10.0.0.7", "::ffff:10.0.0.8", "fd00::7"].map(|ip| ip.parse().unwrap());
    let options = Options { own_addresses: own.into(), external_names: true, ..options(false) };
    let six = json!([at("fd00::7"), at("::ffff:10.0.0.7"), at("::ffff:10.0.0.8"), at("fd00::1")]);
    let case = Case::new(
        http(),
        &[slice("a", "IPv4", 80, json!([at("10.0.0.7"), at("10.0.0.8"), at("10.0.0.1")])), slice("b", "IPv6", 80, six)],
    );
    let found = endpoints(&case.0, &key(80), &options);
    let text = |addresses: &[SocketAddr]| addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
    assert_eq!(text(&found.addresses), ["10.0.0.1:80", "[fd00::1]:80"]);
    assert_eq!(text(&found.refused), ["10.0.0.7:80", "10.0.0.8:80", "[fd00::7]:80"], "each once, mapped or not");
    let told: Vec<_> = warnings(&case.0, &key(80), &options).into_iter().map(|warning| warning.message).collect();
    assert_eq!(told, ["10.0.0.7:80 is never dialled", "10.0.0.8:80 is never dialled", "[fd00::7]:80 is never dialled"]);

    let never: &[&str] = &["10.0.0.7", "::ffff:10.0.0.8", "fd00::7"];
    let case = named(json!({"type": "ExternalName", "externalName": "out.test"}), Some((never, None)));
    let found = endpoints(&case.0, &key(80), &options);
    assert_eq!((found.addresses.len(), found.refused.len()), (0, 3), "nor by a name");
}

#[test]
fn app_protocols_are_read() {
    for (text, expected) in [
        (json!(null), AppProtocol::Undeclared),
        (json!("kubernetes.io/h2c"), AppProtocol::H2c),
        (json!("grpc"), AppProtocol::H2c),
        (json!("kubernetes.io/ws"), AppProtocol::WebSocket),
        (json!("http"), AppProtocol::Http),
        (json!("example.test/own"), AppProtocol::Undeclared),
    ] {
        let mut service = http();
        service["ports"][0]["appProtocol"] = text.clone();
        assert_eq!(Case::new(service, &[]).endpoints(false).protocol, expected, "{text}");
    }
}
