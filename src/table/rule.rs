//! A rule: what is done with the requests that its matches take.

use std::sync::Arc;

use super::backend::{BackendKey, Target, WeightedBackend};
use super::filter::Filters;
use super::matches::Match;
use super::timeouts::{Retry, Timeouts};
use crate::api::{Kind, ObjectRef};

/// One match of a rule, as it stands in a host's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What the request must be.
    pub matches: Match,
    /// What is done with it. Shared by all matches of the rule, on every host and listener.
    pub rule: Arc<Rule>,
}

/// One rule of one route.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The route.
    pub route: ObjectRef,
    /// Its place in `spec.rules`, from 0.
    pub index: usize,
    /// Its name, where it has one.
    pub name: Option<Arc<str>>,
    /// What is done.
    pub action: Action,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Whether it is tried again.
    pub retry: Retry,
}

impl Rule {
    /// What it is called in logs and metrics: its name, or its place.
    pub fn label(&self) -> Arc<str> {
        self.name.clone().unwrap_or_else(|| self.index.to_string().into())
    }

    /// Straight through to a backend, as if its object were the route.
    pub fn straight_to(kind: Kind, backend: &BackendKey) -> Self {
        let target = Target::Backend(backend.clone());
        let backends = vec![WeightedBackend { weight: 1, target, filters: Filters::default() }];
        Self {
            route: ObjectRef { kind, name: backend.service.clone() },
            index: 0,
            name: Some(backend.port.to_string().into()),
            action: Action::Forward { filters: Filters::default(), backends },
            timeouts: Timeouts::default(),
            retry: Retry::default(),
        }
    }
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Filters, then a backend by weight. Without any share above zero: 500.
    Forward {
        /// Filters of the rule.
        filters: Filters,
        /// Where it goes; entries with weight 0 are kept for `explain`.
        backends: Vec<WeightedBackend>,
    },
    /// An answer that sends the client elsewhere.
    Redirect {
        /// Filters of the rule (header fields of the answer).
        filters: Filters,
        /// Where to.
        redirect: super::filter::Redirect,
    },
    /// Cannot be served: every request gets this status.
    Fail {
        /// HTTP status, 500 as a rule.
        status: u16,
        /// Why, for the log and for `explain`.
        why: Arc<str>,
    },
}
