//! What is counted of requests, and of connections whose bytes are passed on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus::proto;

use crate::telemetry::histogram;
use crate::telemetry::label::Direction;
use crate::telemetry::outcome::Reason;

/// What is spoken, as the label `request_protocol` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP, of either version.
    Http,
    /// gRPC, by its content type.
    Grpc,
    /// Bytes.
    Tcp,
    /// Single messages of gRPC: no label has this.
    Messages,
}

/// How a request ended, as far as labels tell; of a connection, what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    /// What is spoken.
    pub protocol: Protocol,
    /// The status that the client got; 0: none.
    pub status: u16,
    /// `grpc-status` that the client got.
    pub grpc_status: Option<u16>,
    /// Why the proxy answered itself, or the exchange broke.
    pub reason: Option<Reason>,
}

impl Ended {
    /// Of a connection whose bytes are passed on.
    pub const TCP: Self = Self { protocol: Protocol::Tcp, status: 0, grpc_status: None, reason: None };

    /// Of messages of calls that may not have ended.
    pub const MESSAGES: Self = Self { protocol: Protocol::Messages, ..Self::TCP };
}

/// What is observed of one request.
#[derive(Clone, Copy, Debug)]
pub struct Requested {
    /// From its head to its response's last byte.
    pub duration: Duration,
    /// Bytes of the request, with its head.
    pub request_bytes: u64,
    /// Bytes of the response, with its head.
    pub response_bytes: u64,
}

/// What is counted of one combination of labels.
#[derive(Debug, Default)]
pub struct Series {
    pub(super) labels: Vec<proto::LabelPair>,
    pub(super) requests: AtomicU64,
    pub(super) duration: Sizes,
    pub(super) request_bytes: Sizes,
    pub(super) response_bytes: Sizes,
    pub(super) request_messages: AtomicU64,
    pub(super) response_messages: AtomicU64,
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

impl Series {
    /// Series of these labels.
    pub(super) fn new(labels: Vec<proto::LabelPair>) -> Self {
        Self { labels, ..Self::default() }
    }

    /// Adds one request that ended.
    pub fn requested(&self, one: Requested) {
        self.requests.fetch_add(1, Relaxed);
        self.duration.observe(u64::try_from(one.duration.as_micros()).unwrap_or(u64::MAX));
        self.request_bytes.observe(one.request_bytes.saturating_mul(1_000));
        self.response_bytes.observe(one.response_bytes.saturating_mul(1_000));
    }

    /// Messages of a gRPC call passed.
    pub fn messages(&self, direction: Direction, count: u64) {
        let counted = match direction {
            Direction::Request => &self.request_messages,
            Direction::Response => &self.response_messages,
        };
        counted.fetch_add(count, Relaxed);
    }

    /// A connection to an endpoint was made for a client's.
    pub fn opened(&self) {
        self.opened.fetch_add(1, Relaxed);
    }

    /// Such a connection has ended.
    pub fn closed(&self) {
        self.closed.fetch_add(1, Relaxed);
    }

    /// Bytes went to the client.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Relaxed);
    }

    /// Bytes came from the client.
    pub fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Relaxed);
    }
}

/// Upper bounds of the buckets, in thousandths: Envoy's, which Istio does not change.
const BOUNDS: [u64; 19] = [
    500,
    1_000,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    600_000_000,
    1_800_000_000,
    3_600_000_000,
];

/// Milliseconds or bytes, in thousandths, by bucket.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum: AtomicU64,
}

impl Sizes {
    fn observe(&self, thousandths: u64) {
        let bucket = BOUNDS.partition_point(|bound| *bound < thousandths);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(thousandths, Relaxed);
    }

    /// What Prometheus gets; `None` while nothing was counted.
    #[allow(clippy::cast_precision_loss, reason = "Prometheus has floats only")]
    pub(super) fn export(&self) -> Option<proto::Histogram> {
        let sum = self.sum.load(Relaxed) as f64 / 1e3;
        histogram::export(&self.buckets, BOUNDS.map(|bound| bound as f64 / 1e3), sum)
    }
}
