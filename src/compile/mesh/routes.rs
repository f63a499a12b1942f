//! The routes of enrolled Services, port by port: those of the Service's own namespace are for every client (producer routes), those
//! of another for the clients of that namespace alone (consumer routes; GEP-1426).
//!
//! Kept from compile to compile, as the hosts of listeners are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::attached::ListenerKey;
use super::super::hosts::Hosts;
use super::super::kept::Moved;
use super::super::parent::View;
use crate::api::ObjectName;
use crate::table::backend::BackendKey;
use crate::table::hostname::HostPattern;
use crate::table::listener::Host;
use crate::table::mesh::{ByClient, PortRoutes, Routes};

/// The routes of each port that has any.
#[derive(Debug, Default)]
pub(in crate::compile) struct ServiceRoutes {
    ports: BTreeMap<ListenerKey, Kept>,
    built: Arc<Routes>,
}

/// The routes of a port, and what they were made of.
#[derive(Debug)]
struct Kept {
    /// The port, of each Service that has it: of one, or of all hosts of a ServiceEntry.
    keys: Vec<BackendKey>,
    http: Clients,
    bytes: Clients,
    built: Arc<PortRoutes>,
}

/// Routes by whose they are.
#[derive(Debug)]
struct Clients {
    producers: Hosts,
    consumers: BTreeMap<Arc<str>, Hosts>,
}

impl ServiceRoutes {
    /// Takes on what each port got and lost; answers the routes of all. What is the same as before is the same object.
    pub(in crate::compile) fn update<'v>(
        &mut self,
        views: impl Iterator<Item = &'v Arc<View>>,
        moved: &mut BTreeMap<ListenerKey, Moved>,
    ) -> &Arc<Routes> {
        let mut before = std::mem::take(&mut self.ports);
        let mut changed = false;
        for view in views {
            for port in &view.listeners {
                let key = (view.object.clone(), port.name.clone());
                let known = before.remove(&key);
                let moved = moved.remove(&key).unwrap_or_default();
                let Ok(number) = u16::try_from(port.port) else { continue };
                let backend = |service: &ObjectName| BackendKey { service: service.clone(), port: number };
                let backends = view.services.iter().map(backend).collect();
                let Some(kept) = port_routes(known, backends, &view.name().namespace, moved, &mut changed) else {
                    continue;
                };
                self.ports.insert(key, kept);
            }
        }
        if changed || !before.is_empty() {
            let routes =
                self.ports.values().flat_map(|kept| kept.keys.iter().map(|key| (key.clone(), kept.built.clone())));
            self.built = Arc::new(routes.collect());
        }
        &self.built
    }

    /// The hosts of every port.
    pub(in crate::compile) fn hosts(&self) -> impl Iterator<Item = &Hosts> {
        self.ports.values().flat_map(|kept| kept.http.hosts().chain(kept.bytes.hosts()))
    }
}

/// The routes of a port; `None`: it has none. `own`: its namespace.
fn port_routes(
    known: Option<Kept>,
    keys: Vec<BackendKey>,
    own: &str,
    moved: Moved,
    changed: &mut bool,
) -> Option<Kept> {
    let moves = !(moved.gone.is_empty() && moved.come.is_empty());
    let mut kept = match known {
        Some(kept) if kept.keys == keys && !moves => return Some(kept),
        Some(kept) => kept,
        None if !moves => return None,
        None => Kept::new(),
    };
    *changed = true;
    kept.keys = keys;
    let (bytes, http) = moved.split(|route| route.object.kind.is_l4_route());
    kept.http.take(http, own);
    kept.bytes.take(bytes, own);
    let first = |host: &Arc<Host>| host.entries.first().map(|entry| entry.rule.clone());
    kept.built =
        Arc::new(PortRoutes { http: kept.http.built(|host| Some(host.clone())), bytes: kept.bytes.built(first) });
    (!kept.built.is_empty()).then_some(kept)
}

impl Kept {
    fn new() -> Self {
        Self { keys: Vec::new(), http: Clients::new(), bytes: Clients::new(), built: Arc::default() }
    }
}

impl Clients {
    fn new() -> Self {
        Self { producers: Hosts::new(HostPattern::Any), consumers: BTreeMap::new() }
    }

    /// Takes on what came and went. `own`: the port's namespace.
    fn take(&mut self, moved: Moved, own: &str) {
        for (namespace, moved) in by_namespace(moved) {
            if *namespace == *own {
                self.producers.update_any(moved);
            } else {
                self.consumers.entry(namespace).or_insert_with(|| Hosts::new(HostPattern::Any)).update_any(moved);
            }
        }
        self.consumers.retain(|_, hosts| !hosts.list().is_empty());
    }

    /// What the one host of each comes to.
    fn built<T>(&self, come_to: impl Fn(&Arc<Host>) -> Option<T>) -> ByClient<T> {
        let only = |hosts: &Hosts| hosts.list().iter().next().and_then(&come_to);
        let consumers = self.consumers.iter().filter_map(|(namespace, hosts)| Some((namespace.clone(), only(hosts)?)));
        ByClient { producers: only(&self.producers), consumers: consumers.collect() }
    }

    fn hosts(&self) -> impl Iterator<Item = &Hosts> {
        std::iter::once(&self.producers).chain(self.consumers.values())
    }
}

/// What moved, by the routes' namespaces.
fn by_namespace(moved: Moved) -> BTreeMap<Arc<str>, Moved> {
    let mut namespaces: BTreeMap<Arc<str>, Moved> = BTreeMap::new();
    for route in moved.gone {
        namespaces.entry(route.object.name.namespace.clone()).or_default().gone.push(route);
    }
    for route in moved.come {
        namespaces.entry(route.object.name.namespace.clone()).or_default().come.push(route);
    }
    namespaces
}
