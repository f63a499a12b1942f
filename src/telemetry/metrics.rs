//! The registry: every family of `family.rs` with the handles that are added to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, Result, TextEncoder,
};

use super::collect::{AllSeries, SeriesCollector};
use super::family::{self, Family};
use super::label::{
    ConnectionProtocol, Direction, InboundRefusal, Label, RetryDenied, TlsFailure, UpstreamProtocol, WriteResult,
    Written,
};
use super::mesh::{self, AllMesh, Cluster, MeshCollector};
use super::outcome::Reason;

/// Buckets of compile and link, in seconds.
const CONFIGURATION_BUCKETS: [f64; 8] = [0.0005, 0.001, 0.0025, 0.005, 0.025, 0.1, 0.5, 2.5];

/// Most backends whose endpoints are counted; of those beyond it nothing is exported.
const BACKEND_LIMIT: usize = 5_000;

/// Every metric.
pub(super) struct Metrics {
    registry: Registry,
    pub(super) rules: Arc<AllSeries>,
    pub(super) mesh: Arc<AllMesh>,
    pub(super) in_flight: IntGauge,
    pub(super) connections: IntCounter,
    pub(super) connections_open: Each<ConnectionProtocol, IntGauge>,
    pub(super) tls_failures: Each<TlsFailure, IntCounter>,
    pub(super) inbound_refused: Each<InboundRefusal, IntCounter>,
    pub(super) upstream_connects: Each<UpstreamProtocol, IntCounter>,
    pub(super) upstream_errors: Each<Reason, IntCounter>,
    pub(super) trailers_dropped: Each<Direction, IntCounter>,
    pub(super) retries_denied: Each<RetryDenied, IntCounter>,
    pub(super) drained: Each<ConnectionProtocol, IntCounter>,
    pub(super) cut: Each<ConnectionProtocol, IntCounter>,
    pub(super) generation: IntGauge,
    pub(super) tables: IntGauge,
    pub(super) compile: Histogram,
    pub(super) link: Histogram,
    pub(super) problems: IntGauge,
    pub(super) listeners_bound: IntGauge,
    pub(super) listeners_failed: IntGauge,
    endpoints: IntGaugeVec,
    pub(super) endpoints_not_dialled: IntGauge,
    pub(super) policies_not_enforced: IntGauge,
    /// Backends that have a gauge.
    backends: Mutex<BTreeSet<String>>,
    rule_series: IntGauge,
    pub(super) leads: IntGauge,
    pub(super) workers: IntGauge,
    /// Of each [`Written`].
    writes: Box<[Each<WriteResult, IntCounter>]>,
    pub(super) access_log_lines: IntCounter,
    pub(super) access_log_dropped: IntCounter,
}

impl Metrics {
    /// All families, registered. Fails only if two families of the table have one name, or one is malformed.
    pub(super) fn new(cluster: Cluster, series_limit: usize) -> Result<Self> {
        let registry = Registry::new();
        let rules = Arc::new(AllSeries::new(series_limit));
        registry.register(Box::new(SeriesCollector::new(rules.clone())?))?;
        let mesh = Arc::new(AllMesh::new(cluster, mesh::LIMIT));
        registry.register(Box::new(MeshCollector::new(mesh.clone())?))?;
        add(&registry, IntGaugeVec::new(opts(&family::BUILD), family::BUILD.labels)?)?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let listeners = add(&registry, IntGaugeVec::new(opts(&family::LISTENERS), family::LISTENERS.labels)?)?;
        let written = add(&registry, IntCounterVec::new(opts(&family::WRITES), family::WRITES.labels)?)?;
        let writes = |what: Written| Each::new(|result| written.with_label_values(&[what.as_str(), result]));
        Ok(Self {
            rules,
            mesh,
            in_flight: gauge(&registry, &family::IN_FLIGHT)?,
            connections: counter(&registry, &family::CONNECTIONS)?,
            connections_open: gauges(&registry, &family::CONNECTIONS_OPEN)?,
            tls_failures: counters(&registry, &family::TLS_FAILURES)?,
            inbound_refused: counters(&registry, &family::INBOUND_REFUSED)?,
            upstream_connects: counters(&registry, &family::UPSTREAM_CONNECTS)?,
            upstream_errors: counters(&registry, &family::UPSTREAM_ERRORS)?,
            trailers_dropped: counters(&registry, &family::TRAILERS_DROPPED)?,
            retries_denied: counters(&registry, &family::RETRIES_DENIED)?,
            drained: counters(&registry, &family::DRAINED)?,
            cut: counters(&registry, &family::CUT)?,
            generation: gauge(&registry, &family::GENERATION)?,
            tables: gauge(&registry, &family::TABLES)?,
            compile: histogram(&registry, &family::COMPILE)?,
            link: histogram(&registry, &family::LINK)?,
            problems: gauge(&registry, &family::PROBLEMS)?,
            listeners_bound: listeners.with_label_values(&["bound"]),
            listeners_failed: listeners.with_label_values(&["failed"]),
            endpoints: add(&registry, IntGaugeVec::new(opts(&family::ENDPOINTS), family::ENDPOINTS.labels)?)?,
            endpoints_not_dialled: gauge(&registry, &family::ENDPOINTS_NOT_DIALLED)?,
            policies_not_enforced: gauge(&registry, &family::POLICIES_NOT_ENFORCED)?,
            backends: Mutex::default(),
            rule_series: gauge(&registry, &family::RULE_SERIES)?,
            leads: gauge(&registry, &family::LEADS)?,
            workers: gauge(&registry, &family::WORKERS)?,
            writes: Written::ALL.iter().map(|what| writes(*what)).collect(),
            access_log_lines: counter(&registry, &family::ACCESS_LOG_LINES)?,
            access_log_dropped: counter(&registry, &family::ACCESS_LOG_DROPPED)?,
            registry,
        })
    }

