//! What a request finds that ztunnel hands over: by the address that its client dialled, and by who the client is.
//!
//! What takes it is told as a listener of its own, so that the one search serves for both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::find::index;
use crate::api::ObjectName;
use crate::table::RouteTable;
use crate::table::backend::{Target, WeightedBackend};
use crate::table::hostname::HostPattern;
use crate::table::hosts::Hosts;
use crate::table::listener::{Host, Listener, Protocol};
use crate::table::matches::Match;
use crate::table::mesh::{ByClient, PortRoutes, ServicePort, Spoken};
use crate::table::rule::{Action, Entry};

/// What was dialled, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialled {
    pub(super) address: SocketAddr,
    /// The namespace of the client's identity; `None`: it is not known.
    pub(super) namespace: Option<Arc<str>>,
}

/// Where a request is looked up: these listeners of this Gateway. The routes of a dialled port, and what leads straight through, are one of
/// their own.
pub(super) struct Place<'a> {
    pub(super) gateway: &'a ObjectName,
    pub(super) listeners: Vec<Arc<Listener>>,
}

/// Where a request is looked up. Errors: it is not looked at, and why.
pub(super) fn place<'a>(
    tables: &'a BTreeMap<ObjectName, Arc<RouteTable>>,
    dialled: &Dialled,
    host: &str,
) -> Result<Place<'a>, String> {
    let of_table = |table: &'a Arc<RouteTable>| Some((&**table, table.mesh.as_ref()?.ports.get(&dialled.address)?));
    let (table, port) = tables.values().find_map(of_table).ok_or_else(|| {
        format!("{} is enrolled with no waypoint here: the connection is closed (not_served)", dialled.address)
    })?;
    let (gateway, backend) = (&table.gateway, &port.backend);
    let routes = table.service_routes.get(backend);
    if let Some(words) = bytes(port, routes.map(|routes| &**routes), dialled) {
        return Err(words);
    }
    let alone = |name: String, host| Place { gateway, listeners: vec![listener(&name, host)] };
    if let Some((whose, rules)) = routes.and_then(|routes| chosen(&routes.http, dialled)) {
        return Ok(alone(format!("{whose} of {backend}"), rules));
    }
    let is_on_port = |listener: &&Arc<Listener>| {
        let on_port = listener.sockets.iter().any(|socket| socket.port == dialled.address.port());
        on_port && listener.protocol == Protocol::Http
    };
    let listeners: Vec<_> = table.listeners.iter().filter(is_on_port).cloned().collect();
    if index(&listeners).has_rules(host) {
        return Ok(Place { gateway, listeners });
    }
    Ok(alone(format!("no route, straight through to {backend}"), through(port)))
}

/// Where bytes go that nobody looks at; `None`: HTTP is looked at.
fn bytes(port: &ServicePort, routes: Option<&PortRoutes>, dialled: &Dialled) -> Option<String> {
    let client = dialled.namespace.as_deref();
    let rule = routes.and_then(|routes| routes.bytes.of(client));
    let http = routes.is_some_and(|routes| routes.http.of(client).is_some());
    let why = match port.spoken {
        Spoken::Tcp => "is declared no HTTP",
        Spoken::Undeclared if rule.is_some() && !http => "has routes for bytes alone",
        Spoken::Undeclared | Spoken::Http => return None,
    };
    let to = match rule.map(|rule| (rule, &rule.action)) {
        Some((rule, Action::Forward { backends, .. })) => {
            let share = |one: &WeightedBackend| match &one.target {
                Target::Backend(key) => format!("{key} (weight {})", one.weight),
                Target::Invalid { why } => format!("nowhere (weight {}: {why})", one.weight),
            };
            let shares: Vec<String> = backends.iter().map(share).collect();
            format!("by {} to {}", rule.route, shares.join(", "))
        }
        Some((rule, _)) => format!("nowhere, by {}", rule.route),
        None => format!("straight through to {}", port.backend),
    };
    Some(format!("{} {why}: bytes are passed on as they come, {to}", dialled.address))
}

/// The routes of a port that are for this client, and whose they are. `None`: none are.
fn chosen(routes: &ByClient<Arc<Host>>, dialled: &Dialled) -> Option<(String, Arc<Host>)> {
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
