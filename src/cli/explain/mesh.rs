//! What a request finds that ztunnel hands over: by the address that its client dialled, and by who the client is.
//!
//! What takes it is told as a listener of its own, so that the one search serves for both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::find::{Configuration, index};
use super::words;
use crate::api::ObjectName;
use crate::controller::provision::object_name;
use crate::proxy::Identity;
use crate::settings::ServiceAccount;
use crate::snapshot::Snapshot;
use crate::table::RouteTable;
use crate::table::backend::{Target, WeightedBackend};
use crate::table::hostname::HostPattern;
use crate::table::hosts::Hosts;
use crate::table::listener::{Host, Listener, Protocol};
use crate::table::matches::Match;
use crate::table::mesh::{ByClient, Pods, PortRoutes, ServicePort, Spoken};
use crate::table::policy::Denied;
use crate::table::rule::{Action, Entry};
use crate::telemetry::outcome::Reason;

/// What was dialled, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialled {
    pub(super) address: SocketAddr,
    /// The client; `None`: it is from outside of the mesh.
    pub(super) identity: Option<Identity>,
}

impl Dialled {
    /// The client's namespace; `None`: it is not known.
    fn namespace(&self) -> Option<&str> {
        self.identity.as_ref().map(Identity::namespace)
    }
}

/// Where a request is looked up: these listeners of this Gateway. The routes of a dialled port, and what leads straight through, are one of
/// their own.
pub(super) struct Place<'a> {
    pub(super) gateway: &'a ObjectName,
    pub(super) listeners: Vec<Arc<Listener>>,
    /// What the Gateway refuses because of policies.
    pub(super) denied: Option<&'a Denied>,
}

/// Why a request is looked up nowhere.
pub(super) enum Nowhere {
    /// Nothing takes it; why, for people.
    Closed(String),
    /// The waypoint answers it by itself.
    Answered(u16, Reason, String),
    /// It goes straight to the pod that was dialled.
    Pod(ObjectName),
}

/// Where a request is looked up. Errors: nowhere, and why.
pub(super) fn place<'a>(
    Configuration { tables, snapshot, .. }: Configuration<'a>,
    dialled: &Dialled,
    host: &str,
) -> Result<Place<'a>, Nowhere> {
    let address = dialled.address;
    let of_table = |table: &'a Arc<RouteTable>| Some((&**table, table.mesh.as_ref()?.ports.get(&address)?));
    let Some((table, port)) = tables.values().find_map(of_table) else {
        return elsewhere(tables, snapshot, dialled);
    };
    let (gateway, backend, denied) = (&table.gateway, &port.backend, table.denied.as_deref());
    refuse_loop(dialled, gateway, snapshot)?;
    let refused = refuse(denied, Some(&backend.service));
    let routes = table.service_routes.get(backend);
    if let Some(words) = bytes(port, routes.map(|routes| &**routes), dialled) {
        let words = match refused {
            Err(Nowhere::Answered(_, reason, why)) => {
                format!("{address} takes bytes, and the connection is closed ({}): {why}", reason.as_str())
            }
            _ => words,
        };
        return Err(Nowhere::Closed(words));
    }
    refused?;
    let alone = |name: String, host| Place { gateway, listeners: vec![listener(&name, host)], denied };
    if let Some((whose, rules)) = routes.and_then(|routes| chosen(&routes.http, dialled)) {
        return Ok(alone(format!("{whose} of {backend}"), rules));
    }
    let listeners = on_port(table, address.port());
    if index(&listeners).has_rules(host) {
        return Ok(Place { gateway, listeners, denied });
    }
    Ok(alone(format!("no route, straight through to {backend}"), through(port)))
}

/// What is no Service's: an enrolled pod's own address, or the waypoint's.
fn elsewhere<'a>(
    tables: &'a BTreeMap<ObjectName, Arc<RouteTable>>,
    snapshot: &Snapshot,
    dialled: &Dialled,
) -> Result<Place<'a>, Nowhere> {
    let address = dialled.address;
    let ip = address.ip().to_canonical();
    let pod = snapshot.pods.values().find(|pod| pod.ips.contains(&ip));
    for (table, mesh) in tables.values().filter_map(|table| Some((table, table.mesh.as_ref()?))) {
        let denied = table.denied.as_deref();
        if mesh.own.contains(&ip) {
            let listeners = on_port(table, address.port());
            if listeners.is_empty() {
                let words =
                    format!("{address} is the waypoint's own: metrics, on their port, or nothing that is served");
                return Err(Nowhere::Closed(words));
            }
            refuse_loop(dialled, &table.gateway, snapshot)?;
            refuse(denied, None)?;
            return Ok(Place { gateway: &table.gateway, listeners, denied });
        }
        let enrolls = |pods: &Pods| pod.filter(|pod| pods.enrolls(pod) && (pods.loopback || !ip.is_loopback()));
        if let Some(pod) = mesh.pods.as_ref().and_then(enrolls) {
            refuse_loop(dialled, &table.gateway, snapshot)?;
            refuse(denied, None)?;
            return Err(Nowhere::Pod(pod.name.clone()));
        }
    }
    Err(Nowhere::Closed(format!("{address} is enrolled with no waypoint here: the connection is closed (not_served)")))
}

/// Refuses what a policy would judge that is not enforced, as `proxy::policy` does. `service`: what was dialled; `None`: no Service.
pub(super) fn refuse(denied: Option<&Denied>, service: Option<&ObjectName>) -> Result<(), Nowhere> {
    match denied.and_then(|denied| denied.because_of(service)) {
        Some(policy) => Err(Nowhere::Answered(403, Reason::PolicyNotEnforced, words::not_enforced(policy))),
        None => Ok(()),
    }
}

/// Refuses what comes from the identity under which a Gateway's pods run, whatever it dialled.
fn refuse_loop(dialled: &Dialled, gateway: &ObjectName, snapshot: &Snapshot) -> Result<(), Nowhere> {
    let account = snapshot
        .gateways
        .get(gateway)
        .map(|object| ServiceAccount { namespace: gateway.namespace.clone(), name: object_name(object).into() });
    if dialled.identity.as_ref().zip(account).is_none_or(|(identity, account)| !identity.is_of(&account)) {
        return Ok(());
    }
    let why = format!("{gateway} itself dialled it: it would come round again");
    Err(Nowhere::Answered(508, Reason::Loop, why))
}

/// The listeners of HTTP on a port.
fn on_port(table: &RouteTable, port: u16) -> Vec<Arc<Listener>> {
    let is_on_port = |listener: &&Arc<Listener>| {
        listener.sockets.iter().any(|socket| socket.port == port) && listener.protocol == Protocol::Http
    };
    table.listeners.iter().filter(is_on_port).cloned().collect()
}

/// Where bytes go that nobody looks at; `None`: HTTP is looked at.
fn bytes(port: &ServicePort, routes: Option<&PortRoutes>, dialled: &Dialled) -> Option<String> {
    let client = dialled.namespace();
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
    let of_client = dialled.namespace().and_then(|namespace| Some((namespace, routes.consumers.get(namespace)?)));
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
