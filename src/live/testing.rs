//! Small tables by hand, for the tests of this folder and of the pipeline.

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
pub(crate) fn key(service: &str) -> BackendKey {
    BackendKey { service: ObjectName::new("shop", service), port: 80 }
}

/// A rule of a route, with these targets and weights.
pub(crate) fn rule(route: &str, targets: Vec<(Target, u32)>) -> Arc<Rule> {
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
pub(crate) fn live_rule(weights: &[u32]) -> LiveRule {
    let keys: Vec<_> = (0..weights.len()).map(|i| key(&format!("s{i}"))).collect();
    let targets = keys.iter().cloned().map(Target::Backend).zip(weights.iter().copied()).collect();
    let backends = keys.into_iter().map(|k| Some(Arc::new(Backend::new(k)))).collect();
    LiveRule::new(rule("r", targets), backends, Arc::default())
}

/// The same, the last backend leading nowhere.
pub(crate) fn live_rule_with_invalid(weights: &[u32]) -> LiveRule {
    let mut live = live_rule(weights);
    if let Some(last) = live.backends.last_mut() {
        *last = None;
    }
    live
}

/// A self-signed certificate in a Secret of namespace `shop`, each time with a new key.
pub(crate) fn certificate(secret: &str, names: &[&str]) -> Arc<Certificate> {
    let subject_alt_names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(subject_alt_names).expect("valid names");
    Arc::new(Certificate {
        secret: ObjectName::new("shop", secret),
        chain: vec![made.cert.der().to_vec().into()],
        key: Arc::new(PrivateKey { der: made.signing_key.serialize_der().into(), form: KeyForm::Pkcs8 }),
        names: names.iter().map(|n| HostPattern::parse(n).expect("valid")).collect(),
    })
}

/// Route tables by hand.
pub(crate) mod table {
    use std::sync::Arc;

    use crate::api::ObjectName;
    use crate::snapshot::Socket;
    use crate::table::RouteTable;
    use crate::table::hostname::HostPattern;
    use crate::table::listener::{Certificate, Host, Listener, Protocol};
    use crate::table::matches::Match;
    use crate::table::rule::{Entry, Rule};

    /// A port on every address.
    pub(crate) fn socket(port: u16) -> Socket {
        Socket { address: None, port }
    }

    /// A host for each pair, whose rule takes every path.
    pub(crate) fn hosts(pairs: &[(&str, &Arc<Rule>)]) -> Vec<Arc<Host>> {
        let host = |(name, rule): &(&str, &Arc<Rule>)| {
            let entry = Arc::new(Entry { matches: Match::any(), rule: (*rule).clone() });
            Arc::new(Host { hostname: HostPattern::parse(name).expect("valid"), entries: vec![entry] })
        };
        pairs.iter().map(host).collect()
    }

    fn listener(name: &str, ports: &[u16], protocol: Protocol, hostname: &str, hosts: &[Arc<Host>]) -> Arc<Listener> {
        Arc::new(Listener {
            name: name.into(),
            sockets: ports.iter().map(|&port| socket(port)).collect(),
            protocol,
            hostname: HostPattern::parse(hostname).expect("valid"),
            hosts: hosts.iter().cloned().collect(),
        })
    }

    /// An HTTP listener.
    pub(crate) fn http(name: &str, ports: &[u16], hosts: &[Arc<Host>]) -> Arc<Listener> {
        listener(name, ports, Protocol::Http, "", hosts)
    }

    /// An HTTPS listener on port 443, without hosts.
    pub(crate) fn https(name: &str, hostname: &str, certificate: &Arc<Certificate>) -> Arc<Listener> {
        listener(name, &[443], Protocol::Https { certificates: vec![certificate.clone()] }, hostname, &[])
    }

    /// A table of these listeners.
    pub(crate) fn with_listeners(listeners: Vec<Arc<Listener>>) -> Arc<RouteTable> {
        Arc::new(RouteTable {
            gateway: ObjectName::new("shop", "edge"),
            listeners,
            mesh: None,
            service_routes: Arc::default(),
            denied: None,
        })
    }

    /// A table of one HTTP listener on port 80.
    pub(crate) fn with_hosts(hosts: &[Arc<Host>]) -> Arc<RouteTable> {
        with_listeners(vec![http("http", &[80], hosts)])
    }
}
