//! RequestRedirect: an answer that sends the client elsewhere.

use std::sync::Arc;

use super::rewrite::PathModifier;

/// A redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `http` or `https`. `None`: the request's.
    pub scheme: Option<Scheme>,
    /// `None`: the request's.
    pub hostname: Option<Arc<str>>,
    /// `None`: the request's.
    pub path: Option<PathModifier>,
    /// `None`: by the port rules of the specification.
    pub port: Option<u16>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// A scheme that a redirect can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`, port 80 by default.
    Http,
    /// `https`, port 443 by default.
    Https,
}
