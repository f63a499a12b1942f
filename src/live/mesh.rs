//! What a waypoint serves, bound to live handles: where a dialled address leads.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::serving::LiveRule;
use crate::snapshot::Socket;
use crate::table::mesh::{Mesh, ServicePort};

/// What one waypoint serves of the mesh.
#[derive(Debug)]
pub struct MeshServing {
    /// The plain one.
    pub(super) plain: Arc<Mesh>,
    /// The ports of enrolled Services, by dialled address.
    ports: HashMap<SocketAddr, Arc<LivePort>>,
    /// The Gateway's own listeners: the first socket of each port.
    listeners: BTreeMap<u16, Socket>,
}

/// A port of an enrolled Service.
#[derive(Debug)]
pub struct LivePort {
    /// The plain one.
    pub port: Arc<ServicePort>,
    /// Straight through to the Service.
    pub through: Arc<LiveRule>,
}

/// Where a dialled address leads.
#[derive(Clone, Copy, Debug)]
pub enum Dialled<'m> {
    /// To a listener of the waypoint's own.
    Listener(Socket),
    /// To an enrolled Service.
    Service(&'m Arc<LivePort>),
    /// To another port of the waypoint's own.
    Own(u16),
}

impl MeshServing {
    /// Binds what a Gateway serves of the mesh. `rule` makes a plain rule live.
    pub(super) fn new(
        plain: Arc<Mesh>,
        listeners: BTreeMap<u16, Socket>,
        mut rule: impl FnMut(&Arc<crate::table::rule::Rule>) -> Arc<LiveRule>,
    ) -> Self {
        let live = |(address, port): (&SocketAddr, &Arc<ServicePort>)| {
            (*address, Arc::new(LivePort { port: port.clone(), through: rule(&port.through) }))
        };
        let ports = plain.ports.iter().map(live).collect();
        Self { plain, ports, listeners }
    }

    /// Whether it is bound to these.
    pub(super) fn is(&self, plain: &Arc<Mesh>, listeners: &BTreeMap<u16, Socket>) -> bool {
        Arc::ptr_eq(&self.plain, plain) && self.listeners == *listeners
    }

    /// Where a dialled address leads; `None`: it is not this waypoint's to serve.
    pub fn dialled(&self, address: SocketAddr) -> Option<Dialled<'_>> {
        if let Some(port) = self.ports.get(&address) {
            return Some(Dialled::Service(port));
        }
        let own = self.plain.own.contains(&address.ip());
        let listener = self.listeners.get(&address.port()).map(|socket| Dialled::Listener(*socket));
        own.then(|| listener.unwrap_or(Dialled::Own(address.port())))
    }

    /// The socket of the Gateway's own listeners on a port, whose routes are for whatever Service is dialled there.
    pub fn listener(&self, port: u16) -> Option<Socket> {
        self.listeners.get(&port).copied()
    }
}
