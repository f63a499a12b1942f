//! Path matches: Exact, PathPrefix by elements, RegularExpression.

use std::sync::Arc;

use super::header::Pattern;

/// A path match.
#[derive(Clone, Debug, PartialEq)]
pub enum PathMatch {
    /// The whole path, to the letter.
    Exact(Arc<str>),
    /// By elements: `/a` takes `/a`, `/a/` and `/a/b`, not `/ab`. Kept without trailing slash; `/` is empty.
    Prefix(Arc<str>),
    /// The whole path, by a regular expression.
    Regex(Pattern),
}

/// How a path matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMatched {
    /// By this many bytes of prefix (without trailing slash).
    Prefix(usize),
    /// As a whole.
    Whole,
}
