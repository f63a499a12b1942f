//! The scope of a waypoint: what one Gateway's pods have to see, from what its listeners allow and its routes name.
//!
//! The pod watches what this says, and the controller hands out rights for just that.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::grant::Grants;
use super::mesh::is_for_pods;
use super::parent;
use super::selector::takes_namespace;
use crate::api::parameters::WorkloadLabels;
use crate::api::{BackendRef, CertificateRef, Gateway, Kind, NamespacesFrom, ObjectName, ParentRef};
use crate::snapshot::{Namespaces, Scope, Secrets, Snapshot, selects};

/// What the pods of a Gateway have to see, as far as the snapshot tells. Seeing more can make it grow: routes name Services
/// elsewhere. It never grows beyond what listeners and ReferenceGrants allow. `root_namespace`: Istio's, whose policies may be
/// for the Gateway's class, where it is there. `labels`: which pods are seen for the sake of their names.
pub fn scope(snapshot: &Snapshot, gateway: &ObjectName, root_namespace: &str, labels: WorkloadLabels) -> Scope {
    let Some(object) = snapshot.gateways.get(gateway) else { return Scope::of_gateway(gateway.clone()) };
    let grants = Grants::new(snapshot);
    let routes = routes(object, snapshot);
    let services = match &routes {
        Namespaces::All => Namespaces::All,
        Namespaces::Named(names) => {
            let mut names = names.clone();
            names.extend(backends(snapshot, gateway, &names, &grants));
            Namespaces::Named(names)
        }
    };
    let policies = match &services {
        Namespaces::All => Namespaces::All,
        Namespaces::Named(names) => {
            // One that is not there is no place for a right.
            let there = snapshot.namespaces.get_key_value(&ObjectName::cluster(root_namespace));
            let root = there.map(|(namespace, _)| namespace.name.clone());
            Namespaces::Named(names.iter().cloned().chain(root).collect())
        }
    };
    let pods = match labels {
        WorkloadLabels::Cluster => Namespaces::All,
        WorkloadLabels::Local => services.clone(),
        WorkloadLabels::Off if serves_pods(object, snapshot) => services.clone(),
        WorkloadLabels::Off => selecting(snapshot, &services),
    };
    let secrets = Secrets::Named(secrets(object, &grants));
    Scope { gateway: Some(gateway.clone()), routes, services, policies, pods, secrets }
}

/// Whether it serves pods by their own addresses, and so has to see which are enrolled.
fn serves_pods(gateway: &Gateway, snapshot: &Snapshot) -> bool {
    let class = snapshot.classes.get(&ObjectName::cluster(gateway.spec.gateway_class_name.as_str()));
    class.is_some_and(|class| is_for_pods(gateway, class))
}

/// Of these namespaces those whose ServiceEntries select pods.
fn selecting(snapshot: &Snapshot, within: &Namespaces) -> Namespaces {
    let namespaces = snapshot.entries.values().filter(|entry| selects(entry)).map(|entry| &entry.meta.name.namespace);
    let is_within = |namespace: &&Arc<str>| match within {
        Namespaces::All => true,
        Namespaces::Named(names) => names.contains(*namespace),
    };
    Namespaces::Named(namespaces.filter(is_within).cloned().collect())
}

/// The namespaces from which routes may attach to any of its listeners.
fn routes(gateway: &Gateway, snapshot: &Snapshot) -> Namespaces {
    let mut named = BTreeSet::from([gateway.meta.name.namespace.clone()]);
    for listener in &gateway.spec.listeners {
        let Some(allowed) = listener.allowed_routes.as_ref().and_then(|allowed| allowed.namespaces.as_ref()) else {
            continue;
        };
        match (&allowed.from, &allowed.selector) {
            (Some(NamespacesFrom::All), _) => return Namespaces::All,
            (Some(NamespacesFrom::Selector), Some(selector)) => {
                let names = snapshot.namespaces.keys().map(|namespace| &namespace.name);
                named.extend(names.filter(|name| takes_namespace(selector, name, snapshot)).cloned());
            }
            _ => {}
        }
    }
    Namespaces::Named(named)
}

