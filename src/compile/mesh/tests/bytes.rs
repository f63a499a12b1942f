//! TLSRoutes and TCPRoutes at Services: which ports take them, whose go first, and what they come to.

use serde_json::{Value, json};

use super::{API, bound, compiled, gateway, hbone, service};
use crate::api::Kind;
use crate::compile::Compiled;
use crate::table::backend::Target;
use crate::table::mesh::{ByClient, PortRoutes};
use crate::table::rule::{Action, Rule};

/// A route of a kind, made at second `age`, to Service `mesh/cart` at this port (0: all), with these backends.
fn route(kind: Kind, namespace: &str, name: &str, age: u32, port: u16, backends: Value) -> Value {
    let mut parent = json!({ "group": "", "kind": "Service", "namespace": "mesh", "name": "cart" });
    if port != 0 {
        parent["port"] = json!(port);
    }
    let created = format!("2026-01-01T00:00:{age:02}Z");
    let metadata = json!({ "namespace": namespace, "name": name, "creationTimestamp": created });
    let mut spec = json!({ "parentRefs": [parent], "rules": [{ "backendRefs": backends }] });
    if kind == Kind::TlsRoute {
        spec["hostnames"] = json!(["cart.test"]);
    }
    json!({ "apiVersion": API, "kind": kind.as_str(), "metadata": metadata, "spec": spec })
}

fn backend(name: &str, weight: u32) -> Value {
    json!({ "namespace": "mesh", "name": name, "port": 81, "weight": weight })
}

/// Service `mesh/cart`, enrolled, and `mesh/stock`, which is not: ports 80 (`http`), 81 (`tcp`), 82 (`tls`) and 83, which says nothing.
fn services() -> [Value; 2] {
    let ports = [("http", 80), ("tcp", 81), ("tls", 82), ("any", 83)];
    let ports: Value = ports.map(|(name, port)| json!({ "name": name, "port": port })).to_vec().into();
    let mut cart = service("mesh", json!({ "istio.io/use-waypoint": "waypoint" }));
    cart["spec"]["ports"] = ports.clone();
    let mut stock = service("mesh", json!({}));
    stock["metadata"]["name"] = json!("stock");
    stock["spec"] = json!({ "clusterIP": "10.96.0.2", "ports": ports });
    [cart, stock]
}

fn with(routes: &[Value]) -> Compiled {
    let mesh = [bound(), gateway(json!({}), hbone("All"))];
    compiled(&[&mesh[..], &services(), routes].concat())
}

/// The routes of a port of `mesh/cart`.
fn at(compiled: &Compiled, port: u16) -> PortRoutes {
    let table = compiled.tables.values().next().unwrap();
    let found = table.service_routes.iter().find(|(key, _)| key.port == port && &*key.service.name == "cart");
    found.map(|(_, routes)| (**routes).clone()).unwrap_or_default()
}

fn name(routes: &ByClient<std::sync::Arc<Rule>>, client: &str) -> String {
    routes.of(Some(client)).map_or_else(|| "none".to_owned(), |rule| rule.route.to_string())
}

/// Reasons of a route's conditions.
fn reasons(compiled: &Compiled) -> Vec<&'static str> {
    let status = compiled.statuses.routes.values().next().unwrap();
    status.parents[0].conditions.iter().map(|condition| condition.reason.as_str()).collect()
}

#[test]
fn a_port_takes_the_kinds_that_can_be_spoken_to_it() {
    for (port, http, bytes) in [(80, true, false), (81, false, true), (82, false, true), (83, true, true)] {
        let kinds =
            [(Kind::HttpRoute, http), (Kind::GrpcRoute, http), (Kind::TlsRoute, bytes), (Kind::TcpRoute, bytes)];
        for (kind, taken) in kinds {
            let compiled = with(&[route(kind, "mesh", "r", 0, port, json!([backend("cart", 1)]))]);
            let accepted = if taken { "Accepted" } else { "NotAllowedByListeners" };
            assert_eq!(reasons(&compiled), [accepted, "ResolvedRefs"], "{kind} on {port}");
            let routes = at(&compiled, port);
            assert_eq!(!routes.is_empty(), taken, "{kind} on {port}");
            assert!(!taken || routes.bytes.is_empty() == (kind != Kind::TlsRoute && kind != Kind::TcpRoute));
        }
    }
}

