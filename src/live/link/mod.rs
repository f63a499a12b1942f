//! Link: a plain table to live handles.
//!
//! The cost of a link is the change's: what is the same `Arc` as before keeps its live counterpart, and what was not touched is
//! not looked at.

mod by_address;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use by_address::ByAddress;

use super::backend::Backend;
use super::mesh::{LivePort, LiveRoutes, MeshServing, Plain};
use super::serving::{LiveRule, Serving, SocketServing, weighted};
use super::tls::{ListenerTls, RefusedCertificate, SocketTls, TlsConfigs};
use super::workloads::Workloads;
use crate::api::{Kind, ObjectName};
use crate::snapshot::Socket;
use crate::table::RouteTable;
use crate::table::backend::{BackendKey, Target};
use crate::table::listener::{Host, Listener, Protocol};
use crate::table::lookup::{HostIndex, PathTrees, PortIndex};
use crate::table::mesh::{Routes, ServicePort};
use crate::table::rule::Rule;
use crate::telemetry::Telemetry;
use crate::telemetry::series::RuleLabels;

/// Finds or makes what outlives a table; forgets what nothing names any more.
#[derive(Debug, Default)]
pub struct Registry {
    telemetry: Arc<Telemetry>,
    backends: BTreeMap<BackendKey, Arc<Backend>>,
    new_backends: Vec<Arc<Backend>>,
    rules: ByAddress<Rule, LiveRule>,
    hosts: ByAddress<Host, HostIndex<Arc<LiveRule>>>,
    trees: PathTrees,
    sockets: BTreeMap<Socket, (Vec<Arc<Listener>>, Weak<SocketServing>)>,
    tls: TlsConfigs,
    refused: Vec<RefusedCertificate>,
    workloads: Arc<Workloads>,
}

impl Registry {
    /// An empty registry; metric series are made in `telemetry`.
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        Self { telemetry, ..Self::default() }
    }

    /// The backends by key.
    pub fn backends(&self) -> &BTreeMap<BackendKey, Arc<Backend>> {
        &self.backends
    }

    /// The backends made since the last call. They need their endpoints before what names them is published.
    pub fn take_new_backends(&mut self) -> Vec<Arc<Backend>> {
        std::mem::take(&mut self.new_backends)
    }

    /// Forgets the backends that no rule holds any more, served or in flight; answers which.
    pub fn forget_unused(&mut self) -> Vec<BackendKey> {
        let unused = |backend: &Arc<Backend>| Arc::strong_count(backend) == 1;
        let forgotten: Vec<_> = self.backends.iter().filter(|(_, b)| unused(b)).map(|(key, _)| key.clone()).collect();
        for key in &forgotten {
            self.backends.remove(key);
        }
        forgotten
    }

    /// Gives back the memory of what has died. Its cost is that of a look at every rule and host.
    pub fn tidy(&mut self) {
        self.rules.tidy_now();
        self.hosts.tidy_now();
    }

    /// The pods by address.
    pub fn workloads(&self) -> &Workloads {
        &self.workloads
    }

    /// The certificates of the last link that rustls refuses.
    pub fn refused_certificates(&self) -> &[RefusedCertificate] {
        &self.refused
    }

    fn backend(&mut self, key: &BackendKey) -> Arc<Backend> {
        if let Some(backend) = self.backends.get(key) {
            return backend.clone();
        }
        let backend = Arc::new(Backend::new(key.clone()));
        self.backends.insert(key.clone(), backend.clone());
        self.new_backends.push(backend.clone());
        backend
    }

    fn rule(&mut self, rule: &Arc<Rule>) -> Arc<LiveRule> {
        if let Some(live) = self.rules.find(rule) {
            return live;
        }
        let backends = weighted(rule).iter().map(|backend| match &backend.target {
            Target::Backend(key) => Some(self.backend(key)),
            Target::Invalid { .. } => None,
        });
        let backends = backends.collect();
        let series = self.telemetry.rule_series(labels(rule));
        let live = Arc::new(LiveRule::new(rule.clone(), backends, series));
        self.rules.keep(rule, &live);
        live
    }

    /// The index of a host; `before`: the one that its hostname had.
    fn host(&mut self, host: &Arc<Host>, before: Option<&HostIndex<Arc<LiveRule>>>) -> Arc<HostIndex<Arc<LiveRule>>> {
        if let Some(index) = self.hosts.find(host) {
            return index;
        }
        let mut trees = std::mem::take(&mut self.trees);
        let index = Arc::new(HostIndex::build(host, before, &mut trees, |rule| self.rule(rule)));
        self.trees = trees;
        self.hosts.keep(host, &index);
        index
    }

    fn port(&mut self, port: &Arc<ServicePort>, routes: &Routes) -> Arc<LivePort> {
        let through = self.rule(&port.through);
        let routes = routes.get(&port.backend).map(|routes| LiveRoutes {
            http: routes.http.map(|host| self.host(host, None)),
            bytes: routes.bytes.map(|rule| self.rule(rule)),
        });
        Arc::new(LivePort::new(port.clone(), through, routes.unwrap_or_default()))
    }

    fn socket(&mut self, socket: Socket, parts: &[(&RouteTable, &Arc<Listener>)]) -> Arc<SocketServing> {
        let tls = self.socket_tls(parts);
        // A socket is one Gateway's.
        let denied = parts.first().and_then(|(table, _)| table.denied.clone());
        let before = self.sockets.get(&socket).and_then(|(listeners, serving)| Some((listeners, serving.upgrade()?)));
        if let Some((listeners, serving)) = &before
            && listeners.len() == parts.len()
            && listeners.iter().zip(parts).all(|(a, (_, b))| Arc::ptr_eq(a, b))
            && serving.denied == denied
        {
            return serving.clone();
        }
        let before = before.map(|(_, serving)| serving);
        let listeners: Vec<Arc<Listener>> = parts.iter().map(|(_, listener)| (*listener).clone()).collect();
        let known = before.as_ref().map(|serving| &serving.index);
        let index = PortIndex::new(&listeners, known, |host, before| self.host(host, before));
        let serving = Arc::new(SocketServing { index, tls, denied });
        self.sockets.insert(socket, (listeners, Arc::downgrade(&serving)));
        serving
    }

    fn socket_tls(&mut self, parts: &[(&RouteTable, &Arc<Listener>)]) -> Option<SocketTls> {
        let mut secure = false;
        let mut listeners = Vec::new();
        for (table, listener) in parts {
            let Protocol::Https { certificates } = &listener.protocol else { continue };
            secure = true;
            if let Some(config) = self.tls.find_or_make(&table.gateway, &listener.name, certificates) {
                let (name, hostname) = (listener.name.clone(), listener.hostname.clone());
                listeners.push(ListenerTls { name, hostname, config });
            }
        }
        secure.then(|| SocketTls::new(listeners))
    }
}

