//! Which requests the access log takes.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::telemetry::outcome::Outcome;
use crate::telemetry::series::RuleLabels;

/// What the access log takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// One line of so many that the filter takes.
    pub sample: NonZeroU32,
    /// Which requests.
    pub filter: Filter,
}

impl Default for Options {
    fn default() -> Self {
        Self { sample: NonZeroU32::MIN, filter: Filter::default() }
    }
}

/// Which requests; all parts must hold. As text: `errors`, `status>=N` and `route=NAMESPACE/NAME`, separated by commas;
/// several routes are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those with a reason word, or a status of 500 and more.
    pub errors: bool,
    /// Only those with this status or a higher one, or none.
    pub min_status: Option<u16>,
    /// Only those that one of these routes took, as namespace and name; empty: any, and those that no route took.
    pub routes: Vec<(Box<str>, Box<str>)>,
}

/// A text that is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not one of errors, status>=N, route=NAMESPACE/NAME")]
pub struct InvalidFilter(String);

impl FromStr for Filter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let mut filter = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let invalid = || InvalidFilter(part.to_owned());
            if part == "errors" {
                filter.errors = true;
            } else if let Some(status) = part.strip_prefix("status>=") {
                filter.min_status = Some(status.parse().map_err(|_| invalid())?);
            } else {
                let route = part.strip_prefix("route=").and_then(|route| route.split_once('/'));
                let (namespace, name) = route.ok_or_else(invalid)?;
                filter.routes.push((namespace.into(), name.into()));
            }
        }
        Ok(filter)
    }
}

impl Filter {
    fn takes(&self, labels: &RuleLabels, outcome: &Outcome) -> bool {
        let failed = outcome.reason.is_some() || outcome.status >= 500 || outcome.status == 0;
        let high = |min| outcome.status >= min || outcome.status == 0;
        let meant =
            |(namespace, name): &(Box<str>, Box<str>)| **namespace == *labels.namespace && **name == *labels.name;
        (!self.errors || failed)
            && self.min_status.is_none_or(high)
            && (self.routes.is_empty() || self.routes.iter().any(meant))
    }
}

/// Filters, then takes one of so many.
#[derive(Debug)]
pub(super) struct Sampler {
    options: Options,
    seen: AtomicU64,
}

impl Sampler {
    pub(super) fn new(options: Options) -> Self {
        Self { options, seen: AtomicU64::new(0) }
    }

    pub(super) fn takes(&self, labels: &RuleLabels, outcome: &Outcome) -> bool {
        let Options { sample, filter } = &self.options;
        filter.takes(labels, outcome) && self.seen.fetch_add(1, Relaxed).is_multiple_of(u64::from(sample.get()))
    }
}