#[test]
fn the_oldest_goes_first_and_of_those_as_old_the_first_by_name_then_kind() {
    let to = || json!([backend("cart", 1)]);
    let tcp = |name, age| route(Kind::TcpRoute, "mesh", name, age, 81, to());
    let tls = |name, age| route(Kind::TlsRoute, "mesh", name, age, 81, to());
    for (routes, first) in [
        (vec![tcp("a", 2), tcp("b", 1)], "TCPRoute mesh/b"),
        (vec![tcp("a", 1), tcp("b", 1)], "TCPRoute mesh/a"),
        (vec![tcp("a", 1), tls("b", 0)], "TLSRoute mesh/b"),
        (vec![tcp("a", 1), tls("a", 1)], "TLSRoute mesh/a"),
    ] {
        let compiled = with(&routes);
        assert_eq!(name(&at(&compiled, 81).bytes, "mesh"), first);
        let told: Vec<_> = compiled.statuses.warnings.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].contains(first), "the other never gets a connection: {told:?}");
    }
}

#[test]
fn a_consumers_routes_stand_in_the_place_of_the_producers_protocol_by_protocol() {
    let to = || json!([backend("cart", 1)]);
    let compiled = with(&[
        route(Kind::TcpRoute, "mesh", "producer", 0, 83, to()),
        route(Kind::TcpRoute, "shop", "consumer", 0, 83, to()),
        route(Kind::HttpRoute, "blog", "http", 0, 83, to()),
    ]);
    let routes = at(&compiled, 83);
    assert_eq!(name(&routes.bytes, "shop"), "TCPRoute shop/consumer");
    assert_eq!(name(&routes.bytes, "blog"), "TCPRoute mesh/producer", "its own routes are for HTTP");
    assert!(routes.http.of(Some("blog")).is_some() && routes.http.of(Some("shop")).is_none());
    assert_eq!(name(&at(&compiled, 81).bytes, "shop"), "none", "it is for port 83");
}

#[test]
fn backends_have_their_shares_and_those_that_do_not_resolve_keep_theirs() {
    let mut missing = backend("nobody", 1);
    missing["port"] = json!(9);
    let backends = json!([backend("cart", 3), backend("stock", 1), missing]);
    let compiled = with(&[route(Kind::TcpRoute, "mesh", "r", 0, 0, backends)]);
    assert_eq!(reasons(&compiled), ["Accepted", "BackendNotFound"]);
    for port in [81, 82, 83] {
        let rule = at(&compiled, port).bytes.of(None).cloned().unwrap();
        let Action::Forward { backends, .. } = &rule.action else { panic!("{rule:?}") };
        let share = |one: &crate::table::backend::WeightedBackend| match &one.target {
            Target::Backend(key) => (one.weight, key.to_string()),
            Target::Invalid { .. } => (one.weight, "nowhere".to_owned()),
        };
        let shares: Vec<_> = backends.iter().map(share).collect();
        let expected = [(3, "mesh/cart:81"), (1, "mesh/stock:81"), (1, "nowhere")];
        assert_eq!(shares, expected.map(|(weight, backend)| (weight, backend.to_owned())));
    }
    assert!(at(&compiled, 80).is_empty());
    assert!(compiled.backends.iter().any(|key| key.to_string() == "mesh/stock:81"), "its endpoints are wanted");
}

#[test]
fn a_backend_elsewhere_needs_a_grant_for_routes_of_that_kind() {
    let granted = |kind: &str| {
        let from = json!([{ "group": "gateway.networking.k8s.io", "kind": kind, "namespace": "shop" }]);
        let spec = json!({ "from": from, "to": [{ "group": "", "kind": "Service" }] });
        let metadata = json!({ "namespace": "mesh", "name": "grant" });
        let grant = json!({ "apiVersion": API, "kind": "ReferenceGrant", "metadata": metadata, "spec": spec });
        let route = route(Kind::TcpRoute, "shop", "r", 0, 81, json!([backend("stock", 1)]));
        reasons(&with(&[route, grant]))[1]
    };
    assert_eq!((granted("TCPRoute"), granted("TLSRoute")), ("ResolvedRefs", "RefNotPermitted"));
}

#[test]
fn at_a_gateway_they_are_refused_in_their_status() {
    let mut route = route(Kind::TcpRoute, "mesh", "r", 0, 0, json!([backend("cart", 1)]));
    route["spec"]["parentRefs"] = json!([{ "name": "waypoint" }]);
    let http = json!([{ "name": "http", "port": 80, "protocol": "HTTP" }]);
    let compiled = compiled(&[&[bound(), gateway(json!({}), http)], &services()[..], &[route]].concat());
    assert_eq!(reasons(&compiled)[0], "NotAllowedByListeners");
}
