//! Small tables for the tests of this folder.

use std::sync::Arc;
use std::time::Duration;

use super::backend::Backend;
use super::serving::LiveRule;
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::table::backend::{BackendKey, Target, WeightedBackend};
use crate::table::filter::Filters;
use crate::table::rule::{Action, Rule};
use crate::table::timeouts::{Retry, Timeouts};

/// A backend's key in namespace `shop`.
pub(super) fn key(service: &str) -> BackendKey {
    BackendKey { service: ObjectName::new("shop", service), port: 80 }
}

/// A rule of a route, with these targets and weights.
pub(super) fn rule(route: &str, targets: Vec<(Target, u32)>) -> Arc<Rule> {
    let weighted = |(target, weight)| WeightedBackend { weight, target, filters: Filters::default() };
    Arc::new(Rule {
        route: ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("shop", route) },
        index: 0,
        name: None,
        action: Action::Forward { filters: Filters::default(), backends: targets.into_iter().map(weighted).collect() },
        timeouts: Timeouts::default(),
        retry: Retry { attempts: 0, codes: Vec::new(), backoff: Duration::ZERO, asked: false },
    })
}

/// A live rule with a backend for each weight.
pub(super) fn live_rule(weights: &[u32]) -> LiveRule {
    let keys: Vec<_> = (0..weights.len()).map(|i| key(&format!("s{i}"))).collect();
    let targets = keys.iter().cloned().map(Target::Backend).zip(weights.iter().copied()).collect();
    let backends = keys.into_iter().map(|k| Some(Arc::new(Backend::new(k)))).collect();
    LiveRule::new(rule("r", targets), backends, Arc::default())
}

/// The same, the last backend leading nowhere.
pub(super) fn live_rule_with_invalid(weights: &[u32]) -> LiveRule {
    let mut live = live_rule(weights);
    if let Some(last) = live.backends.last_mut() {
        *last = None;
    }
    live
}
