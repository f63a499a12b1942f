//! Matches: what a request must be for a rule to take it. One matcher, one file, its whole life.

pub mod header;
pub mod path;
pub mod query;

use http::Method;

pub use header::HeaderMatch;
pub use path::{PathMatch, PathMatched};
pub use query::QueryMatch;

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
