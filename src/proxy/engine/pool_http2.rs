//! Open HTTP/2 connections to one endpoint.
//!
//! Streams are Pingora's ([`ConnectionRef`], `Http2Session`); the pool is ours, because Pingora's connector takes a connection
//! out while it opens a stream on it, so that a burst opens one connection for each request, and it knows neither endpoints
//! that go nor a connection's age. Here a connection stays in its place, and one task per connection opens it, tells those
//! who wait, drives it and takes it away at its end. No request's cancellation touches that task.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pingora::connectors::http::v2::ConnectionRef;
use pingora::protocols::Digest;
use tokio::sync::watch;

use super::connect::{self, MAX_STREAMS};
use super::pool::Shelves;
use super::upstream::ConnectLimits;
use super::upstream_error::{Cause, UpstreamError};
use super::upstream_http2::Http2Exchange;
use crate::live::Endpoint;

/// Numbers connections in the order in which they were opened.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The HTTP/2 connections to one endpoint.
#[derive(Default)]
pub(super) struct Http2Shelf {
    open: Vec<Connection>,
    /// A connection that is being opened: who finds no stream free waits for it.
    opening: Option<watch::Receiver<Opening>>,
}

struct Connection {
    number: u64,
    streams: ConnectionRef,
    born: Instant,
    /// Since when the sweep has seen no stream on it.
    idle_since: Option<Instant>,
    used: bool,
}

/// How far a connection to be has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Underway,
    Open,
    Failed(Cause),
}

/// What a request that wants a stream does next.
enum Step {
    Begin { on: ConnectionRef, reused: bool },
    Wait(watch::Receiver<Opening>),
}

/// A stream on a connection opened before, where one has room (`fresh`: opened after this call), else on a new one.
pub(super) async fn take(
    shelves: &Arc<Shelves>,
    endpoint: &Arc<Endpoint>,
    fresh: bool,
    limits: ConnectLimits,
) -> Result<Http2Exchange, UpstreamError> {
    let oldest = if fresh { NUMBERS.load(Ordering::Relaxed) } else { 0 };
    let deadline = Instant::now() + limits.connect_timeout;
    loop {
        let step = shelves.with(endpoint, |shelf| shelf.http2.step(oldest, shelves, endpoint, limits));
        match step {
            Step::Begin { on, reused } => match on.spawn_stream().await {
                Ok(Some(session)) => return Ok(Http2Exchange::new(session, reused)),
                // It ends: GOAWAY has come, or it is closed.
                Ok(None) | Err(_) => on.mark_shutdown(),
            },
            // An endpoint that ends every connection at once, or lets one stream through at a time.
            Step::Wait(_) if Instant::now() > deadline => {
                return Err(UpstreamError::connect(Cause::ConnectTimeout, "no stream in time"));
            }
            Step::Wait(mut opening) => {
                let opened = opening.wait_for(|opening| *opening != Opening::Underway).await.map(|opening| *opening);
                if let Ok(Opening::Failed(cause)) = opened {
                    return Err(UpstreamError::connect(cause, "the endpoint's HTTP/2 connection was not made"));
                }
            }
        }
    }
}

impl Http2Shelf {
    /// How many connections are open.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether there is no connection, and none being opened.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.underway().is_none()
    }

    /// Lets go of connections that are closed, idle for too long or too old; the last two end with their last stream.
    pub(super) fn sweep(&mut self, now: Instant, idle_timeout: Duration, max_age: Duration) {
        self.open.retain_mut(|connection| {
            let streams = &connection.streams;
            if streams.is_closed() || streams.is_shutting_down() || now > connection.born + max_age {
                return false;
            }
            if !streams.is_idle() {
                connection.idle_since = None;
                return true;
            }
            let idle_since = *connection.idle_since.get_or_insert(now);
            now.saturating_duration_since(idle_since) < idle_timeout
        });
    }

    fn underway(&self) -> Option<&watch::Receiver<Opening>> {
        // The sender is gone where its task is.
        self.opening.as_ref().filter(|opening| opening.has_changed().is_ok())
    }

    fn step(&mut self, oldest: u64, shelves: &Arc<Shelves>, endpoint: &Arc<Endpoint>, limits: ConnectLimits) -> Step {
        let roomy = |c: &&mut Connection| c.number >= oldest && c.streams.free_stream_slots() > 0;
        if let Some(connection) = self.open.iter_mut().find(roomy) {
            connection.idle_since = None;
            let reused = std::mem::replace(&mut connection.used, true);
            return Step::Begin { on: connection.streams.clone(), reused };
        }
        if let Some(opening) = self.underway() {
            return Step::Wait(opening.clone());
        }
        let (tell, opening) = watch::channel(Opening::Underway);
        tokio::spawn(open(Arc::downgrade(shelves), endpoint.clone(), limits, tell));
        self.opening = Some(opening.clone());
        Step::Wait(opening)
    }
}

/// A connection's whole life.
async fn open(shelves: Weak<Shelves>, endpoint: Arc<Endpoint>, limits: ConnectLimits, tell: watch::Sender<Opening>) {
    let opened = connect::http2(endpoint.address, limits.connect_timeout).await;
    let (requests, connection) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            update(&shelves, &endpoint, |shelf| shelf.opening = None);
            tell.send_replace(Opening::Failed(error.cause));
            return;
        }
    };
    let (closed, watch_closed) = watch::channel(false);
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let (ping_timed_out, digest) = (Arc::default(), Digest::default());
    let streams = ConnectionRef::new(requests, watch_closed, ping_timed_out, 0, MAX_STREAMS, digest);
    let entry = Connection { number, streams, born: Instant::now(), idle_since: None, used: false };
    update(&shelves, &endpoint, |shelf| {
        shelf.opening = None;
        shelf.open.push(entry);
    });
    tell.send_replace(Opening::Open);
    drop(tell);
    // How it ends, every stream on it learns by itself.
    let _ = connection.await;
    closed.send_replace(true);
    update(&shelves, &endpoint, |shelf| shelf.open.retain(|connection| connection.number != number));
}

/// Changes an endpoint's connections, if the pool is still there; an empty shelf goes with the next sweep.
fn update(shelves: &Weak<Shelves>, endpoint: &Arc<Endpoint>, change: impl FnOnce(&mut Http2Shelf)) {
    if let Some(shelves) = shelves.upgrade() {
        shelves.with(endpoint, |shelf| change(&mut shelf.http2));
    }
}

impl fmt::Debug for Http2Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Shelf")
            .field("open", &self.open.len())
            .field("opening", &self.underway().is_some())
            .finish()
    }
}
