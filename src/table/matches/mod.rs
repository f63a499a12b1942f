//! Matches: what a request must be for a rule to take it. One matcher, one file, its whole life.

pub mod grpc;
pub mod header;
pub mod path;
pub mod pattern;
pub mod query;
pub mod value;

use http::Method;

pub use header::HeaderMatch;
pub use path::{PathMatch, PathMatched};
pub use pattern::{InvalidPattern, Pattern, Patterns};
pub use query::QueryMatch;
pub use value::ValueMatch;

use super::request::RequestView;
use crate::api;
use crate::status::Reason;

/// One match of a rule: all parts hold. Field order is the specification's order of precedence (HTTPRouteRule.matches).
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Path, or service and method of a gRPC call.
    pub path: PathMatch,
    /// Method.
    pub method: Option<Method>,
    /// Header fields.
    pub headers: Vec<HeaderMatch>,
    /// Query parameters.
    pub query: Vec<QueryMatch>,
}

/// The part of a match that a request did not meet; indexes into the match's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostBy {
    /// The path.
    Path,
    /// The method.
    Method,
    /// `headers[i]`
    Header(usize),
    /// `query[i]`
    Query(usize),
}

/// Why a match cannot be served: names the field, relative to the match, and its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMatch {
    /// A `type` that this version does not know.
    #[error("{field} {value:?} is not supported")]
    Type {
        /// The field, like `headers[1].type`.
        field: String,
        /// What it says.
        value: String,
    },
    /// A name or value that cannot be met.
    #[error("{field} {value:?} {why}")]
    Value {
        /// The field.
        field: String,
        /// What it says.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A regular expression that is refused.
    #[error("{field} {value:?} {why}")]
    Pattern {
        /// The field.
        field: String,
        /// The expression.
        value: String,
        /// What is wrong with it.
        why: InvalidPattern,
    },
}

impl InvalidMatch {
    /// The reason of the route's condition Accepted.
    pub fn reason(&self) -> Reason {
        Reason::UnsupportedValue
    }
}

/// A field of a list's element.
fn at(list: &str, index: usize, field: &str) -> String {
    format!("{list}[{index}].{field}")
}

impl Match {
    /// The match of a rule that names none: every request.
    pub fn any() -> Self {
        Self { path: PathMatch::Prefix("".into()), method: None, headers: Vec::new(), query: Vec::new() }
    }

    /// From `HTTPRoute.spec.rules[].matches[]`.
    pub fn compile_http(spec: &api::HttpMatch, patterns: &mut Patterns) -> Result<Self, InvalidMatch> {
        Ok(Self {
            path: PathMatch::compile(spec.path.as_ref(), patterns)?,
            method: spec.method.as_deref().map(method).transpose()?,
            headers: HeaderMatch::compile(&spec.headers, patterns)?,
            query: QueryMatch::compile(&spec.query_params, patterns)?,
        })
    }

    /// From `GRPCRoute.spec.rules[].matches[]`: service and method become a path (`/service/method`).
    pub fn compile_grpc(spec: &api::GrpcMatch, patterns: &mut Patterns) -> Result<Self, InvalidMatch> {
        Ok(Self {
            path: grpc::path(spec.method.as_ref(), patterns)?,
            method: None,
            headers: HeaderMatch::compile(&spec.headers, patterns)?,
            query: Vec::new(),
        })
    }

    /// How a request's path meets the match, or the first part that the request does not meet.
    pub fn check(&self, request: &RequestView<'_>) -> Result<PathMatched, LostBy> {
        let matched = self.path.matches(request.path).ok_or(LostBy::Path)?;
        self.check_rest(request).map(|()| matched)
    }

    /// The parts behind the path.
    pub(super) fn check_rest(&self, request: &RequestView<'_>) -> Result<(), LostBy> {
        if self.method.as_ref().is_some_and(|method| method != request.method) {
            return Err(LostBy::Method);
        }
        if let Some(i) = self.headers.iter().position(|header| !header.matches(request.headers)) {
            return Err(LostBy::Header(i));
        }
        let query = request.query.unwrap_or_default();
        match self.query.iter().position(|parameter| !parameter.matches(query)) {
            Some(i) => Err(LostBy::Query(i)),
            None => Ok(()),
        }
    }
}

/// The methods that a match may name (HTTPMethod); their case counts (RFC 9110, 9.1).
fn method(name: &str) -> Result<Method, InvalidMatch> {
    match name {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => {
            Method::from_bytes(name.as_bytes()).ok()
        }
        _ => None,
    }
    .ok_or_else(|| InvalidMatch::Value { field: "method".into(), value: name.into(), why: "is not supported" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_without_parts_takes_everything() {
        let compiled = Match::compile_http(&api::HttpMatch::default(), &mut Patterns::default()).unwrap();
        assert_eq!(compiled, Match::any());
        let compiled = Match::compile_grpc(&api::GrpcMatch::default(), &mut Patterns::default()).unwrap();
        assert_eq!(compiled, Match::any());
    }

    #[test]
    fn a_method_that_the_api_does_not_name_is_refused() {
        let spec = api::HttpMatch { method: Some("get".into()), ..Default::default() };
        let error = Match::compile_http(&spec, &mut Patterns::default()).unwrap_err();
        assert_eq!(error.to_string(), r#"method "get" is not supported"#);
        assert_eq!(error.reason(), Reason::UnsupportedValue);
    }
}
