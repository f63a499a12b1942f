//! Backends: `backendRefs` to a Service and port, or why a reference is invalid.

use k8s_openapi::api::core::v1::ServicePort;

use super::Options;
use super::grant::Grants;
use super::parent;
use super::route::Parsed;
use super::verdict::Refusal;
use crate::api::{BackendRef, Kind, ObjectName, ObjectRef, ParentRef, Service};
use crate::snapshot::{Snapshot, external_name};
use crate::status::Reason;
use crate::table::backend::BackendKey;

/// Istio's kind of a reference to a host of the mesh.
const HOSTNAME: (&str, &str) = ("networking.istio.io", "Hostname");

fn kind_of(reference: &BackendRef) -> (&str, &str) {
    let group = reference.group.as_deref().unwrap_or_default();
    (group, reference.kind.as_deref().unwrap_or(Kind::Service.as_str()))
}

/// The host that a reference names, in lower case; `None`: it names none.
pub(super) fn host_name(reference: &BackendRef) -> Option<String> {
    (kind_of(reference) == HOSTNAME).then(|| reference.name.to_ascii_lowercase())
}

/// The host of a ServiceEntry by its name: one of the route's own namespace before others that are exported to it, in the order of
/// their namespaces.
fn host(host: &str, route: &ObjectName, snapshot: &Snapshot) -> Option<ObjectName> {
    let found = snapshot.entries.iter().filter(|(name, entry)| {
        entry.spec.is_seen_from(&name.namespace, &route.namespace) && entry.spec.hosts.iter().any(|known| known == host)
    });
    // The first of those that are equal.
    let (entry, _) = found.min_by_key(|(name, _)| name.namespace != route.namespace)?;
    Some(ObjectName::new(entry.namespace.clone(), host))
}

/// The Service that a reference names, where it names one.
pub(super) fn service_name(reference: &BackendRef, route: &ObjectName) -> Option<ObjectName> {
    let (group, kind) = kind_of(reference);
    // A host of a ServiceEntry is no Service, though it is kept as one.
    if !group.is_empty() || kind != Kind::Service.as_str() || reference.name.contains('.') {
        return None;
    }
    let name = reference.name.as_str();
    Some(match reference.namespace.as_deref() {
        Some(namespace) => ObjectName::new(namespace, name),
        None => ObjectName::new(route.namespace.clone(), name),
    })
}

/// The backend of a route's reference (BackendRef, HTTPBackendRef).
pub(super) fn resolve(
    reference: &BackendRef,
    route: &Parsed,
    snapshot: &Snapshot,
    grants: &Grants<'_>,
    options: &Options,
) -> Result<BackendKey, Refusal> {
    let (parents, route) = (route.source.parents(), &route.object);
    if let Some(wanted) = host_name(reference) {
        let not_found = |message: String| Refusal::new(Reason::BackendNotFound, message);
        let name = host(&wanted, &route.name, snapshot).filter(|name| snapshot.services.contains_key(name));
        let message = || format!("no ServiceEntry that namespace {} sees has the host {wanted}", route.name.namespace);
        return port_of(reference, name.ok_or_else(|| not_found(message()))?, route, snapshot, options);
    }
    let Some(name) = service_name(reference, &route.name) else {
        let (group, kind) = (reference.group.as_deref().unwrap_or_default(), reference.kind.as_deref());
        let message = format!("{} {} of group {group:?} is not a Service", kind.unwrap_or("Service"), reference.name);
        return Err(Refusal::new(Reason::InvalidKind, message));
    };
    // Asked before anything is looked up: what is not permitted tells nothing of what is there.
    if !grants.permit(route.kind, &route.name.namespace, Kind::Service, &name) && !is_dialled(&name, parents, route) {
        let message = format!(
            "no ReferenceGrant in {} lets {}s of {} use Service {name}",
            name.namespace, route.kind, route.name.namespace
        );
        return Err(Refusal::new(Reason::RefNotPermitted, message));
    }
    port_of(reference, name, route, snapshot, options)
}

/// The port of a Service that a reference names.
fn port_of(
    reference: &BackendRef,
    name: ObjectName,
    route: &ObjectRef,
    snapshot: &Snapshot,
    options: &Options,
) -> Result<BackendKey, Refusal> {
    let not_found = |message: String| Refusal::new(Reason::BackendNotFound, message);
    let alias = |service: &Service| !name.is_host() && external_name(service).is_some();
    let service = snapshot.services.get(&name).ok_or_else(|| not_found(format!("Service {name} does not exist")))?;
    if !options.external_names && alias(service) {
        let message = format!("Service {name} is of type ExternalName, which is not allowed here");
        return Err(Refusal::new(Reason::InvalidKind, message));
    }
    let number = reference.port.ok_or_else(|| not_found(format!("no port is named; Service {name} needs one")))?;
    // An alias need not declare ports: without any, each is what the reference says.
    if alias(service) && ports(service).is_empty() {
        let number = u16::try_from(number).map_err(|_| not_found(format!("{number} is not a port")))?;
        return Ok(BackendKey { service: name, port: number });
    }
    let port = port(service, number).ok_or_else(|| not_found(format!("Service {name} has no port {number}")))?;
    check_protocol(port, &name, route.kind)?;
    let number = u16::try_from(number).map_err(|_| not_found(format!("{number} is not a port")))?;
    Ok(BackendKey { service: name, port: number })
}

/// Whether whoever a route is for dialled this very Service: it is the one parent of the route, at whichever of its ports. Such a
/// route exposes it to nobody who could not reach it before, so that no grant is needed (GEP-1294, Namespace boundaries). Of other
/// Services that is not known: the waypoint reaches them under an identity that is not the client's.
fn is_dialled(service: &ObjectName, parents: &[ParentRef], route: &ObjectRef) -> bool {
    let is_it = |parent: &ParentRef| {
        parent::named(parent, &route.name).is_some_and(|named| named.kind == Kind::Service && named.name == *service)
    };
    !parents.is_empty() && parents.iter().all(is_it)
}

fn ports(service: &Service) -> &[ServicePort] {
    service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default()
}

/// A Service may have one number twice, for TCP and for UDP: TCP is the one.
fn port(service: &Service, number: i32) -> Option<&ServicePort> {
    let mut candidates: Vec<&ServicePort> = ports(service).iter().filter(|port| port.port == number).collect();
    candidates.sort_by_key(|port| !is_tcp(port));
    candidates.first().copied()
}

fn is_tcp(port: &ServicePort) -> bool {
    port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
}

/// What the route cannot speak is refused; an `appProtocol` that is not known says nothing.
fn check_protocol(port: &ServicePort, service: &ObjectName, kind: Kind) -> Result<(), Refusal> {
    let number = port.port;
    let unsupported = |message| Err(Refusal::new(Reason::UnsupportedProtocol, message));
    if !is_tcp(port) {
        let protocol = port.protocol.as_deref().unwrap_or_default();
        return unsupported(format!("port {number} of Service {service} is {protocol}, not TCP"));
    }
    match port.app_protocol.as_deref() {
        Some("kubernetes.io/ws") if kind == Kind::GrpcRoute => {
            unsupported(format!("port {number} of Service {service} speaks WebSocket, which carries no gRPC"))
        }
        _ => Ok(()),
    }
}
