//! What is otherwise now than a line of the access log tells that it was.
//!
//! Never here: endings that the configuration has no part in, as what clients and endpoints do.

use std::net::SocketAddr;

use serde::Serialize;

use super::effect::Effect;
use super::find::Explanation;
use super::line::Line;
use crate::telemetry::access_log::LONGEST_PATH;
use crate::telemetry::outcome::Reason;

/// What came of the request then, and what would now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logged {
    /// What the client got.
    pub(super) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grpc_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// What the reason word means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meaning: Option<&'static str>,
    /// What is otherwise now.
    pub(super) differs: Vec<String>,
    /// What the line does not tell, where that may matter.
    pub(super) unknown: Vec<String>,
}

/// What came of a line's request, against what would now.
pub(super) fn compare(line: &Line, now: &Explanation) -> Logged {
    let reason = line.reason.as_deref().and_then(|word| Reason::ALL.iter().find(|reason| reason.as_str() == word));
    let mut unknown = Vec::new();
    if now.asks_for_headers {
        let fields =
            "the request's header fields, but for user-agent: rules ask for some. Give those that it had with -H";
        unknown.push(fields.to_owned());
    }
    if line.path.len() >= LONGEST_PATH {
        unknown.push(format!("the end of the path, beyond {LONGEST_PATH} bytes"));
    }
    Logged {
        status: line.status,
        grpc_status: line.grpc_status,
        reason: line.reason.clone(),
        meaning: reason.map(|reason| reason.meaning()),
        differs: by_rule(line, now).or_else(|| by_ending(line, reason.copied(), now)).into_iter().collect(),
        unknown,
    }
}

fn by_rule(line: &Line, now: &Explanation) -> Option<String> {
    let rule = |route: Option<&str>, rule: Option<&str>| match (route, rule) {
        (Some(route), Some(rule)) => format!("{route}, rule {rule}"),
        _ => "no rule".to_owned(),
    };
    let found = now.rule.as_ref();
    let then = rule(line.route.as_deref(), line.rule.as_deref());
    let is = rule(found.map(|found| found.route.as_str()), found.map(|found| found.label.as_str()));
    (then != is).then(|| format!("it went by {then}; now it would by {is}"))
}

/// What is otherwise by the same rule, or by none.
fn by_ending(line: &Line, reason: Option<Reason>, now: &Explanation) -> Option<String> {
    let configured = reason.filter(|reason| is_configured(*reason));
    let then = match (configured, &line.backend) {
        (Some(reason), _) => format!("it was answered with {}", reason.as_str()),
        (None, Some(backend)) => return by_backend(line, backend, now),
        // A redirect.
        (None, None) if line.reason.is_none() && line.route.is_some() => format!("it was answered {}", line.status),
        (None, None) => return None,
    };
    let is_share = |backend: &Option<String>| line.backend.is_none() || line.backend == *backend;
    let (is_same, is) = match &now.effect {
        Some(Effect::Forward { backends, .. }) => {
            let mut shares = backends.iter().filter(|share| share.percent > 0.0 && is_share(&share.backend));
            let alike = shares.any(|share| configured.is_some() && share.reason == configured);
            (alike, "it would be forwarded".to_owned())
        }
        effect => {
            (now.reason() == configured && answered(effect.as_ref()).is_none_or(|is| is == line.status), told(now))
        }
    };
    (!is_same).then(|| format!("{then}; now {is}"))
}

/// What is otherwise of what went to a backend.
fn by_backend(line: &Line, backend: &String, now: &Explanation) -> Option<String> {
    let Some(Effect::Forward { backends, .. }) = &now.effect else {
        return Some(format!("it went to {backend}; now {}", told(now)));
    };
    let Some(share) = backends.iter().find(|share| share.backend.as_ref() == Some(backend) && share.percent > 0.0)
    else {
        return Some(format!("it went to {backend}, which now has no share of the rule"));
    };
    if let Some(fails) = &share.fails {
        return Some(format!("it went to {backend}; now that would be answered {fails}"));
    }
    // Of a name that is resolved no address is known here.
    let known: Option<Vec<SocketAddr>> = share.endpoints.iter().map(|endpoint| endpoint.parse().ok()).collect();
    let gone = line.endpoint.filter(|endpoint| known.is_some_and(|known| !known.contains(endpoint)));
    gone.map(|endpoint| format!("{endpoint} is now no endpoint of {backend} that takes requests"))
}

/// The status of a redirect, which has no reason word.
fn answered(effect: Option<&Effect>) -> Option<u16> {
    match effect {
        Some(Effect::Redirect { status, .. }) => Some(*status),
        _ => None,
    }
}

/// What would come of the request that goes to no backend.
fn told(now: &Explanation) -> String {
    match (&now.effect, &now.not_found) {
        (Some(Effect::Answer { answer, why, .. }), _) => format!("it would be answered {answer}: {why}"),
        (Some(Effect::Redirect { status, location }), _) => format!("it would be answered {status}, to {location}"),
        (_, Some(why)) => why.clone(),
        _ => "it would be forwarded".to_owned(),
    }
}

/// Whether it is the configuration that has the proxy answer so.
fn is_configured(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NoRoute
            | Reason::Misdirected
            | Reason::PolicyNotEnforced
            | Reason::Loop
            | Reason::RuleInvalid
            | Reason::BackendInvalid
            | Reason::NoBackend
            | Reason::NoEndpoint
    )
}
