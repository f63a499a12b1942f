//! Hostnames of listeners and routes: exact, wildcard or any (Gateway API, `Hostname`).

use std::fmt;
use std::sync::Arc;

/// Which hosts a listener or route means. Orders most specific first only through [`HostPattern::specificity`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// One name, lower case.
    Exact(Arc<str>),
    /// `*.` and this suffix (lower case, without the leading dot): one label or more before it, never the suffix itself.
    Wildcard(Arc<str>),
    /// Every host.
    Any,
}

/// Why a text is no hostname.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hostname: DNS labels, optionally `*.` in front, no port and no IP address")]
pub struct InvalidHostname(pub String);

impl HostPattern {
    /// Reads a hostname as listeners and routes spell it; empty is [`HostPattern::Any`].
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        let invalid = || InvalidHostname(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let (name, wildcard) = match lower.strip_prefix("*.") {
            Some(suffix) => (suffix, true),
            None => (lower.as_str(), false),
        };
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label) || name.parse::<std::net::IpAddr>().is_ok() {
            return Err(invalid());
        }
        Ok(if wildcard { Self::Wildcard(name.into()) } else { Self::Exact(name.into()) })
    }

    /// Whether a request's host (lower case, without port) is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *host,
            Self::Wildcard(suffix) => {
                host.len() > suffix.len() + 1
                    && host.ends_with(&**suffix)
                    && host.as_bytes()[host.len() - suffix.len() - 1] == b'.'
            }
            Self::Any => true,
        }
    }

    /// Whether some host meets both.
    pub fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Exact(a), b) => b.matches(a),
            (a, Self::Exact(b)) => a.matches(b),
            (Self::Wildcard(a), Self::Wildcard(b)) => {
                a == b || Self::Wildcard(a.clone()).matches(b) || Self::Wildcard(b.clone()).matches(a)
            }
        }
    }

    /// Sorts most specific first when compared in reverse: exact before wildcard before any, longer before shorter
    /// (HTTPRoute `spec.hostnames`: characters in a matching non-wildcard hostname, then in a matching hostname).
    pub fn specificity(&self) -> (u8, usize) {
        match self {
            Self::Exact(name) => (2, name.len()),
            Self::Wildcard(suffix) => (1, suffix.len()),
            Self::Any => (0, 0),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}
