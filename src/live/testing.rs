//! Small tables for the tests of this folder.

use std::sync::Arc;
use std::time::Duration;

use super::backend::Backend;
use super::serving::LiveRule;
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::table::backend::{BackendKey, Target, WeightedBackend};
use crate::table::filter::Filters;
use crate::table::hostname::HostPattern;
use crate::table::listener::{Certificate, KeyForm, PrivateKey};
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

/// A self-signed certificate in a Secret of namespace `shop`, each time with a new key.
pub(super) fn certificate(secret: &str, names: &[&str]) -> Arc<Certificate> {
    let subject_alt_names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(subject_alt_names).expect("valid names");
    Arc::new(Certificate {
        secret: ObjectName::new("shop", secret),
        chain: vec![made.cert.der().to_vec().into()],
        key: Arc::new(PrivateKey { der: made.signing_key.serialize_der().into(), form: KeyForm::Pkcs8 }),
        names: names.iter().map(|n| HostPattern::parse(n).expect("valid")).collect(),
    })
}
