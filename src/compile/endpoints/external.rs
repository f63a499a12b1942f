//! ExternalName Services: the addresses that their name stands for, where the options let them be served at all.
//!
//! Such a Service is an alias, so the port dialled is the one that the backendRef names; it need not declare it.

use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ServicePort;

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
}

/// The ExternalName Service that a backend names. `None`: it names no such Service, or none may be served.
pub(super) fn find<'a>(snapshot: &'a Snapshot, key: &BackendKey, options: &Options) -> Option<External<'a>> {
    if !options.external_names {
        return None;
    }
    let service = snapshot.services.get(&key.service)?;
    let name = external_name(service)?;
    let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let named = |port: &&ServicePort| port.port == i32::from(key.port) && is_tcp(port.protocol.as_deref());
    let protocol = ports.find(named).map(protocol).unwrap_or_default();
    Some(External { resolution: snapshot.names.get(&name), name, protocol })
}

impl External<'_> {
    /// Its endpoints at this moment.
    pub(super) fn endpoints(&self, key: &BackendKey, options: &Options) -> Endpoints {
        let known = self.resolution.iter().flat_map(|known| &known.addresses);
        let all = known.map(|ip| SocketAddr::new(ip.to_canonical(), key.port));
        let (addresses, refused) = all.partition(|address| dial::allowed(address.ip(), options));
        Endpoints { protocol: self.protocol, addresses, refused }
    }
}
