//! A mesh as a waypoint sees it: pods with identities, each behind a stand-in for ztunnel.

pub(crate) mod certificates;
pub(crate) mod hbone;
pub(crate) mod mark;
pub(crate) mod proxy_header;
pub(crate) mod splice;
pub(crate) mod ztunnel;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What each ztunnel knows of the mesh.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Pods, by address.
    pub(crate) pods: BTreeMap<IpAddr, String>,
    /// The addresses of Services that use the waypoint.
    pub(crate) services: BTreeSet<IpAddr>,
    /// The addresses of the waypoint's pods that are ready, of IPv4 and of IPv6.
    pub(crate) ready: Mutex<Vec<[IpAddr; 2]>>,
    turn: AtomicUsize,
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
        let address = if self.services.contains(&dialled) { self.waypoint(dialled.is_ipv4())? } else { dialled };
        self.pods.get(&address).map(|identity| Hop { address, identity: identity.clone() })
    }

    /// One of the waypoint's pods, in turn.
    fn waypoint(&self, is_ipv4: bool) -> Option<IpAddr> {
        let ready = self.ready.lock().expect("no panic");
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(ready.len())?;
        ready.get(turn).map(|[v4, v6]| if is_ipv4 { *v4 } else { *v6 })
    }
}
