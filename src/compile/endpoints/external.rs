//! ExternalName Services: the addresses that their name stands for, where the options let them be served at all. Hosts of
//! ServiceEntries that DNS resolves are such, too, and always served.
//!
//! Such a Service is an alias, so the port dialled is the one that the backendRef names; it need not declare it.

use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Options, dial, is_tcp, protocol};
use crate::snapshot::{Resolution, Snapshot, external_name};
use crate::table::backend::{AppProtocol, BackendKey, Endpoints};

/// An ExternalName Service that is served.
pub(super) struct External<'a> {
    /// The name.
    pub(super) name: Arc<str>,
    /// What it stands for. `None`: it has not been asked yet.
    pub(super) resolution: Option<&'a Resolution>,
    protocol: AppProtocol,
    /// The port that is dialled.
    port: u16,
    spec: Option<&'a ServiceSpec>,
}

/// The ExternalName Service that a backend names. `None`: it names no such Service, or none may be served.
pub(super) fn find<'a>(snapshot: &'a Snapshot, key: &BackendKey, options: &Options) -> Option<External<'a>> {
    // A host of a ServiceEntry is a name by its own right, and not a way around the rights to a Service.
    if !options.external_names && !key.service.is_host() {
        return None;
    }
    let service = snapshot.services.get(&key.service)?;
    let name = external_name(service)?;
    let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let named = |port: &&ServicePort| port.port == i32::from(key.port) && is_tcp(port.protocol.as_deref());
    let found = ports.find(named);
    let target = found.filter(|_| key.service.is_host()).and_then(|port| match port.target_port {
        Some(IntOrString::Int(number)) => u16::try_from(number).ok(),
        _ => None,
    });
    Some(External {
        resolution: snapshot.names.get(&name),
        name,
        protocol: found.map(protocol).unwrap_or_default(),
        port: target.unwrap_or(key.port),
        spec: service.spec.as_ref().filter(|_| key.service.is_host()),
    })
}

impl External<'_> {
    /// Its endpoints at this moment.
    pub(super) fn endpoints(&self, options: &Options) -> Endpoints {
        let known = self.resolution.iter().flat_map(|known| &known.addresses);
        let all = known.map(|ip| SocketAddr::new(ip.to_canonical(), self.port));
        let (addresses, refused) =
            all.partition(|address| dial::allowed(*address, options) && !dial::leads_back(address.ip(), self.spec));
        Endpoints { protocol: self.protocol, addresses, refused }
    }
}
