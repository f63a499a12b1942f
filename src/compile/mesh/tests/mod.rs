//! What is enrolled with a waypoint, and what is not.

mod bytes;
mod entries;
mod policies;

use serde_json::{Value, json};

use crate::api::decode::{Decoded, decode};
use crate::compile::{Compiled, Memo, Options, Placement, compile};
use crate::snapshot::testing::snapshot_of;
use crate::snapshot::{Change, Snapshot};
use crate::table::backend::AppProtocol;
use crate::table::mesh::{Mesh, Spoken};

const API: &str = "gateway.networking.k8s.io/v1";
const BINDING: &str = "ambient.istio.io/waypoint-inbound-binding";

fn class(annotations: Value, labels: Value) -> Value {
    let metadata = json!({ "name": "pingway", "annotations": annotations, "labels": labels });
    let spec = json!({ "controllerName": "pingway.dev/gateway-controller" });
    json!({ "apiVersion": API, "kind": "GatewayClass", "metadata": metadata, "spec": spec })
}

fn bound() -> Value {
    class(json!({ BINDING: "PROXY/15088" }), json!({}))
}

fn gateway(labels: Value, listeners: Value) -> Value {
    let metadata = json!({ "namespace": "mesh", "name": "waypoint", "labels": labels });
    let spec = json!({ "gatewayClassName": "pingway", "listeners": listeners });
    json!({ "apiVersion": API, "kind": "Gateway", "metadata": metadata, "spec": spec })
}

fn hbone(from: &str) -> Value {
    json!([{ "name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": { "namespaces": { "from": from } } }])
}

fn service(namespace: &str, labels: Value) -> Value {
    let metadata = json!({ "namespace": namespace, "name": "cart", "labels": labels });
    let spec = json!({ "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::1"], "ports": [{ "port": 80 }] });
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}

fn options() -> Options {
    let own_addresses = ["10.244.0.1", "fd01::1"].map(|address| address.parse().unwrap()).into();
    Options { placement: Placement::Pods, own_addresses, ..Options::default() }
}

fn compiled(objects: &[Value]) -> Compiled {
    compile(&snapshot_of(objects), &options(), &mut Memo::default())
}

/// What the waypoint serves of the mesh.
fn mesh(objects: &[Value]) -> Option<Mesh> {
    let compiled = compiled(objects);
    let mesh = compiled.tables.into_values().next()?.mesh.clone()?;
    for port in mesh.ports.values() {
        assert!(compiled.backends.contains(&port.backend));
    }
    Some((*mesh).clone())
}

fn dialled(objects: &[Value]) -> Vec<String> {
    mesh(objects).map(|mesh| mesh.ports.keys().map(ToString::to_string).collect()).unwrap_or_default()
}

const BOTH: [&str; 2] = ["10.96.0.1:80", "[fd00::1]:80"];

