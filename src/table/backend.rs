//! Backends of a rule: which Service and port, with what share.

use std::fmt;
use std::sync::Arc;

use super::filter::Filters;
use crate::api::ObjectName;

/// One Service and port: the key of an endpoint set, its pool and its statistics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKey {
    /// The Service.
    pub service: ObjectName,
    /// The Service's port.
    pub port: u16,
}

impl fmt::Display for BackendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.port)
    }
}

/// One backendRef of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedBackend {
    /// Share, 0 to 1,000,000.
    pub weight: u32,
    /// Where to.
    pub target: Target,
    /// Filters for requests that go here.
    pub filters: Filters,
}

/// Where a backendRef leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Service's port.
    Backend(BackendKey),
    /// Nowhere: its share is answered 500 (gRPC: UNAVAILABLE).
    Invalid {
        /// Why, for the log and for `explain`.
        why: Arc<str>,
    },
}

/// What a Service's port speaks (`appProtocol`, KEP-3726 and the Gateway API's words).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppProtocol {
    /// None declared, or one that Pingway does not know: as the client speaks.
    #[default]
    Undeclared,
    /// `http`: HTTP/1.1, unless the request is gRPC.
    Http,
    /// `kubernetes.io/h2c`, `grpc`: HTTP/2 with prior knowledge.
    H2c,
    /// `kubernetes.io/ws`: HTTP/1.1 with upgrades.
    WebSocket,
}

/// The endpoints of one Service and port, as plain data: what compile's second function makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// What the port speaks.
    pub protocol: AppProtocol,
    /// Addresses that take new requests, sorted, each once: ready ones, or where none is ready, those that still serve while
    /// they terminate (KEP-1669).
    pub addresses: Vec<std::net::SocketAddr>,
    /// Addresses that are never dialled, and were left out.
    pub refused: Vec<std::net::SocketAddr>,
}
