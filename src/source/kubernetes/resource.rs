//! How the API server names the kinds: group, version, plural.

use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};

use super::watched::Watched;
use crate::api::{ENTRY_VERSIONS, Kind, PolicyKind, TCP_ROUTE_VERSIONS, TLS_ROUTE_VERSIONS};

/// The versions in which a kind is asked for, best first: another is tried where the API server does not know the one before.
fn versions(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ReferenceGrant => &["v1", "v1beta1"],
        Kind::TlsRoute => TLS_ROUTE_VERSIONS,
        Kind::TcpRoute => TCP_ROUTE_VERSIONS,
        Kind::PingwayParameters | Kind::XMesh => &["v1alpha1"],
        Kind::ServiceEntry | Kind::WorkloadEntry => ENTRY_VERSIONS,
        Kind::Policy(kind) => kind.versions(),
        _ => &["v1"],
    }
}

/// The kind as the API server names it, in each of its versions, best first.
pub(super) fn resources(kind: Kind) -> impl Iterator<Item = ApiResource> {
    versions(kind).iter().map(move |version| {
        let words = GroupVersionKind::gvk(kind.group(), version, kind.as_str());
        match kind {
            // A plural already, of which a rule would make another.
            Kind::PingwayParameters => ApiResource::from_gvk_with_plural(&words, "pingwayparameters"),
            // One that is not counted.
            Kind::Policy(PolicyKind::Telemetry) => ApiResource::from_gvk_with_plural(&words, "telemetries"),
            _ => ApiResource::from_gvk(&words),
        }
    })
}

/// The version in which an object came.
pub(super) fn version(kind: Kind, object: &DynamicObject) -> &'static str {
    let written = object.types.as_ref().map_or("", |types| types.api_version.as_str());
    let word = written.rsplit('/').next().unwrap_or_default();
    versions(kind).iter().find(|version| **version == word).copied().unwrap_or(kind.version())
}

/// The part of the API that a watch is about.
pub(super) fn api(client: Client, watched: &Watched, resource: &ApiResource) -> Api<DynamicObject> {
    match &watched.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, resource),
        None => Api::all_with(client, resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PolicyKind::{
        AuthorizationPolicy, DestinationRule, EnvoyFilter, RequestAuthentication, Telemetry, VirtualService, WasmPlugin,
    };

    #[test]
    fn plurals_are_those_of_the_api_server() {
        let plurals = [
            (Kind::GatewayClass, "gatewayclasses"),
            (Kind::XMesh, "xmeshes"),
            (Kind::Gateway, "gateways"),
            (Kind::HttpRoute, "httproutes"),
            (Kind::GrpcRoute, "grpcroutes"),
            (Kind::TlsRoute, "tlsroutes"),
            (Kind::TcpRoute, "tcproutes"),
            (Kind::ReferenceGrant, "referencegrants"),
            (Kind::Service, "services"),
            (Kind::EndpointSlice, "endpointslices"),
            (Kind::Secret, "secrets"),
            (Kind::Namespace, "namespaces"),
            (Kind::Pod, "pods"),
            (Kind::PingwayParameters, "pingwayparameters"),
            (Kind::ServiceEntry, "serviceentries"),
            (Kind::WorkloadEntry, "workloadentries"),
            (Kind::Policy(AuthorizationPolicy), "authorizationpolicies"),
            (Kind::Policy(RequestAuthentication), "requestauthentications"),
            (Kind::Policy(DestinationRule), "destinationrules"),
            (Kind::Policy(EnvoyFilter), "envoyfilters"),
            (Kind::Policy(VirtualService), "virtualservices"),
            (Kind::Policy(Telemetry), "telemetries"),
            (Kind::Policy(WasmPlugin), "wasmplugins"),
        ];
        for (kind, plural) in plurals {
            assert!(resources(kind).all(|resource| resource.plural == plural), "{kind}");
        }
    }
}
