//! Settings of a running proxy, ready to use: what the command line's flags become.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// Settings of the data plane and its pages.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Worker threads, each with a runtime and pools of its own.
    pub workers: usize,
    /// Ports to open in place of the ones that listeners name.
    pub port_map: BTreeMap<u16, u16>,
    /// Metrics and health.
    pub metrics: SocketAddr,
    /// Admin page, on loopback only. `None`: off.
    pub admin: Option<SocketAddr>,
    /// Most connections of clients at once; more wait in the accept queues.
    pub max_connections: usize,
    /// Longest time for a client to send a request's head, from its first byte (or a TLS handshake).
    pub client_head_timeout: Duration,
    /// Longest idle time of a client's connection between requests.
    pub client_idle_timeout: Duration,
    /// Longest time without a byte either way on a stream: an upgrade, or a response that has begun.
    pub stream_idle_timeout: Duration,
    /// Longest time to connect to an endpoint, HTTP/2 handshake and SETTINGS included.
    pub connect_timeout: Duration,
    /// Longest idle time of a pooled upstream connection.
    pub upstream_idle_timeout: Duration,
    /// Whether a FIN from an HTTP/1 client before the answer aborts the request.
    pub abort_on_half_close: bool,
    /// Largest request body kept for another try, in bytes.
    pub replay_limit: usize,
    /// From SIGTERM: not ready, and still accepting, for this long.
    pub drain_delay: Duration,
    /// After the drain delay: in-flight exchanges are cut at this deadline.
    pub drain_deadline: Duration,
    /// The ServiceAccount that it runs under in a mesh: what comes from there has been here before. `None`: not known.
    pub service_account: Option<ServiceAccount>,
}

impl Settings {
    /// Ports of its own, at which no listener can be.
    pub fn own_ports(&self) -> BTreeSet<u16> {
        [Some(self.metrics), self.admin].into_iter().flatten().map(|address| address.port()).collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            port_map: BTreeMap::new(),
            metrics: SocketAddr::from(([0, 0, 0, 0], 15020)),
            admin: Some(SocketAddr::from(([127, 0, 0, 1], 15000))),
            max_connections: 100_000,
            client_head_timeout: Duration::from_secs(30),
            client_idle_timeout: Duration::from_secs(300),
            stream_idle_timeout: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(5),
            upstream_idle_timeout: Duration::from_secs(60),
            abort_on_half_close: true,
            replay_limit: 64 * 1024,
            drain_delay: Duration::from_secs(5),
            drain_deadline: Duration::from_secs(30),
            service_account: None,
        }
    }
}
