//! A live endpoint: one address of a backend, with its load.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// One address of a backend, with its load. Lives as long as the address stays in the set, or a request holds it.
///
/// The numbers are shared by all workers and never locked: a lost race costs one observation, not a request.
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
    /// Peak-EWMA of the time to the response head, in nanoseconds, as of the last observation; 0: none yet.
    pub latency: AtomicU64,
    /// When `latency` was observed, in nanoseconds of [`super::balance::now`].
    pub(super) observed: AtomicU64,
}

impl Endpoint {
    /// An endpoint of which nothing is known.
    pub fn new(address: SocketAddr) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            address,
            gone: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            latency: AtomicU64::new(0),
            observed: AtomicU64::new(0),
        }
    }

    /// Whether it has left its set.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}