/// The namespaces of Services that routes of this Gateway name across namespaces, with a grant.
fn backends(
    snapshot: &Snapshot,
    gateway: &ObjectName,
    namespaces: &BTreeSet<Arc<str>>,
    grants: &Grants<'_>,
) -> BTreeSet<Arc<str>> {
    // Few routes name a namespace, and asking that is cheap.
    let elsewhere = |backend: &BackendRef| backend.namespace.is_some();
    let ours = |route: &ObjectName, parents: &[ParentRef]| {
        namespaces.contains(&route.namespace)
            && parents.iter().filter_map(|parent| parent::named(parent, route)).any(|parent| match parent.kind {
                // Whichever waypoint it is enrolled with.
                Kind::Service | Kind::ServiceEntry => namespaces.contains(&parent.name.namespace),
                _ => parent.name == *gateway,
            })
    };
    let granted = |kind: Kind, route: &ObjectName, backend: &BackendRef| {
        let target = ObjectName::new(backend.namespace.as_deref()?, backend.name.as_str());
        grants.permit(kind, &route.namespace, Kind::Service, &target).then_some(target.namespace)
    };
    let mut found = BTreeSet::new();
    let mut add =
        |kind: Kind, route: &ObjectName, parents: &[ParentRef], backends: &mut dyn Iterator<Item = &BackendRef>| {
            let mut backends = backends.filter(|backend| elsewhere(backend)).peekable();
            if backends.peek().is_some() && ours(route, parents) {
                found.extend(backends.filter_map(|backend| granted(kind, route, backend)));
            }
        };
    for (name, route) in &snapshot.http_routes {
        let mut backends = route.spec.rules.iter().flatten().flat_map(|rule| &rule.backend_refs);
        add(Kind::HttpRoute, name, &route.spec.parent_refs, &mut backends);
    }
    for (name, route) in &snapshot.grpc_routes {
        add(Kind::GrpcRoute, name, &route.spec.parent_refs, &mut route.spec.rules.iter().flat_map(|r| &r.backend_refs));
    }
    for (kind, routes) in [(Kind::TlsRoute, &snapshot.tls_routes), (Kind::TcpRoute, &snapshot.tcp_routes)] {
        for (name, route) in routes {
            add(kind, name, &route.spec.parent_refs, &mut route.spec.rules.iter().flat_map(|r| &r.backend_refs));
        }
    }
    found
}

