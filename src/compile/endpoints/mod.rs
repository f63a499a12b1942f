//! EndpointSlices, or what a name stands for, to the endpoints of one Service and port: compile's second, small, pure function.

mod dial;
mod external;
mod near;
mod tiers;
mod warnings;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::Endpoint;

use super::Options;
use crate::api::{EndpointSlice, ObjectName};
use crate::snapshot::{Slices, Snapshot};
use crate::table::backend::{AppProtocol, BackendKey, Endpoints};
use near::Here;
use tiers::{Candidate, Tiers};

pub use warnings::warnings;

/// The endpoints of a backend at this moment; empty where the Service or its port is not there.
///
/// A slice's port belongs to the Service's port of the same name, so a named target port may be another number on each pod.
/// Slices of type FQDN have no address to dial and are passed over. A Service of type ExternalName has the addresses that
/// its name stands for, or none where such Services are not served.
///
/// Of those that take requests only the ones that are near are answered, where the Service asks for that and the options
/// tell where here is.
pub fn endpoints(snapshot: &Snapshot, key: &BackendKey, options: &Options) -> Endpoints {
    if let Some(external) = external::find(snapshot, key, options) {
        return external.endpoints(options);
    }
    let Some((spec, port)) = service_port(snapshot, key) else { return Endpoints::default() };
    let mut refused = Vec::new();
    let mut tiers = Tiers::default();
    let prefers_ipv6 = spec.ip_families.iter().flatten().next().is_some_and(|family| family == "IPv6");
    let every_one_ready = spec.publish_not_ready_addresses == Some(true);
    let here = Here::new(options);
    let host = Some(spec).filter(|_| key.service.is_host());
    for slice in slices(snapshot, &key.service) {
        let numbers: Vec<u16> = port_numbers(slice, port).collect();
        for (endpoint, ip) in
            slice.endpoints.iter().flatten().filter_map(|endpoint| Some((endpoint, address(endpoint)?)))
        {
            let Some(tier) = tiers.of(endpoint, every_one_ready) else { continue };
            for address in numbers.iter().map(|number| SocketAddr::new(ip, *number)) {
                if !dial::allowed(address, options) || dial::leads_back(ip, host) {
                    refused.push(address);
                } else if here.may_serve(spec, endpoint) {
                    tier.add(Candidate { endpoint, address }, prefers_ipv6);
                }
            }
        }
    }
    refused.sort_unstable();
    refused.dedup();
    Endpoints { protocol: protocol(port), addresses: tiers.addresses(&here), refused }
}

/// The name whose addresses are a backend's endpoints. `None`: its Service goes by no name, or may not be served.
pub fn dns_name(snapshot: &Snapshot, key: &BackendKey, options: &Options) -> Option<Arc<str>> {
    external::find(snapshot, key, options).map(|external| external.name)
}

/// Whether a backend's endpoints are not known yet, because its name has not been asked.
pub fn awaits_resolution(snapshot: &Snapshot, key: &BackendKey, options: &Options) -> bool {
    external::find(snapshot, key, options).is_some_and(|external| external.resolution.is_none())
}

/// A Service's spec and the port that a backend names. A port of UDP by the same number is another port.
fn service_port<'a>(snapshot: &'a Snapshot, key: &BackendKey) -> Option<(&'a ServiceSpec, &'a ServicePort)> {
    let spec = snapshot.services.get(&key.service)?.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return None;
    }
    let mut ports = spec.ports.iter().flatten();
    let port = ports.find(|port| port.port == i32::from(key.port) && is_tcp(port.protocol.as_deref()))?;
    Some((spec, port))
}

/// The Service's slices that hold addresses.
fn slices<'a>(snapshot: &'a Snapshot, service: &ObjectName) -> impl Iterator<Item = &'a Arc<EndpointSlice>> {
    let slices = snapshot.slices.get(service).into_iter().flat_map(Slices::values);
    slices.filter(|slice| slice.address_type != "FQDN")
}

/// The numbers that a Service's port has in a slice: found by name, which is empty for the only port of a Service.
fn port_numbers<'a>(slice: &'a EndpointSlice, port: &'a ServicePort) -> impl Iterator<Item = u16> + 'a {
    let name = port.name.as_deref().unwrap_or_default();
    let ports = slice.ports.iter().flatten();
    ports
        .filter(move |found| found.name.as_deref().unwrap_or_default() == name && is_tcp(found.protocol.as_deref()))
        .filter_map(|found| u16::try_from(found.port?).ok())
}

fn is_tcp(protocol: Option<&str>) -> bool {
    protocol.is_none_or(|protocol| protocol == "TCP")
}

/// An endpoint's address. Its addresses stand for one another, and only the first counts.
fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    endpoint.addresses.first()?.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// What a port speaks (KEP-3726).
fn protocol(port: &ServicePort) -> AppProtocol {
    match port.app_protocol.as_deref() {
        Some("http") => AppProtocol::Http,
        Some("kubernetes.io/h2c" | "grpc" | "kubernetes.io/grpc") => AppProtocol::H2c,
        Some("kubernetes.io/ws") => AppProtocol::WebSocket,
        _ => AppProtocol::Undeclared,
    }
}

#[cfg(test)]
mod tests;
