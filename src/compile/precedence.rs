//! Precedence: which match goes first among all that a host has (HTTPRouteRule.matches, GRPCRouteRule.matches).

use std::cmp::Ordering;

use crate::api::{GrpcMethodMatch, GrpcMethodMatchType};
use crate::table::matches::{Match, PathMatch};

/// How specific a match is: the larger goes first. Field order is the specification's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Specificity {
    path: PathRank,
    /// Characters of the path, or of a gRPC service.
    characters: usize,
    /// Characters of a gRPC method. HTTP matches have none.
    grpc_method: usize,
    method: bool,
    headers: usize,
    query: usize,
}

/// How a path is compared; the specification leaves the place of regular expressions to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathRank {
    Prefix,
    Regex,
    Exact,
}

impl Specificity {
    /// Of an HTTPRoute's match.
    pub(super) fn http(matches: &Match) -> Self {
        let (path, characters) = match &matches.path {
            PathMatch::Exact(path) => (PathRank::Exact, path.chars().count()),
            PathMatch::Regex(pattern) => (PathRank::Regex, pattern.source.chars().count()),
            PathMatch::Prefix(path) => (PathRank::Prefix, path.chars().count()),
        };
        Self {
            path,
            characters,
            grpc_method: 0,
            method: matches.method.is_some(),
            headers: matches.headers.len(),
            query: matches.query.len(),
        }
    }

    /// Of a GRPCRoute's match: characters of the service, then of the method, then header matches. A method without a
    /// service is behind every service and before the match of all calls, whatever path it becomes.
    pub(super) fn grpc(matches: &Match, spec: Option<&GrpcMethodMatch>) -> Self {
        let count = |text: Option<&String>| text.map_or(0, |text| text.chars().count());
        let service = count(spec.and_then(|spec| spec.service.as_ref()));
        let grpc_method = count(spec.and_then(|spec| spec.method.as_ref()));
        let regex = spec.is_some_and(|spec| spec.kind == Some(GrpcMethodMatchType::RegularExpression));
        let path = match (&matches.path, service) {
            (PathMatch::Exact(_), _) => PathRank::Exact,
            (PathMatch::Regex(_), _) if regex => PathRank::Regex,
            _ => PathRank::Prefix,
        };
        // The slash counts, as it does in an HTTPRoute's path; without a service there is no more than it.
        let characters = if service + grpc_method == 0 { 0 } else { service + 1 };
        Self { characters, grpc_method, path, ..Self::http(matches) }
    }

    /// Most specific first.
    pub(super) fn before(&self, other: &Self) -> Ordering {
        other.cmp(self)
    }
}
