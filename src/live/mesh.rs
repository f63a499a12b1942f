//! What a waypoint serves, bound to live handles: where a dialled address leads.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::backend::Backend;
use super::serving::LiveRule;
use super::workloads::Workloads;
use crate::api::{Kind, Pod};
use crate::snapshot::Socket;
use crate::table::backend::{AppProtocol, BackendKey, Endpoints};
use crate::table::lookup::HostIndex;
use crate::table::mesh::{ByClient, Mesh, Routes, ServicePort, Spoken};
use crate::table::policy::Denied;
use crate::table::rule::Rule;
use crate::telemetry::series::RuleSeries;

/// What one waypoint serves of the mesh.
#[derive(Debug)]
pub struct MeshServing {
    plain: Plain,
    /// The ports of enrolled Services, by dialled address.
    ports: HashMap<SocketAddr, Arc<LivePort>>,
    workloads: Arc<Workloads>,
    /// The series of what goes to pods.
    pod_series: Arc<RuleSeries>,
}

/// The plain parts that it is bound to.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) mesh: Arc<Mesh>,
    pub(super) routes: Arc<Routes>,
    /// What is refused because of Istio's policies; `None`: nothing.
    pub(super) denied: Option<Arc<Denied>>,
    /// The Gateway's own listeners: the first socket of each port.
    pub(super) listeners: BTreeMap<u16, Socket>,
}

impl Plain {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.mesh, &other.mesh)
            && Arc::ptr_eq(&self.routes, &other.routes)
            && self.denied == other.denied
            && self.listeners == other.listeners
    }
}

/// A port of an enrolled Service.
#[derive(Debug)]
pub struct LivePort {
    /// The plain one.
    pub port: Arc<ServicePort>,
    /// Straight through to the Service.
    pub through: Arc<LiveRule>,
    routes: LiveRoutes,
}

/// The routes of a port, as [`crate::table::mesh::PortRoutes`] has them.
#[derive(Debug, Default)]
pub(super) struct LiveRoutes {
    pub(super) http: ByClient<Arc<Index>>,
    pub(super) bytes: ByClient<Arc<LiveRule>>,
}

type Index = HostIndex<Arc<LiveRule>>;

impl LivePort {
    /// A pod's own address, bound for one connection: its endpoint, and what is kept of it, end with that.
    fn of_pod(pod: &Pod, address: SocketAddr, series: &Arc<RuleSeries>) -> Self {
        let backend = BackendKey { service: pod.name.clone(), port: address.port() };
        let through = Arc::new(Rule::straight_to(Kind::Pod, &backend));
        let live = Arc::new(Backend::new(backend.clone()));
        live.update(&Endpoints { addresses: vec![address], ..Endpoints::default() });
        let live = LiveRule::new(through.clone(), vec![Some(live)], series.clone());
        let (spoken, protocol) = (Spoken::Undeclared, AppProtocol::Undeclared);
        let port = ServicePort { backend, spoken, protocol, through };
        Self { port: Arc::new(port), through: Arc::new(live), routes: LiveRoutes::default() }
    }

    /// The Service; `None`: it is a pod's own address.
    pub fn service(&self) -> Option<&BackendKey> {
        (self.port.through.route.kind != Kind::Pod).then_some(&self.port.backend)
    }

    /// A port, bound.
    pub(super) fn new(port: Arc<ServicePort>, through: Arc<LiveRule>, routes: LiveRoutes) -> Self {
        Self { port, through, routes }
    }

    /// The routes for HTTP that a client of this namespace meets. `None`: none.
    pub fn routes(&self, namespace: Option<&str>) -> Option<&Index> {
        self.routes.http.of(namespace).map(|index| &**index)
    }

    /// The rule for bytes of a client of this namespace: a route's, or else straight through.
    pub fn bytes(&self, namespace: Option<&str>) -> &Arc<LiveRule> {
        self.routes.bytes.of(namespace).unwrap_or(&self.through)
    }

    /// Whether routes say that all that a client of this namespace sends is bytes: there are such for them, and none for HTTP.
    pub fn takes_bytes(&self, namespace: Option<&str>) -> bool {
        self.routes.bytes.of(namespace).is_some() && self.routes.http.of(namespace).is_none()
    }
}

/// Where a dialled address leads.
#[derive(Clone, Debug)]
pub enum Dialled<'m> {
    /// To a listener of the waypoint's own.
    Listener(Socket),
    /// To an enrolled Service.
    Service(&'m Arc<LivePort>),
    /// To an enrolled pod, by its own address.
    Pod(Arc<Pod>),
    /// To another port of the waypoint's own.
    Own(u16),
}

impl MeshServing {
    /// What a table serves of the mesh. `ports`: bound to live handles, by dialled address.
    pub(super) fn new(
        plain: Plain,
        ports: HashMap<SocketAddr, Arc<LivePort>>,
        workloads: Arc<Workloads>,
        pod_series: Arc<RuleSeries>,
    ) -> Self {
        Self { plain, ports, workloads, pod_series }
    }

    /// Whether it is bound to these.
    pub(super) fn is(&self, plain: &Plain) -> bool {
        self.plain.is(plain)
    }

    /// Whether Services are told who called.
    pub fn tells_identity(&self) -> bool {
        self.plain.mesh.tells_identity
    }

    /// What is refused because of Istio's policies; `None`: nothing.
    pub fn denied(&self) -> Option<&Arc<Denied>> {
        self.plain.denied.as_ref()
    }

    /// Where a dialled address leads; `None`: it is not this waypoint's to serve.
    pub fn dialled(&self, address: SocketAddr) -> Option<Dialled<'_>> {
        if let Some(port) = self.ports.get(&address) {
            return Some(Dialled::Service(port));
        }
        let own = self.is_own(address.ip());
        let listener = self.plain.listeners.get(&address.port()).map(|socket| Dialled::Listener(*socket));
        let pod = || self.pod(address.ip()).map(Dialled::Pod);
        if own { Some(listener.unwrap_or(Dialled::Own(address.port()))) } else { pod() }
    }

    /// The enrolled pod that has an address.
    fn pod(&self, address: IpAddr) -> Option<Arc<Pod>> {
        let pods = self.plain.mesh.pods.as_ref()?;
        let address = address.to_canonical();
        let pod = self.workloads.at(address).filter(|pod| pods.enrolls(pod))?;
        (pods.loopback || !address.is_loopback()).then_some(pod)
    }

    /// A pod's own address, bound for one connection.
    pub fn to_pod(&self, pod: &Pod, address: SocketAddr) -> Arc<LivePort> {
        Arc::new(LivePort::of_pod(pod, SocketAddr::new(address.ip().to_canonical(), address.port()), &self.pod_series))
    }

    /// Whether an address is the waypoint's own: its pod's, or its Service's.
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.plain.mesh.own.contains(&address)
    }

    /// The socket of the Gateway's own listeners on a port, whose routes are for whatever Service is dialled there.
    pub fn listener(&self, port: u16) -> Option<Socket> {
        self.plain.listeners.get(&port).copied()
    }
}
