//! What a Gateway serves as a waypoint of a mesh: the Services that are enrolled with it, by the address that is dialled.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::backend::{AppProtocol, BackendKey};
use super::listener::Host;
use super::rule::Rule;
use crate::api::ambient::{Labels, USE_WAYPOINT, waypoint};
use crate::api::{GATEWAY_NAME, ObjectName, Pod};
use crate::snapshot::Socket;

/// What a waypoint serves beside its listeners.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Where ztunnel hands over what it took in, with the PROXY protocol's header ahead.
    pub inbound: Vec<Socket>,
    /// Addresses of the waypoint itself: whoever dials a listener's port there means that listener.
    pub own: BTreeSet<IpAddr>,
    /// Whether Services are told who called, by `x-forwarded-client-cert`.
    pub tells_identity: bool,
    /// The ports of enrolled Services, by each address that they have.
    pub ports: BTreeMap<SocketAddr, Arc<ServicePort>>,
    /// The pods that are served by their own addresses; `None`: none.
    pub pods: Option<Pods>,
}

/// Which pods are served by their own addresses. Pods come and go without a compile, so that each is judged when it is dialled.
#[derive(Clone, Debug, PartialEq)]
pub struct Pods {
    /// The waypoint.
    pub gateway: ObjectName,
    /// The namespaces that it lets use it, with the labels of theirs that name a waypoint.
    pub namespaces: BTreeMap<Arc<str>, Labels>,
    /// Whether it lets others use it too.
    pub others: bool,
    /// Whether pods may be on loopback: without a cluster.
    pub loopback: bool,
}

impl Pods {
    /// Whether a pod is enrolled with the waypoint. Waypoints' own pods never are (as istiod has it).
    pub fn enrolls(&self, pod: &Pod) -> bool {
        let of_namespace = self.namespaces.get(&pod.name.namespace);
        let ours = (&*self.gateway.namespace, &*self.gateway.name);
        let is_named = |label| waypoint(label, Some(&pod.labels), of_namespace, &pod.name.namespace) == Some(ours);
        (self.others || of_namespace.is_some())
            && !pod.labels.contains_key(GATEWAY_NAME)
            && USE_WAYPOINT.into_iter().any(is_named)
    }
}

/// The routes of enrolled Services' ports, of those that have any.
pub type Routes = BTreeMap<BackendKey, Arc<PortRoutes>>;

/// The routes of a port of an enrolled Service. Hostnames of routes count for nothing: the dialled address has decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PortRoutes {
    /// For HTTP: HTTPRoutes and GRPCRoutes.
    pub http: ByClient<Arc<Host>>,
    /// For bytes that are not looked at: of TLSRoutes and TCPRoutes the rule that goes first.
    pub bytes: ByClient<Arc<Rule>>,
}

impl PortRoutes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.http.is_empty() && self.bytes.is_empty()
    }
}

/// What routes come to, by whose they are.
#[derive(Clone, Debug, PartialEq)]
pub struct ByClient<T> {
    /// Those of the Service's namespace, for every client.
    pub producers: Option<T>,
    /// Those of other namespaces, each for the clients of its namespace: there they stand in the place of the producers'
    /// (GEP-1426).
    pub consumers: BTreeMap<Arc<str>, T>,
}

impl<T> ByClient<T> {
    /// What the routes come to for a client of this namespace: its own namespace's, or else those of the Service's. `None`: none.
    pub fn of(&self, namespace: Option<&str>) -> Option<&T> {
        let consumers = namespace.and_then(|namespace| self.consumers.get(namespace));
        consumers.or(self.producers.as_ref())
    }

    /// Whether there are no routes.
    pub fn is_empty(&self) -> bool {
        self.producers.is_none() && self.consumers.is_empty()
    }

    /// The same routes, bound to something else.
    pub fn map<U>(&self, mut bind: impl FnMut(&T) -> U) -> ByClient<U> {
        let producers = self.producers.as_ref().map(&mut bind);
        let consumers = self.consumers.iter().map(|(name, routes)| (name.clone(), bind(routes))).collect();
        ByClient { producers, consumers }
    }
}

impl<T> Default for ByClient<T> {
    fn default() -> Self {
        Self { producers: None, consumers: BTreeMap::new() }
    }
}

/// A port of an enrolled Service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServicePort {
    /// Which.
    pub backend: BackendKey,
    /// What clients speak to it.
    pub spoken: Spoken,
    /// How its endpoints are spoken to where their port declares nothing by `appProtocol`.
    pub protocol: AppProtocol,
    /// Straight through to the Service: what is done where no route takes a request.
    pub through: Arc<Rule>,
}

/// What clients speak to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP, of either version.
    Http,
    /// Bytes that are not looked at.
    Tcp,
    /// Not declared: the first bytes tell. Where none come for a while, the server speaks first, and it is TCP.
    Undeclared,
}

impl Spoken {
    /// One word, as the admin page prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Undeclared => "undeclared",
        }
    }
}
