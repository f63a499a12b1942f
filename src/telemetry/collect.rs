//! The series of all rules: shared by labels, bounded in number, exported when scraped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricFamily, MetricType};

use super::family::{self, Family, Kind};
use super::histogram::Durations;
use super::outcome::Reason;
use super::series::{Counters, RuleLabels, RuleSeries};

/// Most rules that have series of their own.
pub(super) const LIMIT: usize = 5_000;

const FAMILIES: [Family; 6] = [
    family::REQUESTS,
    family::REQUEST_DURATION,
    family::UPSTREAM_HEAD,
    family::REQUEST_BYTES,
    family::RESPONSE_BYTES,
    family::RETRIES,
];

type ByLabels = BTreeMap<RuleLabels, Weak<RuleSeries>>;

/// The series of all rules. Its lock is taken by configuration and by scrapes, never by a request.
#[derive(Debug)]
pub(super) struct AllSeries {
    by_labels: Mutex<ByLabels>,
    limit: usize,
    refused: AtomicU64,
    unrouted: RuleSeries,
    overflow: Arc<RuleSeries>,
}

impl AllSeries {
    /// No series yet, and at most this many.
    pub(super) fn new(limit: usize) -> Self {
        let overflow = RuleLabels { name: "overflow".into(), ..RuleLabels::default() };
        Self {
            by_labels: Mutex::default(),
            limit,
            refused: AtomicU64::new(0),
            unrouted: RuleSeries::default(),
            overflow: Arc::new(RuleSeries::new(overflow)),
        }
    }

    /// The series of a rule: those that have the same labels already, new ones, or beyond the limit the shared ones.
    pub(super) fn of(&self, labels: RuleLabels) -> Arc<RuleSeries> {
        let mut by_labels = self.lock();
        if let Some(series) = by_labels.get(&labels).and_then(Weak::upgrade) {
            return series;
        }
        if by_labels.len() >= self.limit {
            // Once in a while only, so that many rules beyond the limit do not cost a search each.
            if self.refused.fetch_add(1, Relaxed).is_multiple_of(256) {
                forget_dropped(&mut by_labels);
            }
            if by_labels.len() >= self.limit {
                return self.overflow.clone();
            }
        }
        let series = Arc::new(RuleSeries::new(labels.clone()));
        by_labels.insert(labels, Arc::downgrade(&series));
        series
    }

    /// The series of requests that no rule took.
    pub(super) fn unrouted(&self) -> &RuleSeries {
        &self.unrouted
    }

    /// Rules that have series of their own now.
    pub(super) fn len(&self) -> usize {
        let mut by_labels = self.lock();
        forget_dropped(&mut by_labels);
        by_labels.len()
    }

    fn lock(&self) -> MutexGuard<'_, ByLabels> {
        self.by_labels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_dropped(by_labels: &mut ByLabels) {
    by_labels.retain(|_, series| series.strong_count() > 0);
}

/// [`AllSeries`] as Prometheus' registry sees them.
pub(super) struct SeriesCollector {
    series: Arc<AllSeries>,
    descs: Vec<Desc>,
}

impl SeriesCollector {
    /// A collector of these series.
    pub(super) fn new(series: Arc<AllSeries>) -> prometheus::Result<Self> {
        let descs = FAMILIES.iter().map(desc).collect::<prometheus::Result<_>>()?;
        Ok(Self { series, descs })
    }
}

impl Collector for SeriesCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let live: Vec<_> = self.series.lock().values().filter_map(Weak::upgrade).collect();
        let every = live.iter().map(|series| &**series).chain([self.series.unrouted(), &*self.series.overflow]);
        let mut metrics = FAMILIES.map(|_| Vec::new());
        for series in every {
            if let Some(counters) = series.counters() {
                export(series.labels(), counters, &mut metrics);
            }
        }
        let families = FAMILIES.iter().zip(metrics).filter(|(_, metrics)| !metrics.is_empty());
        families.map(|(family, metrics)| to_family(family, metrics)).collect()
    }
}

/// A family, as the registry is told of it.
pub(super) fn desc(family: &Family) -> prometheus::Result<Desc> {
    let labels = family.labels.iter().map(|label| (*label).to_owned()).collect();
    Desc::new(family.name.to_owned(), family.help.to_owned(), labels, std::collections::HashMap::new())
}

/// A family with its metrics.
pub(super) fn to_family(family: &Family, metrics: Vec<proto::Metric>) -> MetricFamily {
    let mut to = MetricFamily::default();
    to.set_name(family.name.to_owned());
    to.set_help(family.help.to_owned());
    to.set_field_type(match family.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    to.set_metric(metrics);
    to
}

/// Adds what one rule counted to the metrics, which are in the order of [`FAMILIES`].
fn export(labels: &RuleLabels, counters: &Counters, metrics: &mut [Vec<proto::Metric>; FAMILIES.len()]) {
    let [requests, duration, upstream_head, request_bytes, response_bytes, retries] = metrics;
    for (class, reason, count) in counters.requests() {
        let more = [("status_class", class.as_str()), ("reason", reason.map_or("", Reason::as_str))];
        requests.push(counter_of(pairs(labels, &more), count));
    }
    for (to, durations) in [(duration, &counters.duration), (upstream_head, &counters.upstream_head)] {
        to.extend(histogram(labels, durations));
    }
    let amounts = [
        (request_bytes, &counters.request_bytes),
        (response_bytes, &counters.response_bytes),
        (retries, &counters.retries),
    ];
    for (to, amount) in amounts {
        to.push(counter_of(pairs(labels, &[]), load(amount)));
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}

/// A counter of these labels.
#[allow(clippy::cast_precision_loss, reason = "Prometheus has floats only")]
pub(super) fn counter_of(pairs: Vec<proto::LabelPair>, count: u64) -> proto::Metric {
    let mut counter = proto::Counter::default();
    counter.set_value(count as f64);
    let mut metric = proto::Metric::from_label(pairs);
    metric.set_counter(counter);
    metric
}

fn histogram(labels: &RuleLabels, durations: &Durations) -> Option<proto::Metric> {
    let mut metric = proto::Metric::from_label(pairs(labels, &[]));
    metric.set_histogram(durations.export()?);
    Some(metric)
}

fn pairs(labels: &RuleLabels, more: &[(&str, &str)]) -> Vec<proto::LabelPair> {
    let rule = [
        ("route_kind", labels.kind),
        ("route_namespace", &*labels.namespace),
        ("route_name", &*labels.name),
        ("rule", &*labels.rule),
    ];
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    rule.iter().chain(more).map(pair).collect()
}
