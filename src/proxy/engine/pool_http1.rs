//! Idle HTTP/1 connections, and the way back to the pool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora::protocols::Stream;

use super::pool::Shelves;
use super::wire::Wire;
use crate::live::Endpoint;

/// A connection between two exchanges.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) stream: Stream,
    pub(super) wire: Arc<Wire>,
    /// When it was made.
    pub(super) born: Instant,
    /// When it became idle.
    pub(super) since: Instant,
    /// What the endpoint said that it keeps it for.
    pub(super) limit: Option<Duration>,
}

/// Where a connection goes when an exchange has ended cleanly.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) shelves: Arc<Shelves>,
    pub(super) endpoint: Arc<Endpoint>,
    /// When the connection was made.
    pub(super) born: Instant,
}

impl Idle {
    /// Whether it has not been idle for too long.
    pub(super) fn keeps(&self, now: Instant, idle_timeout: Duration) -> bool {
        let limit = self.limit.map_or(idle_timeout, |limit| limit.min(idle_timeout));
        now.saturating_duration_since(self.since) < limit
    }
}

impl Home {
    /// Gives a connection back; one to an endpoint that is gone is closed.
    pub(super) fn put(self, stream: Stream, wire: Arc<Wire>, limit: Option<Duration>) {
        if self.endpoint.is_gone() {
            return;
        }
        let idle = Idle { stream, wire, born: self.born, since: Instant::now(), limit };
        self.shelves.with(&self.endpoint, |shelf| shelf.idle.push(idle));
    }
}
