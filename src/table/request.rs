//! A request as lookup sees it.

use http::{HeaderMap, Method};

/// What lookup reads of a request: borrowed, normalised.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// Host, lower case, without port and trailing dot.
    pub host: &'a str,
    /// Path in normal form, without the query; begins with `/` (or is `*` for `OPTIONS *`).
    pub path: &'a str,
    /// Query without the question mark.
    pub query: Option<&'a str>,
    /// Method.
    pub method: &'a Method,
    /// Header fields.
    pub headers: &'a HeaderMap,
}
