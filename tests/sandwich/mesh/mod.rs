//! A mesh as a waypoint sees it: pods with identities, each behind a stand-in for ztunnel.

pub(crate) mod certificates;
pub(crate) mod hbone;
pub(crate) mod mark;
pub(crate) mod proxy_header;
pub(crate) mod splice;
pub(crate) mod ztunnel;

use std::collections::BTreeMap;
use std::net::IpAddr;

/// What each ztunnel knows of the mesh.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Pods, by address.
    pub(crate) pods: BTreeMap<IpAddr, String>,
    /// The waypoint's pod address, by address of a Service that uses it.
    pub(crate) waypoints: BTreeMap<IpAddr, IpAddr>,
}

/// The next ztunnel on a way.
#[derive(Debug)]
pub(crate) struct Hop {
    /// The address of its pod.
    pub(crate) address: IpAddr,
    /// Who it must be.
    pub(crate) identity: String,
}

impl Registry {
    /// Where what is dialled goes; `None`: out of the mesh, as it is. Nobody is exempt from a Service's waypoint, the waypoint
    /// itself no more than others.
    pub(crate) fn next(&self, dialled: IpAddr) -> Option<Hop> {
        let address = self.waypoints.get(&dialled).copied().unwrap_or(dialled);
        self.pods.get(&address).map(|identity| Hop { address, identity: identity.clone() })
    }
}
