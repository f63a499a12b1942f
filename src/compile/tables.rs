//! Route tables: what each accepted Gateway serves, put together from its listeners and their hosts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::gateway::{self, View};
use super::hosts::Hosts;
use super::listener::Verdict;
use super::route::Resolved;
use crate::api::ObjectName;
use crate::table::RouteTable;
use crate::table::hostname::HostPattern;
use crate::table::listener::Listener;

/// Routes by listener: for each Gateway, for each of its listeners, by kind and name.
pub(super) type Attached = Vec<Vec<Vec<Arc<Resolved>>>>;

/// Sorts routes by the listeners that have them.
pub(super) fn attached(gateways: &[gateway::Resolved<'_>], routes: &[Arc<Resolved>]) -> Attached {
    let mut attached: Attached = gateways.iter().map(|gateway| vec![Vec::new(); gateway.listeners.len()]).collect();
    let address = |view: &Arc<View>| Arc::as_ptr(view).addr();
    let places: HashMap<usize, usize> =
        gateways.iter().enumerate().map(|(place, gateway)| (address(&gateway.view), place)).collect();
    for route in routes {
        for one in &route.attached {
            let listeners = places.get(&address(&one.gateway)).and_then(|place| attached.get_mut(*place));
            if let Some(routes) = listeners.and_then(|listeners| listeners.get_mut(one.listener)) {
                routes.push(route.clone());
            }
        }
    }
    attached
}

/// A listener's hosts, and the listener that they last became.
type Built = (Hosts, Option<Arc<Listener>>);

/// Tables and what they were made of, kept from compile to compile.
#[derive(Debug, Default)]
pub(super) struct Tables {
    listeners: BTreeMap<(ObjectName, Arc<str>), Built>,
    tables: BTreeMap<ObjectName, Arc<RouteTable>>,
}

impl Tables {
    /// The tables of now. What is the same as before is the same object.
    pub(super) fn build(
        &mut self,
        gateways: &[gateway::Resolved<'_>],
        attached: Attached,
    ) -> BTreeMap<ObjectName, Arc<RouteTable>> {
        let mut before = std::mem::take(self);
        for (gateway, attached) in gateways.iter().zip(attached) {
            if gateway.accepted.is_err() {
                continue;
            }
            let name = &gateway.view.name;
            let mut listeners = Vec::new();
            for (verdict, routes) in gateway.listeners.iter().zip(attached) {
                let key = (name.clone(), verdict.view.name.clone());
                let kept = before.listeners.remove(&key);
                if let Some((hosts, listener)) = listener(verdict, routes, kept) {
                    listeners.push(listener.clone());
                    self.listeners.insert(key, (hosts, Some(listener)));
                }
            }
            let table = match before.tables.remove(name) {
                Some(known) if equal(&known.listeners, &listeners) => known,
                _ => Arc::new(RouteTable { gateway: name.clone(), listeners }),
            };
            self.tables.insert(name.clone(), table);
        }
        self.tables.clone()
    }

    /// The hosts of every listener that serves.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &Hosts> {
        self.listeners.values().map(|(hosts, _)| hosts)
    }
}

fn listener(
    verdict: &Verdict,
    routes: Vec<Arc<Resolved>>,
    kept: Option<(Hosts, Option<Arc<Listener>>)>,
) -> Option<(Hosts, Arc<Listener>)> {
    let (Some(hostname), Some(protocol), true) = (&verdict.view.hostname, &verdict.protocol, verdict.view.serves)
    else {
        return None;
    };
    let (mut hosts, known) = kept.unwrap_or_else(|| (Hosts::new(HostPattern::Any), None));
    hosts.update(hostname, routes);
    let same = |known: &Listener| {
        known.sockets == verdict.sockets
            && known.protocol == *protocol
            && known.hostname == *hostname
            && equal(&known.hosts, hosts.list())
    };
    let listener = known.filter(|known| same(known)).unwrap_or_else(|| {
        Arc::new(Listener {
            name: verdict.view.name.clone(),
            sockets: verdict.sockets.clone(),
            protocol: protocol.clone(),
            hostname: hostname.clone(),
            hosts: hosts.list().to_vec(),
        })
    });
    Some((hosts, listener))
}

fn equal<T>(a: &[Arc<T>], b: &[Arc<T>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}
