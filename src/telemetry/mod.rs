//! Telemetry: metrics, the access log, trace context, log set-up. A leaf: it imports no other part of Pingway.
//!
//! Workers share one [`Telemetry`]. What the request path calls is a few atomic additions: every series is made ahead,
//! by link or at start; those of Istio's metrics when a worker first meets their labels ([`mesh`]). [`family::FAMILIES`] is the one table of what is exported, `outcome::Reason` the one list of reason
//! words; both are documented, and tests compare the documents with them.

pub mod access_log;
mod collect;
pub mod family;
mod gauge;
mod histogram;
pub mod label;
pub mod log;
pub mod mesh;
mod metrics;
pub mod outcome;
pub mod series;
#[cfg(test)]
mod tests;
pub mod trace;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use access_log::{AccessLog, LineCounters, Record};
pub use gauge::{Counted, OpenConnection};
use label::{
    ConnectionProtocol, Direction, InboundRefusal, RetryDenied, TlsFailure, UpstreamProtocol, WriteResult, Written,
};
use mesh::Cluster;
use metrics::Metrics;
use outcome::{Outcome, Reason};
use series::{RuleLabels, RuleSeries};

/// Everything that the request path tells: metric families and the access log's writer.
pub struct Telemetry {
    metrics: Metrics,
    access_log: Option<AccessLog>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::of(Cluster::default())
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

/// For link and the pipeline: off the workers.
impl Telemetry {
    /// In this cluster, and without an access log.
    pub fn of(cluster: Cluster) -> Self {
        Self::with_series_limit(cluster, collect::LIMIT)
    }

    #[allow(clippy::expect_used, reason = "depends on the table of families alone; every test would fail")]
    fn with_series_limit(cluster: Cluster, limit: usize) -> Self {
        let metrics = Metrics::new(cluster, limit).expect("the table of families holds valid, distinct names");
        Self { metrics, access_log: None }
    }

    /// With an access log to this output, written by a thread of its own.
    pub fn with_access_log(
        mut self,
        options: access_log::Options,
        output: Box<dyn Write + Send>,
    ) -> std::io::Result<Self> {
        let counters = LineCounters {
            written: self.metrics.access_log_lines.clone(),
            dropped: self.metrics.access_log_dropped.clone(),
        };
        self.access_log = Some(AccessLog::start(options, output, counters)?);
        Ok(self)
    }

    /// The end of the process: waits until the access log is written, for a second at most.
    pub fn flush(&self) {
        if let Some(log) = &self.access_log {
            log.flush();
        }
    }

    /// The series of a rule: shared by all that have these labels, kept as long as one of them is held.
    pub fn rule_series(&self, labels: RuleLabels) -> Arc<RuleSeries> {
        self.metrics.rules.of(labels)
    }

    /// A snapshot was compiled, in this time.
    pub fn compiled(&self, took: Duration) {
        self.metrics.compile.observe(took.as_secs_f64());
    }

    /// A table was linked and published as this generation, in this time.
    pub fn published(&self, generation: u64, took: Duration) {
        self.metrics.link.observe(took.as_secs_f64());
        self.metrics.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// So many configurations are in memory now.
    pub fn tables(&self, count: usize) {
        self.metrics.tables.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// So many things are wrong with the configuration now.
    pub fn problems(&self, count: usize) {
        self.metrics.problems.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// So many wanted sockets are bound, and so many could not be, now.
    pub fn sockets(&self, bound: usize, failed: usize) {
        self.metrics.listeners_bound.set(i64::try_from(bound).unwrap_or(i64::MAX));
        self.metrics.listeners_failed.set(i64::try_from(failed).unwrap_or(i64::MAX));
    }

    /// A backend has so many endpoints now; `None`: nothing names the backend any more.
    pub fn endpoints(&self, namespace: &str, name: &str, port: u16, count: Option<usize>) {
        self.metrics.set_endpoints([namespace, name, &port.to_string()], count);
    }

    /// So many threads serve requests.
    pub fn workers(&self, count: usize) {
        self.metrics.workers.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// So many addresses of endpoints are never dialled now.
    pub fn endpoints_not_dialled(&self, count: usize) {
        self.metrics.endpoints_not_dialled.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// So many of Istio's policies are not enforced now.
    pub fn policies_not_enforced(&self, count: usize) {
        self.metrics.policies_not_enforced.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Controller: whether this replica writes.
    pub fn leads(&self, leads: bool) {
        self.metrics.leads.set(i64::from(leads));
    }

    /// Controller: a write to the API server.
    pub fn wrote(&self, what: Written, result: WriteResult) {
        self.metrics.count_write(what, result);
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        self.metrics.render()
    }
}

/// For the request path.
impl Telemetry {
    /// The series of requests that no rule took.
    pub fn unrouted(&self) -> &RuleSeries {
        self.metrics.rules.unrouted()
    }

    /// A request has begun: in flight until the answer is dropped.
    pub fn request_started(&self) -> Counted {
        Counted::new(&self.metrics.in_flight)
    }

    /// Whether requests are logged at all.
    pub fn has_access_log(&self) -> bool {
        self.access_log.is_some()
    }

    /// A request has ended: counts it, and logs it if the access log takes it. Only then is `record` called.
    pub fn request_ended<'a>(&self, series: &RuleSeries, outcome: &Outcome, record: impl FnOnce() -> Record<'a>) {
        series.record(outcome);
        if let Some(log) = &self.access_log {
            log.log(series, outcome, record);
        }
    }

    /// A client's connection was accepted: open until the answer is dropped.
    pub fn connection_opened(self: &Arc<Self>) -> OpenConnection {
        self.metrics.connections.inc();
        OpenConnection::new(self.clone())
    }

    /// TLS with a client did not come about.
    pub fn tls_handshake_failed(&self, why: TlsFailure) {
        self.metrics.tls_failures.of(why).inc();
    }

    /// A connection that ztunnel handed over was closed unserved.
    pub fn inbound_refused(&self, why: InboundRefusal) {
        self.metrics.inbound_refused.of(why).inc();
    }

    /// A connection to an endpoint was made.
    pub fn upstream_connected(&self, protocol: UpstreamProtocol) {
        self.metrics.upstream_connects.of(protocol).inc();
    }

    /// A try failed at an endpoint.
    pub fn upstream_failed(&self, reason: Reason) {
        self.metrics.upstream_errors.of(reason).inc();
    }

    /// A failed request is not tried again, although its route asks for retries.
    pub fn retry_denied(&self, why: RetryDenied) {
        self.metrics.retries_denied.of(why).inc();
    }

    /// A message lost its trailers, because its receiver speaks HTTP/1.
    pub fn trailers_dropped(&self, direction: Direction) {
        self.metrics.trailers_dropped.of(direction).inc();
    }

    /// A connection ended by itself while the proxy was draining.
    pub fn connection_drained(&self, protocol: ConnectionProtocol) {
        self.metrics.drained.of(protocol).inc();
    }

    /// A connection was cut at the drain deadline.
    pub fn connection_cut(&self, protocol: ConnectionProtocol) {
        self.metrics.cut.of(protocol).inc();
    }
}

/// For the end of the process, when nobody may come for the metrics any more.
impl Telemetry {
    /// How many connections ended by themselves while the proxy was draining, by what they spoke.
    pub fn drained(&self) -> String {
        self.metrics.drained.summary()
    }

    /// How many connections were cut at the drain deadline, by what they spoke.
    pub fn cut(&self) -> String {
        self.metrics.cut.summary()
    }
}
