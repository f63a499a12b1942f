//! Label sets made ahead: the request path only adds to counters that are already there.
//!
//! A rule that has served nothing costs its labels only. Its counters are plain atomics, made by its first request and
//! turned into Prometheus' form when scraped (`collect.rs`), so that no request formats a label or takes a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::histogram::Durations;
use super::label::{Label, StatusClass};
use super::outcome::{Outcome, Reason};

/// What names a rule in metrics and in the access log. Empty throughout: requests that no rule took.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleLabels {
    /// Kind of the route, as manifests spell it.
    pub kind: &'static str,
    /// Namespace of the route.
    pub namespace: Arc<str>,
    /// Name of the route.
    pub name: Arc<str>,
    /// Name of the rule, or its place in `spec.rules`, from 0.
    pub rule: Arc<str>,
}

/// The metric series of one rule. Its last holder's drop takes them out of the metrics.
#[derive(Debug, Default)]
pub struct RuleSeries {
    labels: RuleLabels,
    counters: OnceLock<Box<Counters>>,
}

const CLASSES: usize = StatusClass::ALL.len();

#[derive(Debug, Default)]
pub(super) struct Counters {
    by_class: [AtomicU64; CLASSES],
    /// By reason, then by class: made by the rule's first failure.
    failures: OnceLock<Box<[[AtomicU64; CLASSES]]>>,
    pub(super) duration: Durations,
    pub(super) upstream_head: Durations,
    pub(super) request_bytes: AtomicU64,
    pub(super) response_bytes: AtomicU64,
    pub(super) retries: AtomicU64,
}

impl RuleSeries {
    /// Series that are not exported by themselves: [`super::Telemetry::rule_series`] makes those that are.
    pub(super) fn new(labels: RuleLabels) -> Self {
        Self { labels, counters: OnceLock::new() }
    }

    /// What names the rule.
    pub fn labels(&self) -> &RuleLabels {
        &self.labels
    }

    /// Adds one request.
    pub(super) fn record(&self, outcome: &Outcome) {
        let counters = self.counters.get_or_init(Box::default);
        counters.count(outcome);
        if outcome.status != 101 {
            counters.duration.observe(outcome.duration);
        }
        if let Some(after) = outcome.upstream_head {
            counters.upstream_head.observe(after);
        }
        add(&counters.request_bytes, outcome.request_bytes);
        add(&counters.response_bytes, outcome.response_bytes);
        add(&counters.retries, u64::from(outcome.attempts.saturating_sub(1)));
    }

    /// The counters, once the rule has served a request.
    pub(super) fn counters(&self) -> Option<&Counters> {
        self.counters.get().map(|counters| &**counters)
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    if amount > 0 {
        counter.fetch_add(amount, Relaxed);
    }
}

impl Counters {
    fn count(&self, outcome: &Outcome) {
        let class = StatusClass::of(outcome.status).index();
        let counter = match outcome.reason {
            None => self.by_class.get(class),
            Some(reason) => {
                let failures = self.failures.get_or_init(|| Reason::ALL.iter().map(|_| Default::default()).collect());
                failures.get(reason.index()).and_then(|by_class| by_class.get(class))
            }
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Requests so far by class and reason, without those that are zero.
    pub(super) fn requests(&self) -> impl Iterator<Item = (StatusClass, Option<Reason>, u64)> {
        let count = |reason| {
            move |(class, counter): (&StatusClass, &AtomicU64)| {
                let count = counter.load(Relaxed);
                (count > 0).then_some((*class, reason, count))
            }
        };
        let plain = StatusClass::ALL.iter().zip(&self.by_class).filter_map(count(None));
        let failed = Reason::ALL.iter().zip(self.failures.get().into_iter().flatten());
        plain.chain(
            failed.flat_map(move |(reason, by_class)| {
                StatusClass::ALL.iter().zip(by_class).filter_map(count(Some(*reason)))
            }),
        )
    }
}
