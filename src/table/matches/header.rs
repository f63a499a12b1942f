//! Header matches, and the pattern that all regular expressions share.

use std::sync::Arc;

use http::HeaderName;

/// A regular expression that takes whole values. Equal sources are one compiled expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As written.
    pub source: Arc<str>,
    /// Anchored at both ends.
    pub regex: Arc<regex::Regex>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// How a value is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueMatch {
    /// To the letter.
    Exact(Arc<str>),
    /// As a whole, by a regular expression.
    Regex(Pattern),
}

/// One header match: the first field of that name counts (GEP: HTTPRouteMatch.headers).
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderMatch {
    /// Field name.
    pub name: HeaderName,
    /// Value.
    pub value: ValueMatch,
}