    /// Sets a backend's number of endpoints; `None` takes it out.
    pub(super) fn set_endpoints(&self, backend: [&str; 3], count: Option<usize>) {
        let mut counted = self.backends.lock().unwrap_or_else(PoisonError::into_inner);
        let name = backend.join("/");
        match count {
            Some(count) if counted.contains(&name) || counted.len() < BACKEND_LIMIT => {
                counted.insert(name);
                self.endpoints.with_label_values(&backend).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
            None if counted.remove(&name) => {
                // It is there: it was put in with its name.
                let _ = self.endpoints.remove_label_values(&backend);
            }
            _ => {}
        }
    }

    /// A write of the controller.
    pub(super) fn count_write(&self, what: Written, result: WriteResult) {
        if let Some(results) = self.writes.get(what.index()) {
            results.of(result).inc();
        }
    }

    /// Everything, in Prometheus' text format.
    pub(super) fn render(&self) -> Result<String> {
        self.rule_series.set(i64::try_from(self.rules.len()).unwrap_or(i64::MAX));
        TextEncoder::new().encode_to_string(&self.gather())
    }

    /// Every family that has a value.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// One metric for each value of a label, found by index.
pub(super) struct Each<L, M> {
    metrics: Box<[M]>,
    label: std::marker::PhantomData<fn(L)>,
}

impl<L: Label, M> Each<L, M> {
    fn new(make: impl Fn(&'static str) -> M) -> Self {
        Self { metrics: L::VALUES.iter().map(|value| make(value.word())).collect(), label: std::marker::PhantomData }
    }

    /// The metric of a value.
    pub(super) fn of(&self, value: L) -> &M {
        // In bounds: there is one for each of the label's values.
        &self.metrics[value.index()]
    }
}

impl<L: Label> Each<L, IntCounter> {
    /// What was counted, for people: `http1 2, upgrade 1`.
    pub(super) fn summary(&self) -> String {
        let counted =
            L::VALUES.iter().map(|value| (value.word(), self.of(*value).get())).filter(|(_, count)| *count > 0);
        let words: Vec<_> = counted.map(|(word, count)| format!("{word} {count}")).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    }
}

fn opts(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counter(registry: &Registry, family: &Family) -> Result<IntCounter> {
    add(registry, IntCounter::with_opts(opts(family))?)
}

fn gauge(registry: &Registry, family: &Family) -> Result<IntGauge> {
    add(registry, IntGauge::with_opts(opts(family))?)
}

fn histogram(registry: &Registry, family: &Family) -> Result<Histogram> {
    let opts = HistogramOpts::new(family.name, family.help).buckets(CONFIGURATION_BUCKETS.to_vec());
    add(registry, Histogram::with_opts(opts)?)
}

fn counters<L: Label>(registry: &Registry, family: &Family) -> Result<Each<L, IntCounter>> {
    let all = add(registry, IntCounterVec::new(opts(family), family.labels)?)?;
    Ok(Each::new(|word| all.with_label_values(&[word])))
}

fn gauges<L: Label>(registry: &Registry, family: &Family) -> Result<Each<L, IntGauge>> {
    let all = add(registry, IntGaugeVec::new(opts(family), family.labels)?)?;
    Ok(Each::new(|word| all.with_label_values(&[word])))
}