#[test]
fn a_service_is_enrolled_by_its_label_or_its_namespace_and_opts_out_by_none() {
    let named = json!({ "istio.io/use-waypoint": "waypoint" });
    let canary = json!({ "istio.io/use-waypoint": "other", "istio.io/use-waypoint-canary": "waypoint" });
    let none_and_canary = json!({ "istio.io/use-waypoint": "none", "istio.io/use-waypoint-canary": "waypoint" });
    for (own, of_namespace, enrolled) in [
        (json!({}), json!({}), false),
        (named.clone(), json!({}), true),
        (json!({}), named.clone(), true),
        (json!({ "istio.io/use-waypoint": "none" }), named.clone(), false),
        (json!({ "istio.io/use-waypoint": "other" }), named.clone(), false),
        (named.clone(), json!({ "istio.io/use-waypoint": "none" }), true),
        (json!({ "istio.io/use-waypoint-canary": "waypoint" }), json!({}), true),
        (json!({ "istio.io/use-waypoint": "other", "istio.io/use-waypoint-canary": "waypoint" }), json!({}), true),
        (json!({ "istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "x" }), json!({}), false),
        (json!({}), canary.clone(), true),
        (json!({ "istio.io/use-waypoint": "none" }), canary.clone(), false),
        (json!({ "istio.io/use-waypoint": "none", "istio.io/use-waypoint-canary": "waypoint" }), json!({}), false),
        (json!({}), none_and_canary.clone(), false),
        (json!({ "istio.io/use-waypoint": "other" }), none_and_canary.clone(), true),
        (json!({ "istio.io/use-waypoint-canary": "waypoint" }), none_and_canary.clone(), true),
    ] {
        let objects = [
            bound(),
            gateway(json!({}), hbone("Same")),
            namespace("mesh", of_namespace.clone()),
            service("mesh", own.clone()),
        ];
        let expected: &[&str] = if enrolled { &BOTH } else { &[] };
        assert_eq!(dialled(&objects), expected, "{own} {of_namespace}");
    }
}

#[test]
fn another_namespace_needs_its_waypoints_leave() {
    let elsewhere = json!({ "istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "mesh" });
    let tcp = json!([{ "name": "fake-hbone-port", "port": 15008, "protocol": "TCP",
        "allowedRoutes": { "namespaces": { "from": "All" } } }]);
    let proxy = json!([{ "name": "mesh", "port": 15088, "protocol": "istio.io/PROXY",
        "allowedRoutes": { "namespaces": { "from": "All" } } }]);
    let selected = json!([{ "name": "mesh", "port": 15008, "protocol": "HBONE",
        "allowedRoutes": { "namespaces": { "from": "Selector", "selector": { "matchLabels": { "team": "shop" } } } } }]);
    for (listeners, allowed) in
        [(hbone("Same"), false), (hbone("All"), true), (tcp, false), (proxy, true), (selected, true)]
    {
        let objects = [
            bound(),
            gateway(json!({}), listeners.clone()),
            namespace("shop", json!({ "team": "shop" })),
            service("shop", elsewhere.clone()),
        ];
        assert_eq!(!dialled(&objects).is_empty(), allowed, "{listeners}");
    }
}

#[test]
fn a_waypoint_that_is_not_for_services_has_none() {
    let enrolled = service("mesh", json!({ "istio.io/use-waypoint": "waypoint" }));
    for (own, of_class, has) in [
        (None, None, true),
        (Some("service"), None, true),
        (Some("all"), Some("none"), true),
        (Some("workload"), None, false),
        (None, Some("none"), false),
        (Some("Service"), None, false),
    ] {
        let labels = |purpose: Option<&str>| purpose.map_or(json!({}), |p| json!({ "istio.io/waypoint-for": p }));
        let class = class(json!({ BINDING: "PROXY/15088" }), labels(of_class));
        let objects = [class, gateway(labels(own), hbone("Same")), enrolled.clone()];
        assert_eq!(!dialled(&objects).is_empty(), has, "{own:?} {of_class:?}");
    }
}

#[test]
fn the_binding_is_read_letter_by_letter() {
    for (binding, sockets) in [
        ("PROXY/15088", vec!["127.0.0.1:15088", "[::1]:15088"]),
        ("PROXY/1", vec!["127.0.0.1:1", "[::1]:1"]),
        ("NONE", vec![]),
        ("NONE/15088", vec![]),
        ("proxy/15088", vec![]),
        ("PROXY/", vec![]),
        ("PROXY/x", vec![]),
        ("PROXY", vec![]),
    ] {
        let class = class(json!({ BINDING: binding }), json!({}));
        let found = mesh(&[class, gateway(json!({}), hbone("Same"))]).map(|mesh| mesh.inbound).unwrap_or_default();
        let found: Vec<String> = found
            .iter()
            .map(|socket| std::net::SocketAddr::new(socket.address.unwrap(), socket.port).to_string())
            .collect();
        assert_eq!(found, sockets, "{binding}");
    }
}

#[test]
fn the_waypoints_own_addresses_are_its_pods_and_its_services() {
    let own = json!({ "gateway.networking.k8s.io/gateway-name": "waypoint" });
    let found = mesh(&[bound(), gateway(json!({}), hbone("Same")), service("mesh", own)]).unwrap().own;
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["10.96.0.1", "10.244.0.1", "fd00::1", "fd01::1"]);
}

#[test]
fn a_port_speaks_what_its_app_protocol_or_else_its_name_says() {
    use Spoken::{Http, Tcp, Undeclared};
    for (port, spoken, protocol) in [
        (json!({ "port": 80 }), Undeclared, AppProtocol::Undeclared),
        (json!({ "port": 80, "name": "http" }), Http, AppProtocol::Http),
        (json!({ "port": 80, "name": "HTTP-web" }), Http, AppProtocol::Http),
        (json!({ "port": 80, "name": "http2-x" }), Http, AppProtocol::H2c),
        (json!({ "port": 80, "name": "grpc" }), Http, AppProtocol::H2c),
        (json!({ "port": 80, "name": "grpc-web-x" }), Http, AppProtocol::Http),
        (json!({ "port": 80, "name": "web" }), Undeclared, AppProtocol::Undeclared),
        (json!({ "port": 80, "name": "tcp-db" }), Tcp, AppProtocol::Undeclared),
        (json!({ "port": 80, "name": "tcp", "appProtocol": "http" }), Http, AppProtocol::Http),
        (json!({ "port": 80, "appProtocol": "kubernetes.io/h2c" }), Http, AppProtocol::H2c),
        (json!({ "port": 443, "name": "https" }), Tcp, AppProtocol::Undeclared),
        (json!({ "port": 3306 }), Tcp, AppProtocol::Undeclared),
    ] {
        let mut service = service("mesh", json!({ "istio.io/use-waypoint": "waypoint" }));
        service["spec"]["ports"] = json!([port]);
        let mesh = mesh(&[bound(), gateway(json!({}), hbone("Same")), service]).unwrap();
        let found = mesh.ports.values().next().unwrap();
        assert_eq!((found.spoken, found.protocol), (spoken, protocol), "{port}");
    }
}

/// The conditions of a route with this parentRef to Service `mesh/cart`, as `TYPE=REASON`; `None`: it has no status of ours.
fn route_conditions(parent: Value, ports: Value, enrolled: bool) -> Option<Vec<String>> {
    let labels = if enrolled { json!({ "istio.io/use-waypoint": "waypoint" }) } else { json!({}) };
    let mut service = service("mesh", labels);
    service["spec"]["ports"] = ports;
    let mut reference = json!({ "group": "", "kind": "Service", "name": "cart" });
    reference.as_object_mut().unwrap().extend(parent.as_object().unwrap().clone());
    let rule = json!({ "backendRefs": [{ "name": "cart", "port": 80 }] });
    let spec = json!({ "parentRefs": [reference], "rules": [rule] });
    let metadata = json!({ "namespace": "mesh", "name": "r" });
    let route = json!({ "apiVersion": API, "kind": "HTTPRoute", "metadata": metadata, "spec": spec });
    let compiled = compiled(&[bound(), gateway(json!({}), hbone("Same")), service, route]);
    let status = compiled.statuses.routes.values().next()?;
    let conditions = &status.parents[0].conditions;
    Some(conditions.iter().map(|one| format!("{}={}", one.kind.as_str(), one.reason.as_str())).collect())
}

#[test]
fn a_route_at_a_service_gets_its_status_where_the_service_is_enrolled() {
    let ports = || json!([{ "name": "http", "port": 80 }, { "name": "tcp", "port": 81 }]);
    let accepted = ["Accepted=Accepted", "ResolvedRefs=ResolvedRefs"];
    for (parent, expected) in [
        (json!({}), "Accepted=Accepted"),
        (json!({ "port": 80 }), "Accepted=Accepted"),
        (json!({ "sectionName": "http" }), "Accepted=Accepted"),
        (json!({ "port": 82 }), "Accepted=NoMatchingParent"),
        (json!({ "sectionName": "web" }), "Accepted=NoMatchingParent"),
        (json!({ "port": 81 }), "Accepted=NotAllowedByListeners"),
    ] {
        let found = route_conditions(parent.clone(), ports(), true).unwrap();
        assert_eq!(found, [expected, accepted[1]], "{parent}");
    }
    assert_eq!(route_conditions(json!({}), ports(), false), None, "another waypoint's to report");
    assert_eq!(route_conditions(json!({ "group": "x" }), ports(), true), None, "a Service of another group");
}

/// The reason of ResolvedRefs for a route of `shop` with these parents and a backend of this name in `mesh`, without any grant.
fn refs_of_a_consumer_route(parents: &Value, backend: &str) -> String {
    let rule = json!({ "backendRefs": [{ "namespace": "mesh", "name": backend, "port": 80 }] });
    let spec = json!({ "parentRefs": parents, "rules": [rule] });
    let metadata = json!({ "namespace": "shop", "name": "r" });
    let route = json!({ "apiVersion": API, "kind": "HTTPRoute", "metadata": metadata, "spec": spec });
    let labels = || json!({ "istio.io/use-waypoint": "waypoint" });
    let mut other = service("mesh", labels());
    other["metadata"]["name"] = json!("stock");
    let objects = [bound(), gateway(json!({}), hbone("All")), service("mesh", labels()), other, route];
    let compiled = compiled(&objects);
    let conditions = &compiled.statuses.routes.values().next().unwrap().parents[0].conditions;
    let resolved = conditions.iter().find(|one| one.kind.as_str() == "ResolvedRefs").unwrap();
    resolved.reason.as_str().to_owned()
}

#[test]
fn a_consumer_route_needs_no_grant_for_the_service_that_its_clients_dialled_alone() {
    let parent = |name: &str| json!({ "group": "", "kind": "Service", "namespace": "mesh", "name": name });
    let port = |port: u16| {
        let mut parent = parent("cart");
        parent["port"] = json!(port);
        parent
    };
    let waypoint = || json!({ "namespace": "mesh", "name": "waypoint" });
    for (parents, backend, expected) in [
        (json!([parent("cart")]), "cart", "ResolvedRefs"),
        (json!([port(80), port(81)]), "cart", "ResolvedRefs"),
        // Whoever dialled the one would reach the other by the waypoint's identity.
        (json!([parent("cart"), parent("stock")]), "stock", "RefNotPermitted"),
        (json!([parent("cart")]), "stock", "RefNotPermitted"),
        (json!([parent("cart"), waypoint()]), "cart", "RefNotPermitted"),
        (json!([parent("cart"), { "group": "x", "kind": "Mesh", "name": "m" }]), "cart", "RefNotPermitted"),
    ] {
        assert_eq!(refs_of_a_consumer_route(&parents, backend), expected, "{parents} {backend}");
    }
}

#[test]
fn compiling_again_shares_what_did_not_change() {
    let labels = || json!({ "istio.io/use-waypoint": "waypoint" });
    let mut snapshot = Snapshot::default();
    let put = |snapshot: &mut Snapshot, object: Value| {
        let Ok(Decoded::Item(item)) = decode(object.clone()) else { panic!("{object}") };
        snapshot.apply([Change::Put(item)]);
    };
    for object in [bound(), gateway(json!({}), hbone("Same")), service("mesh", labels())] {
        put(&mut snapshot, object);
    }
    let mut memo = Memo::default();
    let first = compile(&snapshot, &options(), &mut memo).tables.into_values().next().unwrap();
    put(&mut snapshot, namespace("elsewhere", json!({})));
    let same = compile(&snapshot, &options(), &mut memo).tables.into_values().next().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &same));
    let mut other = service("mesh", labels());
    other["metadata"]["name"] = json!("stock");
    other["spec"]["clusterIP"] = json!("10.96.0.2");
    other["spec"]["clusterIPs"] = json!(["10.96.0.2"]);
    put(&mut snapshot, other);
    let more = compile(&snapshot, &options(), &mut memo).tables.into_values().next().unwrap();
    let port = |table: &crate::table::RouteTable| {
        table.mesh.as_ref().unwrap().ports[&BOTH[0].parse::<std::net::SocketAddr>().unwrap()].clone()
    };
    assert_eq!(more.mesh.as_ref().unwrap().ports.len(), 3);
    assert!(std::sync::Arc::ptr_eq(&port(&first), &port(&more)), "the Service that was there is as it was");
}
