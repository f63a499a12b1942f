//! Route tables: what each accepted Gateway serves, put together from its listeners and their hosts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attached::ListenerKey;
use super::gateway;
use super::hosts::Hosts;
use super::kept::Moved;
use super::listener::Verdict;
use super::mesh::{Meshes, Policies, ServiceRoutes};
use crate::api::ObjectName;
use crate::table::RouteTable;
use crate::table::hostname::HostPattern;
use crate::table::listener::Listener;

/// A listener's hosts, and the listener that they last became.
type Built = (Hosts, Option<Arc<Listener>>);

/// Tables and what they were made of, kept from compile to compile.
#[derive(Debug, Default)]
pub(super) struct Tables {
    listeners: BTreeMap<ListenerKey, Built>,
    services: ServiceRoutes,
    tables: BTreeMap<ObjectName, Arc<RouteTable>>,
}

impl Tables {
    /// The tables of now. What is the same as before is the same object. `moved`: the routes that each listener got and lost. A
    /// listener that now serves and did not, or has another hostname, gets all that it has: its Gateway looks otherwise to
    /// them.
    pub(super) fn build(
        &mut self,
        gateways: &[gateway::Resolved<'_>],
        mut moved: BTreeMap<ListenerKey, Moved>,
        meshes: &Meshes,
        policies: &Policies<'_>,
    ) -> BTreeMap<ObjectName, Arc<RouteTable>> {
        let mut before = std::mem::take(self);
        self.services = std::mem::take(&mut before.services);
        let service_routes = self.services.update(meshes.views().map(|(_, view)| view), &mut moved).clone();
        for gateway in gateways {
            if gateway.accepted.is_err() {
                continue;
            }
            let name = gateway.view.name();
            let mut listeners = Vec::new();
            for verdict in &gateway.listeners {
                let key = (gateway.view.object.clone(), verdict.view.name.clone());
                let kept = before.listeners.remove(&key);
                if let Some((hosts, listener)) = listener(verdict, moved.remove(&key).unwrap_or_default(), kept) {
                    listeners.push(listener.clone());
                    self.listeners.insert(key, (hosts, Some(listener)));
                }
            }
            let mesh = meshes.get(name).cloned();
            let denied = policies.denied(name);
            let same = |known: &RouteTable| {
                equal(&known.listeners, &listeners)
                    && known.mesh.as_ref().map(Arc::as_ptr) == mesh.as_ref().map(Arc::as_ptr)
                    && (mesh.is_none() || Arc::ptr_eq(&known.service_routes, &service_routes))
                    && known.denied.as_deref() == denied.as_ref()
            };
            let table = match before.tables.remove(name) {
                Some(known) if same(&known) => known,
                _ => {
                    let service_routes = service_routes.clone();
                    let denied = denied.map(Arc::new);
                    Arc::new(RouteTable { gateway: name.clone(), listeners, mesh, service_routes, denied })
                }
            };
            self.tables.insert(name.clone(), table);
        }
        self.tables.clone()
    }

    /// The hosts of every listener that serves, and of every Service's port that has routes.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &Hosts> {
        self.listeners.values().map(|(hosts, _)| hosts).chain(self.services.hosts())
    }
}

fn listener(
    verdict: &Verdict,
    moved: Moved,
    kept: Option<(Hosts, Option<Arc<Listener>>)>,
) -> Option<(Hosts, Arc<Listener>)> {
    let (Some(hostname), Some(protocol), true) = (&verdict.view.hostname, &verdict.protocol, verdict.view.serves)
    else {
        return None;
    };
    let (mut hosts, known) = kept.unwrap_or_else(|| (Hosts::new(HostPattern::Any), None));
    hosts.update(hostname, moved);
    let same = |known: &Listener| {
        known.sockets == verdict.sockets
            && known.protocol == *protocol
            && known.hostname == *hostname
            && known.hosts.is(hosts.list())
    };
    let listener = known.filter(|known| same(known)).unwrap_or_else(|| {
        Arc::new(Listener {
            name: verdict.view.name.clone(),
            sockets: verdict.sockets.clone(),
            protocol: protocol.clone(),
            hostname: hostname.clone(),
            hosts: hosts.list().clone(),
        })
    });
    Some((hosts, listener))
}

fn equal<T>(a: &[Arc<T>], b: &[Arc<T>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}
