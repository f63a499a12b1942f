//! Precedence: which match goes first among all that a host has (HTTPRouteRule.matches, GRPCRouteRule.matches).

use std::cmp::Ordering;

use crate::api::{GrpcMethodMatch, GrpcMethodMatchType};
use crate::table::matches::{Match, PathMatch};

/// What decides which of two matches goes first, in the specification's order (HTTPRouteRule.matches,
/// GRPCRouteRule.matches): the first by which they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// How the path is compared: exactly, by an expression, by prefix.
    PathType,
    /// Characters of the path, or of a gRPC service.
    Characters,
    /// Characters of a gRPC method.
    GrpcMethod,
    /// Whether it names a method.
    Method,
    /// How many headers it names.
    Headers,
    /// How many query parameters it names.
    Query,
    /// The age of its route.
    Age,
    /// The namespace and name of its route.
    Name,
    /// The kind of its route, where both have one name.
    Kind,
    /// The place of its rule in the route.
    Rule,
    /// Its place in the rule.
    Match,
}

/// The first predicate by which two matches differ, and the order that it gives them.
pub(super) type Difference = (Predicate, Ordering);

/// A difference, unless both are equal by it.
pub(super) fn differ(by: Predicate, order: Ordering) -> Option<Difference> {
    order.is_ne().then_some((by, order))
}

/// How specific a match is: the larger goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub(super) fn difference(&self, other: &Self) -> Option<Difference> {
        differ(Predicate::PathType, other.path.cmp(&self.path))
            .or_else(|| differ(Predicate::Characters, other.characters.cmp(&self.characters)))
            .or_else(|| differ(Predicate::GrpcMethod, other.grpc_method.cmp(&self.grpc_method)))
            .or_else(|| differ(Predicate::Method, other.method.cmp(&self.method)))
            .or_else(|| differ(Predicate::Headers, other.headers.cmp(&self.headers)))
            .or_else(|| differ(Predicate::Query, other.query.cmp(&self.query)))
    }
}
