//! Timeouts and retry of a rule (GEP-1742, GEP-1731).

use std::time::Duration;

/// How long an exchange may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// The whole exchange, retries included, to the last byte of the response. `None`: no limit.
    pub request: Option<Duration>,
    /// One try, to the last byte of the response. `None`: no limit.
    pub backend_request: Option<Duration>,
}

/// Whether and how a request is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries beyond the first. 0: never.
    pub attempts: u32,
    /// Status codes to try again on; empty for a rule without `retry`.
    pub codes: Vec<u16>,
    /// Shortest wait before a further try.
    pub backoff: Duration,
    /// Whether the route asked for retries: then a request that may have reached the backend may be sent again.
    pub asked: bool,
}
