//! A live backend: the endpoint set of one Service and port, with each endpoint's load.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::balance;
use super::endpoint::Endpoint;
use crate::table::backend::{AppProtocol, BackendKey, Endpoints};

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
    retries: AtomicU32,
}

/// A request in flight to an endpoint: counted from its making to its drop.
#[derive(Debug)]
pub struct InFlight {
    endpoint: Arc<Endpoint>,
}

impl Backend {
    /// A backend without endpoints.
    pub fn new(key: BackendKey) -> Self {
        Self { key, set: ArcSwap::default(), retries: AtomicU32::default() }
    }

    /// The endpoints now.
    pub fn endpoints(&self) -> arc_swap::Guard<Arc<EndpointSet>> {
        self.set.load()
    }

    /// Retries in flight.
    pub(super) fn retries(&self) -> &AtomicU32 {
        &self.retries
    }

    /// Swaps the endpoint set; the statistics of addresses that stay are kept, those that go are marked gone.
    /// Called by one thread at a time (the pipeline's).
    pub fn update(&self, endpoints: &Endpoints) {
        let before = self.set.load_full();
        let mut old: HashMap<SocketAddr, &Arc<Endpoint>> = before.endpoints.iter().map(|e| (e.address, e)).collect();
        let kept_or_new = |address: &SocketAddr| match old.remove(address) {
            Some(endpoint) => endpoint.clone(),
            None => Arc::new(Endpoint::new(*address)),
        };
        let after: Box<[_]> = endpoints.addresses.iter().map(kept_or_new).collect();
        self.set.store(Arc::new(EndpointSet { protocol: endpoints.protocol, endpoints: after }));
        for endpoint in old.into_values() {
            endpoint.gone.store(true, Ordering::Relaxed);
        }
    }

    /// Picks an endpoint, another than those already tried (their ids) where there is one.
    /// `None`: the backend has no endpoints.
    pub fn pick(&self, tried: &[u64]) -> Option<InFlight> {
        let set = self.set.load();
        balance::pick(&set.endpoints, tried).map(|endpoint| InFlight::to(endpoint.clone()))
    }
}

impl Drop for Backend {
    /// Nothing names the backend any more: pools let go of its endpoints.
    fn drop(&mut self) {
        for endpoint in &self.set.load().endpoints {
            endpoint.gone.store(true, Ordering::Relaxed);
        }
    }
}

impl InFlight {
    /// Counts a request to an endpoint.
    pub fn to(endpoint: Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { endpoint }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The response head came, this long after the request was sent. Not called for an upgrade, whose head says nothing
    /// about load.
    pub fn head_received(&self, after: Duration) {
        balance::observe(&self.endpoint, after, balance::now());
    }

    /// No response head came: refused, reset or timed out. Makes the endpoint look slow for a while, longer each time, so
    /// that one that fails fast does not draw the traffic of those that answer.
    pub fn failed(&self) {
        balance::penalise(&self.endpoint, balance::now());
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectName;

    fn endpoints(ports: &[u16]) -> Endpoints {
        let addresses = ports.iter().map(|&p| SocketAddr::from(([127, 0, 0, 1], p))).collect();
        Endpoints { addresses, ..Endpoints::default() }
    }

    fn backend(ports: &[u16]) -> Backend {
        let backend = Backend::new(BackendKey { service: ObjectName::new("shop", "cart"), port: 80 });
        backend.update(&endpoints(ports));
        backend
    }

    #[test]
    fn an_update_keeps_the_statistics_of_what_stays_and_marks_what_goes() {
        let backend = backend(&[1, 2]);
        let before = backend.endpoints().endpoints.clone();
        let held = InFlight::to(before[1].clone());
        held.head_received(Duration::from_millis(3));
        backend.update(&endpoints(&[2, 3]));
        let after = backend.endpoints().endpoints.clone();
        assert!(Arc::ptr_eq(&before[1], &after[0]));
        assert_eq!(after[0].latency.load(Ordering::Relaxed), 3_000_000);
        assert_eq!(after[0].in_flight.load(Ordering::Relaxed), 1);
        assert!(before[0].is_gone() && !after[0].is_gone() && !after[1].is_gone());
        backend.update(&endpoints(&[1]));
        let again = backend.endpoints().endpoints.clone();
        assert_ne!(again[0].id, before[0].id, "an address that returns is a new endpoint");
        assert!(!again[0].is_gone() && after[0].is_gone());
    }

    #[test]
    fn in_flight_is_counted_until_the_drop_also_after_the_endpoint_went() {
        let backend = backend(&[1]);
        let (a, b) = (backend.pick(&[]).expect("one"), backend.pick(&[]).expect("one"));
        let endpoint = a.endpoint().clone();
        assert_eq!(endpoint.in_flight.load(Ordering::Relaxed), 2);
        drop(a);
        backend.update(&endpoints(&[]));
        assert!(backend.pick(&[]).is_none());
        assert_eq!(endpoint.in_flight.load(Ordering::Relaxed), 1);
        drop(b);
        assert_eq!(endpoint.in_flight.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_backend_that_nothing_names_marks_its_endpoints_gone() {
        let backend = backend(&[1]);
        let endpoint = backend.endpoints().endpoints[0].clone();
        drop(backend);
        assert!(endpoint.is_gone());
    }
}
