//! Upstream connections of one worker, by endpoint.
//!
//! HTTP/1: idle connections, last in, first out. HTTP/2: open connections, each for many streams. A sweep each second lets go
//! of what was idle for too long, is too old, or belongs to an endpoint that is gone, so that the pool's size follows what is in
//! use and not what ever was.
//!
//! One worker uses a pool, so its mutex is never contended; it is there because Pingora's HTTP/2 server asks for `Send`
//! futures, and no await happens under it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connect;
use super::pool_http1::{Home, Idle};
use super::pool_http2::{self, Http2Shelf};
use super::upstream::{ConnectLimits, Speak, Upstream};
use super::upstream_error::UpstreamError;
use super::upstream_http1::Http1Exchange;
use super::wire::Wire;
use crate::live::Endpoint;
use crate::proxy::io::Io;

/// How often [`UpstreamPool::sweep`] looks.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Longest life of a connection: beyond it no exchange begins on it, so that load follows what balancers between here and
/// the endpoint decide anew.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Idle HTTP/1 connections and open HTTP/2 connections, by endpoint.
#[derive(Debug)]
pub(crate) struct UpstreamPool {
    shelves: Arc<Shelves>,
}

/// What connections and exchanges share with their pool.
#[derive(Debug, Default)]
pub(super) struct Shelves(Mutex<HashMap<u64, Shelf>>, Duration);

/// Connections to one endpoint.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) endpoint: Arc<Endpoint>,
    /// HTTP/1, idle; the one used last is last.
    pub(super) idle: Vec<Idle>,
    pub(super) http2: Http2Shelf,
}

#[cfg(test)]
impl Default for UpstreamPool {
    fn default() -> Self {
        Self::new(Duration::from_secs(60))
    }
}

impl UpstreamPool {
    /// A pool that keeps idle connections for a time.
    pub(crate) fn new(idle_timeout: Duration) -> Self {
        Self { shelves: Arc::new(Shelves(Mutex::default(), idle_timeout)) }
    }

    /// A connection to an endpoint: pooled where one is alive, else new. `fresh`: never one that served before this call.
    ///
    /// A pooled HTTP/1 connection on which anything has come while it was idle (its end, an error, stray bytes) is dropped.
    /// A new HTTP/2 connection carries nothing before the peer's SETTINGS have come; calls that race share one.
    ///
    /// Errors are [`Connect`](super::Cause::Connect), [`ConnectTimeout`](super::Cause::ConnectTimeout) and
    /// [`Protocol`](super::Cause::Protocol) (no HTTP/2 there), and nothing was processed.
    pub(crate) async fn take(
        &self,
        endpoint: &Arc<Endpoint>,
        speak: Speak,
        fresh: bool,
        limits: ConnectLimits,
    ) -> Result<Upstream, UpstreamError> {
        match speak {
            Speak::Http1 => self.take_http1(endpoint, fresh, limits).await.map(|e| Upstream::H1(Box::new(e))),
            Speak::Http2 => {
                pool_http2::take(&self.shelves, endpoint, fresh, limits).await.map(|e| Upstream::H2(Box::new(e)))
            }
        }
    }

    async fn take_http1(
        &self,
        endpoint: &Arc<Endpoint>,
        fresh: bool,
        limits: ConnectLimits,
    ) -> Result<Http1Exchange, UpstreamError> {
        if !fresh && let Some(idle) = self.shelves.take_idle(endpoint.id) {
            let born = idle.born;
            return Ok(Http1Exchange::again(idle, self.home(endpoint, born)));
        }
        let socket = connect::tcp(endpoint.address, limits.connect_timeout).await?;
        let wire = Wire::new(Io::tcp(socket));
        Ok(Http1Exchange::new(wire, self.home(endpoint, Instant::now())))
    }

    fn home(&self, endpoint: &Arc<Endpoint>, born: Instant) -> Home {
        Home { shelves: self.shelves.clone(), endpoint: endpoint.clone(), born }
    }

    /// Sweeps once a second, for ever: a worker's task.
    pub(crate) async fn sweep(&self) -> Infallible {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            self.shelves.sweep(Instant::now());
        }
    }

    /// How many connections there are to an endpoint: (HTTP/1 idle, HTTP/2 open).
    #[cfg(test)]
    pub(super) fn counts(&self, endpoint: &Endpoint) -> (usize, usize) {
        let shelves = self.shelves.lock();
        shelves.get(&endpoint.id).map_or((0, 0), |shelf| (shelf.idle.len(), shelf.http2.len()))
    }

    /// How many endpoints the pool remembers.
    #[cfg(test)]
    pub(super) fn endpoints(&self) -> usize {
        self.shelves.lock().len()
    }

    /// Sweeps as of a moment.
    #[cfg(test)]
    pub(super) fn sweep_at(&self, now: Instant) {
        self.shelves.sweep(now);
    }
}

impl Shelves {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<u64, Shelf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at an endpoint's shelf, which is made where there is none.
    pub(super) fn with<T>(&self, endpoint: &Arc<Endpoint>, look: impl FnOnce(&mut Shelf) -> T) -> T {
        let mut shelves = self.lock();
        let shelf = shelves.entry(endpoint.id).or_insert_with(|| Shelf {
            endpoint: endpoint.clone(),
            idle: Vec::new(),
            http2: Http2Shelf::default(),
        });
        look(shelf)
    }

    /// The idle connection used last that is still good.
    fn take_idle(&self, endpoint: u64) -> Option<Idle> {
        let mut shelves = self.lock();
        let shelf = shelves.get_mut(&endpoint)?;
        let now = Instant::now();
        while let Some(idle) = shelf.idle.pop() {
            if idle.keeps(now, self.1) && idle.wire.is_idle() {
                return Some(idle);
            }
        }
        None
    }

    fn sweep(&self, now: Instant) {
        let idle_timeout = self.1;
        self.lock().retain(|_, shelf| {
            if shelf.endpoint.is_gone() {
                // HTTP/2 connections end with their last stream.
                return false;
            }
            shelf.idle.retain(|idle| idle.keeps(now, idle_timeout) && now < idle.born + MAX_AGE && idle.wire.is_idle());
            shelf.idle.iter().for_each(|idle| idle.wire.slim());
            shelf.http2.sweep(now, idle_timeout, MAX_AGE);
            !shelf.idle.is_empty() || !shelf.http2.is_empty()
        });
    }
}
