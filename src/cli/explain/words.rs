//! Matches and what they lost by, in words for people.

use crate::api::{Kind, ObjectRef};
use crate::compile::Predicate;
use crate::table::matches::{LostBy, Match, PathMatch, ValueMatch};
use crate::table::request::RequestView;
use crate::table::rule::Rule;
use crate::telemetry::outcome::Reason;

/// A rule, as its route spells it.
pub(super) fn rule(index: usize, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("spec.rules[{index}] ({name})"),
        None => format!("spec.rules[{index}]"),
    }
}

/// By what a match goes behind the one that was found.
pub(super) fn behind(by: Option<Predicate>, rule: &Rule) -> String {
    let grpc = rule.route.kind == Kind::GrpcRoute;
    let why = match by {
        Some(Predicate::PathType) => "its path is matched less exactly (exact, then expression, then prefix)",
        Some(Predicate::Characters) if grpc => "its gRPC service has fewer characters",
        Some(Predicate::Characters) => "its path has fewer characters",
        Some(Predicate::GrpcMethod) => "its gRPC method has fewer characters",
        Some(Predicate::Method) => "it names no method",
        Some(Predicate::Headers) => "it names fewer headers",
        Some(Predicate::Query) => "it names fewer query parameters",
        Some(Predicate::Age) => "its route is younger",
        Some(Predicate::Name) => "its route is as old, and later by namespace and name",
        Some(Predicate::Kind) => "its route is as old and of the same name, and later by kind",
        Some(Predicate::Rule) => "its rule is later in the route",
        Some(Predicate::Match) => "it is later in the rule",
        None => return "goes behind in precedence".to_owned(),
    };
    format!("goes behind in precedence: {why}")
}

/// What the proxy answers by itself: an HTTP status, or to a gRPC call the status that its client is told.
pub(super) fn answer(status: u16, reason: Reason, grpc: bool) -> String {
    match (grpc, reason.grpc_status()) {
        (false, _) => status.to_string(),
        (true, 12) => "gRPC UNIMPLEMENTED".to_owned(),
        (true, 13) => "gRPC INTERNAL".to_owned(),
        (true, 14) => "gRPC UNAVAILABLE".to_owned(),
        (true, code) => format!("gRPC status {code}"),
    }
}

/// Why a request is answered 403.
pub(super) fn not_enforced(policy: &ObjectRef) -> String {
    format!("{policy} would judge it, and is not enforced")
}

/// All parts of a match.
pub(super) fn matches(matches: &Match) -> String {
    let mut parts = vec![format!("path {}", path(&matches.path))];
    parts.extend(matches.method.iter().map(|method| format!("method {method}")));
    parts.extend(matches.headers.iter().map(|header| format!("header {} {}", header.name, value(&header.value))));
    parts.extend(matches.query.iter().map(|query| format!("query parameter {} {}", query.name, value(&query.value))));
    parts.join(", ")
}

/// What a request lacked for a match.
pub(super) fn lost(matches: &Match, by: LostBy, request: &RequestView<'_>) -> String {
    let has = |value: Option<&str>| value.map_or("none".to_owned(), |value| format!("{value:?}"));
    match by {
        LostBy::Path => format!("path: wanted {}, request has {:?}", path(&matches.path), request.path),
        LostBy::Method => {
            let wanted = matches.method.as_ref().map_or("any", |method| method.as_str());
            format!("method: wanted {wanted}, request has {}", request.method)
        }
        LostBy::Header(i) => matches.headers.get(i).map_or_else(String::new, |header| {
            let there = request.headers.get(&header.name).map(|value| String::from_utf8_lossy(value.as_bytes()));
            format!("header {}: wanted {}, request has {}", header.name, value(&header.value), has(there.as_deref()))
        }),
        LostBy::Query(i) => matches.query.get(i).map_or_else(String::new, |query| {
            let there = query.value_in(request.query.unwrap_or_default());
            let (name, wanted) = (&query.name, value(&query.value));
            format!("query parameter {name}: wanted {wanted}, request has {}", has(there.as_deref()))
        }),
    }
}

fn path(path: &PathMatch) -> String {
    match path {
        PathMatch::Exact(path) => format!("exactly {path:?}"),
        PathMatch::Prefix(prefix) if prefix.is_empty() => "prefix \"/\"".to_owned(),
        PathMatch::Prefix(prefix) => format!("prefix {prefix:?}"),
        PathMatch::Regex(pattern) => format!("by the expression {:?}", pattern.source),
    }
}

fn value(value: &ValueMatch) -> String {
    match value {
        ValueMatch::Exact(value) => format!("exactly {value:?}"),
        ValueMatch::Regex(pattern) => format!("by the expression {:?}", pattern.source),
    }
}