/// Binds compiled tables to live handles. `previous` is what is served now: what did not change is shared with it.
pub fn link(tables: &BTreeMap<ObjectName, Arc<RouteTable>>, registry: &mut Registry, previous: &Serving) -> Serving {
    let mut parts: BTreeMap<Socket, Vec<(&RouteTable, &Arc<Listener>)>> = BTreeMap::new();
    for table in tables.values() {
        for listener in &table.listeners {
            for socket in &listener.sockets {
                parts.entry(*socket).or_default().push((table, listener));
            }
        }
    }
    let sockets: BTreeMap<_, _> =
        parts.iter().map(|(&socket, parts)| (socket, registry.socket(socket, parts))).collect();
    registry.sockets.retain(|socket, _| sockets.contains_key(socket));
    let inbound = inbound(tables, registry, previous);
    registry.refused = registry.tls.settle();
    registry.rules.tidy();
    registry.hosts.tidy();
    let leaving = previous.leaving_after(&sockets);
    let workloads = registry.workloads.clone();
    Serving { generation: previous.generation + 1, sockets, inbound, leaving, workloads }
}

/// What waypoints serve of the mesh, by the sockets on which ztunnel hands over. What did not change is shared with `previous`.
fn inbound(
    tables: &BTreeMap<ObjectName, Arc<RouteTable>>,
    registry: &mut Registry,
    previous: &Serving,
) -> BTreeMap<Socket, Arc<MeshServing>> {
    let mut inbound = BTreeMap::new();
    for (table, mesh) in tables.values().filter_map(|table| Some((table, table.mesh.as_ref()?))) {
        let plain = table.listeners.iter().filter(|listener| listener.protocol == Protocol::Http);
        let sockets = plain.flat_map(|listener| &listener.sockets).rev();
        let listeners: BTreeMap<u16, Socket> = sockets.map(|socket| (socket.port, *socket)).collect();
        let (mesh, routes, denied) = (mesh.clone(), table.service_routes.clone(), table.denied.clone());
        let known = mesh.inbound.first().and_then(|socket| previous.inbound.get(socket));
        let plain = Plain { mesh: mesh.clone(), routes: routes.clone(), denied, listeners };
        let serving = match known.filter(|known| known.is(&plain)) {
            Some(known) => known.clone(),
            None => {
                let ports = mesh.ports.iter().map(|(dialled, port)| (*dialled, registry.port(port, &routes)));
                let ports = ports.collect();
                let series = registry.telemetry.rule_series(pod_labels());
                Arc::new(MeshServing::new(plain, ports, registry.workloads.clone(), series))
            }
        };
        inbound.extend(mesh.inbound.iter().map(|socket| (*socket, serving.clone())));
    }
    inbound
}

/// What names all that goes to pods by their own addresses.
fn pod_labels() -> RuleLabels {
    RuleLabels { kind: Kind::Pod.as_str(), name: "*".into(), ..RuleLabels::default() }
}

/// What names a rule in metrics and in the access log.
fn labels(rule: &Rule) -> RuleLabels {
    RuleLabels {
        kind: rule.route.kind.as_str(),
        namespace: rule.route.name.namespace.clone(),
        name: rule.route.name.name.clone(),
        rule: rule.label(),
    }
}
