//! What a rule does to the request: filters, backends and their shares, or the answer.

use http::HeaderMap;
use serde::Serialize;

use super::request::Request;
use super::words;
use crate::api::ObjectName;
use crate::compile::Options;
use crate::compile::endpoints::{dns_name, endpoints};
use crate::snapshot::Snapshot;
use crate::table::backend::{Target, WeightedBackend};
use crate::table::filter::{Filters, HeaderEdits, Redirect, Scheme};
use crate::table::listener::{Listener, Protocol};
use crate::table::matches::PathMatched;
use crate::table::policy::Denied;
use crate::table::rule::{Action, Rule};
use crate::telemetry::outcome::Reason;

/// What comes of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "action")]
pub(super) enum Effect {
    Forward {
        /// The exchange's limit, where it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout: Option<String>,
        backends: Vec<Share>,
    },
    Redirect {
        status: u16,
        location: String,
    },
    Answer {
        /// Of HTTP.
        status: u16,
        /// What the client is told: the same, or a gRPC status.
        answer: String,
        why: String,
        #[serde(skip)]
        reason: Reason,
    },
}

/// One backendRef's share, and the request as it goes there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Share {
    pub(super) percent: f64,
    /// The Service and port. `None`: the reference leads nowhere.
    pub(super) backend: Option<String>,
    pub(super) endpoints: Vec<String>,
    /// Why this share is answered by the proxy itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fails: Option<String>,
    /// The reason word of that.
    #[serde(skip)]
    pub(super) reason: Option<Reason>,
    pub(super) request: Outgoing,
}

/// The request as a backend gets it, and what is done to its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outgoing {
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    /// Fields that were given or that filters set.
    pub(super) headers: Vec<String>,
    /// Edits of the response's fields.
    pub(super) response: Vec<String>,
}

/// What a rule does to a request that its path matched so.
pub(super) fn of(
    rule: &Rule,
    (request, matched): (&Request, PathMatched),
    listener: &Listener,
    compiled: (&Snapshot, &Options, Option<&Denied>),
) -> Effect {
    match &rule.action {
        Action::Redirect { redirect, .. } => redirected(redirect, request, matched, listener),
        Action::Fail { status, why } => answer((*status, Reason::RuleInvalid), request, why),
        Action::Forward { filters, backends } => {
            let whole: u64 = backends.iter().map(|backend| u64::from(backend.weight)).sum();
            if whole == 0 {
                return answer((500, Reason::NoBackend), request, "no backendRef has a share above zero");
            }
            let share = |backend: &WeightedBackend| {
                let outgoing = outgoing(request, matched, [filters, &backend.filters]);
                let percent = f64::from(backend.weight) * 100.0 / whole as f64;
                share(backend, percent, (outgoing, request.is_grpc()), compiled)
            };
            let timeout = rule.timeouts.request.map(|limit| format!("{limit:?}"));
            Effect::Forward { timeout, backends: backends.iter().map(share).collect() }
        }
    }
}

/// Straight to a pod, by the address that was dialled. `None`: none was.
pub(super) fn to_pod(pod: &ObjectName, request: &Request) -> Option<Effect> {
    let address = request.dialled.as_ref()?.address;
    let filters = Filters::default();
    let share = Share {
        percent: 100.0,
        backend: Some(format!("{pod}:{}", address.port())),
        endpoints: vec![address.to_string()],
        fails: None,
        reason: None,
        request: outgoing(request, PathMatched::Whole, [&filters, &filters]),
    };
    Some(Effect::Forward { timeout: None, backends: vec![share] })
}

fn redirected(redirect: &Redirect, request: &Request, matched: PathMatched, listener: &Listener) -> Effect {
    let scheme = match listener.protocol {
        Protocol::Http => Scheme::Http,
        Protocol::Https { .. } => Scheme::Https,
    };
    match redirect.location(&request.view(), matched, (scheme, request.port)) {
        Some(location) => Effect::Redirect {
            status: redirect.status,
            location: String::from_utf8_lossy(location.as_bytes()).into_owned(),
        },
        None => answer((400, Reason::BadRequest), request, "the request makes no Location"),
    }
}

/// What the proxy answers by itself.
pub(super) fn answer((status, reason): (u16, Reason), request: &Request, why: &str) -> Effect {
    Effect::Answer { status, answer: words::answer(status, reason, request.is_grpc()), why: why.to_owned(), reason }
}

fn share(
    backend: &WeightedBackend,
    percent: f64,
    (request, grpc): (Outgoing, bool),
    (snapshot, options, denied): (&Snapshot, &Options, Option<&Denied>),
) -> Share {
    let to =
        |backend: Option<String>, endpoints| Share { percent, backend, endpoints, fails: None, reason: None, request };
    let fails = |share: Share, status, reason, why: &str| {
        let fails = Some(format!("{}: {why}", words::answer(status, reason, grpc)));
        Share { fails, reason: Some(reason), ..share }
    };
    match &backend.target {
        Target::Invalid { why } => fails(to(None, Vec::new()), 500, Reason::BackendInvalid, why),
        Target::Backend(key) => {
            let name = Some(key.to_string());
            if let Some(policy) = denied.and_then(|denied| denied.because_of(Some(&key.service))) {
                let why = words::not_enforced(policy);
                return fails(to(name, Vec::new()), 403, Reason::PolicyNotEnforced, &why);
            }
            if let Some(dns) = dns_name(snapshot, key, options) {
                return to(name, vec![format!("{dns}:{} as it then resolves", key.port)]);
            }
            let endpoints: Vec<_> =
                endpoints(snapshot, key, options).addresses.iter().map(ToString::to_string).collect();
            match endpoints.is_empty() {
                true => fails(to(name, endpoints), 503, Reason::NoEndpoint, "no endpoints"),
                false => to(name, endpoints),
            }
        }
    }
}

/// The filters of a rule and of its backendRef, in this order; of two rewrites the backendRef's counts.
fn outgoing(request: &Request, matched: PathMatched, filters: [&Filters; 2]) -> Outgoing {
    let view = request.view();
    let mut headers = request.headers.clone();
    headers.remove(http::header::HOST);
    for edits in filters.iter().filter_map(|filters| filters.request_headers.as_ref()) {
        edits.apply(&mut headers);
    }
    let rewrites = || filters.iter().rev().filter_map(|filters| filters.rewrite.as_ref());
    let path = rewrites().find(|rewrite| rewrite.path.is_some()).map(|rewrite| rewrite.path(view.path, matched));
    let query = view.query.map(|query| format!("?{query}")).unwrap_or_default();
    Outgoing {
        host: rewrites().find_map(|rewrite| rewrite.hostname.as_deref()).unwrap_or(&request.authority).to_owned(),
        target: path.as_deref().unwrap_or(view.path).to_owned() + &query,
        headers: lines(&headers),
        response: filters.iter().filter_map(|filters| filters.response_headers.as_ref()).flat_map(edits).collect(),
    }
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect()
}

fn edits(edits: &HeaderEdits) -> Vec<String> {
    let pair = |verb: &str, (name, value): &(http::HeaderName, http::HeaderValue)| {
        format!("{verb} {name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let set = edits.set.iter().map(|one| pair("set", one));
    let add = edits.add.iter().map(|one| pair("add", one));
    set.chain(add).chain(edits.remove.iter().map(|name| format!("remove {name}"))).collect()
}
