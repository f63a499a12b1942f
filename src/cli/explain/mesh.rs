//! What a request finds that ztunnel hands over: by the address that its client dialled, and by who the client is.
//!
//! What takes it is told as a listener of its own, so that the one search serves for both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::api::ObjectName;
use crate::table::RouteTable;
use crate::table::hostname::HostPattern;
use crate::table::hosts::Hosts;
use crate::table::listener::{Host, Listener, Protocol};
use crate::table::matches::Match;
use crate::table::mesh::{PortRoutes, ServicePort};
use crate::table::rule::Entry;

/// What was dialled, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialled {
    pub(super) address: SocketAddr,
    /// The namespace of the client's identity; `None`: it is not known.
    pub(super) namespace: Option<Arc<str>>,
}

/// Where a request is looked up.
pub(super) enum Place<'a> {
    /// In the routes of the dialled port, or straight through; as a listener.
    Port(&'a ObjectName, Arc<Listener>),
    /// In the listeners of this Gateway, on the dialled port.
    Listeners(&'a RouteTable),
}

/// Where a request is looked up. Errors: the address is not enrolled.
pub(super) fn place<'a>(
    tables: &'a BTreeMap<ObjectName, Arc<RouteTable>>,
    dialled: &Dialled,
    host: &str,
) -> Result<Place<'a>, String> {
    let of_table = |table: &'a Arc<RouteTable>| Some((&**table, table.mesh.as_ref()?.ports.get(&dialled.address)?));
    let (table, port) = tables.values().find_map(of_table).ok_or_else(|| {
        format!("{} is enrolled with no waypoint here: the connection is closed (not_served)", dialled.address)
    })?;
    if let Some((whose, host)) = table.service_routes.get(&port.backend).and_then(|routes| chosen(routes, dialled)) {
        return Ok(Place::Port(&table.gateway, listener(&format!("{whose} of {}", port.backend), host)));
    }
    let on_port = |listener: &&Arc<Listener>| {
        listener.protocol == Protocol::Http
            && listener.sockets.iter().any(|socket| socket.port == dialled.address.port())
    };
    let has_rules = |listener: &Arc<Listener>| {
        listener.hostname.matches(host) && listener.hosts.iter().any(|rules| rules.hostname.matches(host))
    };
    if table.listeners.iter().filter(on_port).any(has_rules) {
        return Ok(Place::Listeners(table));
    }
    Ok(Place::Port(&table.gateway, listener(&format!("no route, straight through to {}", port.backend), through(port))))
}

/// The routes of a port that are for this client, and whose they are. `None`: none are.
fn chosen(routes: &PortRoutes, dialled: &Dialled) -> Option<(String, Arc<Host>)> {
    let of_client =
        dialled.namespace.as_ref().and_then(|namespace| Some((namespace, routes.consumers.get(namespace)?)));
    match (of_client, &routes.producers) {
        (Some((namespace, host)), _) => Some((format!("consumer routes of namespace {namespace}"), host.clone())),
        (None, Some(host)) => Some(("routes".to_owned(), host.clone())),
        (None, None) => None,
    }
}

fn through(port: &ServicePort) -> Arc<Host> {
    let entry = Entry { matches: Match::any(), rule: port.through.clone() };
    Arc::new(Host { hostname: HostPattern::Any, entries: vec![Arc::new(entry)] })
}

fn listener(name: &str, host: Arc<Host>) -> Arc<Listener> {
    let mut hosts = Hosts::default();
    hosts.insert(host);
    Arc::new(Listener {
        name: name.into(),
        sockets: Vec::new(),
        protocol: Protocol::Http,
        hostname: HostPattern::Any,
        hosts,
    })
}