/// The Secrets that its listeners name, where they may.
fn secrets(gateway: &Gateway, grants: &Grants<'_>) -> BTreeSet<ObjectName> {
    let own = &gateway.meta.name.namespace;
    let tls = gateway.spec.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let secret = |reference: &CertificateRef| {
        let is_secret = reference.group.as_deref().is_none_or(str::is_empty)
            && reference.kind.as_deref().is_none_or(|kind| kind == Kind::Secret.as_str());
        let namespace = reference.namespace.as_deref().unwrap_or(own);
        let name = ObjectName::new(namespace, reference.name.as_str());
        (is_secret && grants.permit(Kind::Gateway, own, Kind::Secret, &name)).then_some(name)
    };
    tls.flat_map(|tls| &tls.certificate_refs).filter_map(secret).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::snapshot::testing::snapshot_of;

    const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

    fn seen(objects: &[Value]) -> Scope {
        labelled(objects, WorkloadLabels::Local)
    }

    fn labelled(objects: &[Value], labels: WorkloadLabels) -> Scope {
        scope(&snapshot_of(objects), &ObjectName::new("shop", "waypoint"), "istio-system", labels)
    }

    fn gateway(namespaces: Value) -> Value {
        let tls = json!({ "certificateRefs": [{ "name": "own" }, { "name": "far", "namespace": "certs" }] });
        let listeners = json!([
            { "name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": { "namespaces": namespaces } },
            { "name": "https", "port": 443, "protocol": "HTTPS", "tls": tls },
        ]);
        let spec = json!({ "gatewayClassName": "pingway", "listeners": listeners });
        let metadata = json!({ "namespace": "shop", "name": "waypoint" });
        json!({ "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": metadata, "spec": spec })
    }

    fn grant(namespace: &str, from: &str, to: &str) -> Value {
        let group = |kind: &str| if matches!(kind, "Secret" | "Service") { "" } else { "gateway.networking.k8s.io" };
        let from = json!([{ "group": group(from), "kind": from, "namespace": "shop" }]);
        let spec = json!({ "from": from, "to": [{ "group": group(to), "kind": to }] });
        let metadata = json!({ "namespace": namespace, "name": "grant" });
        json!({ "apiVersion": GATEWAY_API, "kind": "ReferenceGrant", "metadata": metadata, "spec": spec })
    }

    fn route(namespace: &str, parent: &str, backend: &str) -> Value {
        let rule = json!({ "backendRefs": [{ "name": "s", "namespace": backend, "port": 80 }] });
        let spec = json!({ "parentRefs": [{ "name": parent, "namespace": "shop" }], "rules": [rule] });
        let metadata = json!({ "namespace": namespace, "name": format!("to-{backend}") });
        json!({ "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata, "spec": spec })
    }

    fn names(namespaces: &Namespaces) -> Vec<&str> {
        match namespaces {
            Namespaces::All => vec!["*"],
            Namespaces::Named(names) => names.iter().map(|name| &**name).collect(),
        }
    }

    #[test]
    fn listeners_say_where_routes_are_seen() {
        let namespace = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "team": name } } });
        let all = [namespace("shop"), namespace("cart"), namespace("pay")];
        let selector = json!({ "from": "Selector", "selector": { "matchLabels": { "team": "cart" } } });
        for (allowed, expected) in [
            (json!({ "from": "Same" }), vec!["shop"]),
            (json!({}), vec!["shop"]),
            (selector, vec!["cart", "shop"]),
            (json!({ "from": "All" }), vec!["*"]),
        ] {
            let scope = seen(&[&all[..], &[gateway(allowed.clone())]].concat());
            assert_eq!(names(&scope.routes), expected, "{allowed}");
        }
    }

    #[test]
    fn services_elsewhere_are_seen_where_a_route_of_ours_names_them_with_a_grant() {
        let gateway = gateway(json!({ "from": "Same" }));
        let granted = grant("backends", "HTTPRoute", "Service");
        let scope = seen(&[gateway.clone(), granted.clone(), route("shop", "waypoint", "backends")]);
        assert_eq!((names(&scope.routes), names(&scope.services)), (vec!["shop"], vec!["backends", "shop"]));
        for none in [
            vec![gateway.clone(), route("shop", "waypoint", "backends")],
            vec![gateway.clone(), granted.clone(), route("shop", "other", "backends")],
            vec![gateway, granted, route("cart", "waypoint", "backends")],
        ] {
            assert_eq!(names(&seen(&none).services), ["shop"]);
        }
    }

    #[test]
    fn routes_of_every_kind_count_each_with_a_grant_of_its_own() {
        for kind in ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"] {
            let mut route = route("shop", "waypoint", "backends");
            route["kind"] = json!(kind);
            if kind == "TLSRoute" {
                route["spec"]["hostnames"] = json!(["a.test"]);
            }
            let with =
                |granted: &str| seen(&[gateway(json!({})), grant("backends", granted, "Service"), route.clone()]);
            assert_eq!(names(&with(kind).services), ["backends", "shop"], "{kind}");
            assert_eq!(names(&with("Gateway").services), ["shop"], "{kind}");
        }
    }

    #[test]
    fn policies_are_seen_where_services_are_and_in_the_root_namespace() {
        assert_eq!(names(&seen(&[gateway(json!({}))]).policies), ["shop"]);
        let root = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "istio-system" } });
        assert_eq!(names(&seen(&[gateway(json!({})), root]).policies), ["istio-system", "shop"]);
        assert_eq!(names(&seen(&[gateway(json!({ "from": "All" }))]).policies), ["*"]);
    }

    #[test]
    fn pods_are_seen_as_far_as_the_parameters_say_and_as_serving_them_needs() {
        let pods = |labels: WorkloadLabels, purpose: &str| {
            let class = json!({ "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": { "name": "pingway" },
                "spec": { "controllerName": "pingway.dev/gateway-controller" } });
            let mut gateway = gateway(json!({}));
            gateway["metadata"]["labels"] = json!({ "istio.io/waypoint-for": purpose });
            let granted = grant("backends", "HTTPRoute", "Service");
            let objects = [class, gateway, granted, route("shop", "waypoint", "backends")];
            names(&labelled(&objects, labels).pods).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(pods(WorkloadLabels::Local, "service"), ["backends", "shop"]);
        assert_eq!(pods(WorkloadLabels::Cluster, "service"), ["*"]);
        assert_eq!(pods(WorkloadLabels::Off, "service"), [""; 0]);
        assert_eq!(pods(WorkloadLabels::Off, "none"), [""; 0]);
        assert_eq!(pods(WorkloadLabels::Off, "workload"), ["backends", "shop"]);
        assert_eq!(pods(WorkloadLabels::Off, "all"), ["backends", "shop"]);
    }

    #[test]
    fn pods_are_seen_where_a_service_entry_selects_them() {
        let pods = |allowed: Value, entries: &[(&str, &str)]| {
            let entry = |(namespace, resolution): &(&str, &str)| {
                let spec = json!({ "hosts": ["pay.test"], "resolution": resolution, "workloadSelector": { "labels": { "app": "pay" } } });
                json!({ "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
                    "metadata": { "name": "pay", "namespace": namespace }, "spec": spec })
            };
            let objects: Vec<_> = entries.iter().map(entry).chain([gateway(allowed)]).collect();
            names(&labelled(&objects, WorkloadLabels::Off).pods).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let both = [("shop", "STATIC"), ("cart", "STATIC")];
        assert_eq!(pods(json!({}), &both), ["shop"]);
        assert_eq!(pods(json!({ "from": "All" }), &both), ["cart", "shop"]);
        assert_eq!(pods(json!({}), &[("shop", "DNS")]), [""; 0]);
    }

    #[test]
    fn secrets_are_those_that_listeners_name_and_may() {
        let named = |scope: Scope| match scope.secrets {
            Secrets::Named(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Secrets::In(_) => panic!("all of them"),
        };
        assert_eq!(named(seen(&[gateway(json!({}))])), ["shop/own"]);
        let granted = grant("certs", "Gateway", "Secret");
        assert_eq!(named(seen(&[gateway(json!({})), granted])), ["certs/far", "shop/own"]);
    }
}
