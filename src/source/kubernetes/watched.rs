//! What a scope comes to in watches.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::api::{Kind, ObjectName, PolicyKind};
use crate::snapshot::{Namespaces, Scope, Secrets};

/// One watch: a kind, in all namespaces or one, and of these all objects or one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Watched {
    /// The kind.
    pub(super) kind: Kind,
    /// `None`: all namespaces, or a cluster-scoped kind.
    pub(super) namespace: Option<Arc<str>>,
    /// `None`: all objects.
    pub(super) name: Option<Arc<str>>,
}

impl Watched {
    fn all(kind: Kind) -> Self {
        Self { kind, namespace: None, name: None }
    }

    fn one(kind: Kind, object: &ObjectName) -> Self {
        Self { kind, namespace: Some(object.namespace.clone()), name: Some(object.name.clone()) }
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => write!(f, "{} {namespace}/{name}", self.kind),
            (Some(namespace), None) => write!(f, "{} in namespace {namespace}", self.kind),
            (None, Some(name)) => write!(f, "{} {name}", self.kind),
            (None, None) => write!(f, "{}", self.kind),
        }
    }
}

/// The watches of a scope. No object is in two of them.
pub(super) fn watches(scope: &Scope) -> BTreeSet<Watched> {
    let mut watches: BTreeSet<_> = [Kind::GatewayClass, Kind::Namespace, Kind::ReferenceGrant].map(Watched::all).into();
    match &scope.gateway {
        Some(gateway) => watches.extend([Watched::one(Kind::Gateway, gateway)]),
        // What Gateways run on is no matter to one that runs already, and what a mesh says of itself is none to a Gateway.
        None => watches.extend([Kind::Gateway, Kind::XMesh, Kind::PingwayParameters].map(Watched::all)),
    }
    for kind in [Kind::HttpRoute, Kind::GrpcRoute, Kind::TlsRoute, Kind::TcpRoute] {
        watches.extend(within(&scope.routes, kind));
    }
    for kind in [Kind::Service, Kind::EndpointSlice, Kind::ServiceEntry, Kind::WorkloadEntry] {
        watches.extend(within(&scope.services, kind));
    }
    watches.extend(within(&scope.pods, Kind::Pod));
    for kind in PolicyKind::ALL {
        watches.extend(within(&scope.policies, Kind::Policy(kind)));
    }
    match &scope.secrets {
        Secrets::In(namespaces) => watches.extend(within(namespaces, Kind::Secret)),
        Secrets::Named(names) => watches.extend(names.iter().map(|name| Watched::one(Kind::Secret, name))),
    }
    watches
}

fn within(namespaces: &Namespaces, kind: Kind) -> Vec<Watched> {
    match namespaces {
        Namespaces::All => vec![Watched::all(kind)],
        Namespaces::Named(names) => {
            names.iter().map(|name| Watched { namespace: Some(name.clone()), ..Watched::all(kind) }).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waypoint_watches_its_gateway_by_name_and_no_secret_but_those_named() {
        let named = |names: &[&str]| Namespaces::Named(names.iter().map(|&name| name.into()).collect());
        let scope = Scope {
            gateway: Some(ObjectName::new("shop", "waypoint")),
            routes: named(&["shop"]),
            services: named(&["shop", "stock"]),
            policies: named(&["istio-system"]),
            pods: named(&["shop"]),
            secrets: Secrets::Named(BTreeSet::from([ObjectName::new("certs", "web")])),
        };
        let words: Vec<String> = watches(&scope).iter().map(ToString::to_string).collect();
        let expected = [
            "GatewayClass",
            "Gateway shop/waypoint",
            "HTTPRoute in namespace shop",
            "GRPCRoute in namespace shop",
            "TLSRoute in namespace shop",
            "TCPRoute in namespace shop",
            "ReferenceGrant",
            "Service in namespace shop",
            "Service in namespace stock",
            "EndpointSlice in namespace shop",
            "EndpointSlice in namespace stock",
            "Secret certs/web",
            "Namespace",
            "Pod in namespace shop",
            "ServiceEntry in namespace shop",
            "ServiceEntry in namespace stock",
            "WorkloadEntry in namespace shop",
            "WorkloadEntry in namespace stock",
            "AuthorizationPolicy in namespace istio-system",
            "RequestAuthentication in namespace istio-system",
            "DestinationRule in namespace istio-system",
            "EnvoyFilter in namespace istio-system",
            "VirtualService in namespace istio-system",
            "Telemetry in namespace istio-system",
            "WasmPlugin in namespace istio-system",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn everything_is_one_watch_for_each_kind() {
        assert_eq!(watches(&Scope::everything()).len(), 22);
    }
}
