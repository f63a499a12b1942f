//! How one request ended: what metrics and the access log are told.

use std::time::Duration;

/// Why the proxy itself answered, or why an exchange broke: one short word each, the same in the access log, in the
/// metrics and to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No listener or rule takes the request: 404.
    NoRoute,
}

impl Reason {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
        }
    }
}

/// How one request ended.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Status that the client got; 0 if none was sent.
    pub status: u16,
    /// Set when the proxy answered itself or the exchange broke.
    pub reason: Option<Reason>,
    /// From the request's head to the response's last byte.
    pub duration: Duration,
}
