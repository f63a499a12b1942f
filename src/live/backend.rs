//! A live backend: the endpoint set of one Service and port, with each endpoint's load.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::table::backend::{AppProtocol, BackendKey, Endpoints};

/// One address of a backend, with its load. Lives as long as the address stays in the set, or a request holds it.
#[derive(Debug)]
pub struct Endpoint {
    /// Unique within the process, never used again: the key of pools.
    pub id: u64,
    /// Where it is dialled.
    pub address: SocketAddr,
    /// Whether it has left its set: idle connections to it are closed, none goes back to a pool.
    pub gone: AtomicBool,
    /// Requests in flight, streams and upgrades included.
    pub in_flight: AtomicU32,
    /// Peak-EWMA of the time to the response head, in nanoseconds; 0: not yet known.
    pub latency: AtomicU64,
}

/// The endpoints of a backend at one moment.
#[derive(Debug, Default)]
pub struct EndpointSet {
    /// What the port speaks.
    pub protocol: AppProtocol,
    /// The endpoints.
    pub endpoints: Box<[Arc<Endpoint>]>,
}

/// One Service and port, shared by all rules that name it.
#[derive(Debug)]
pub struct Backend {
    /// Which.
    pub key: BackendKey,
    set: ArcSwap<EndpointSet>,
}

/// A request in flight to an endpoint: counted from its making to its drop.
#[derive(Debug)]
pub struct InFlight {
    endpoint: Arc<Endpoint>,
}

impl Backend {
    /// A backend without endpoints.
    pub fn new(key: BackendKey) -> Self {
        Self { key, set: ArcSwap::default() }
    }

    /// The endpoints now.
    pub fn endpoints(&self) -> arc_swap::Guard<Arc<EndpointSet>> {
        self.set.load()
    }

    /// Swaps the endpoint set; the statistics of addresses that stay are kept, those that go are marked gone.
    pub fn update(&self, endpoints: &Endpoints) {
        let _ = endpoints;
    }

    /// Picks an endpoint, another than those already tried where there is one. `None`: the backend has no endpoints.
    pub fn pick(&self, tried: &[u64]) -> Option<InFlight> {
        let _ = tried;
        None
    }
}

impl InFlight {
    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The response head came, this long after the request was sent.
    pub fn head_received(&self, after: Duration) {
        let _ = after;
    }
}
