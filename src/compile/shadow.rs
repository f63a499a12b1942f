//! Shadowed rules: rules all of whose matches are another rule's as well, which goes first.
//!
//! A match that goes first and takes all that another takes is equal to it, but for what regular expressions may hide:
//! precedence puts the more specific first. So equal matches of one host are looked for, and no others.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::table::matches::{Match, PathMatch, ValueMatch};

/// Equal for matches that take the same requests, in whatever order they name their parts.
pub(super) fn fingerprint(matches: &Match) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &matches.path {
        PathMatch::Exact(path) => (0u8, &**path).hash(&mut hasher),
        PathMatch::Prefix(path) => (1u8, &**path).hash(&mut hasher),
        PathMatch::Regex(pattern) => (2u8, &*pattern.source).hash(&mut hasher),
    }
    matches.method.hash(&mut hasher);
    let mut headers: Vec<_> = matches.headers.iter().map(|one| (one.name.as_str(), value(&one.value))).collect();
    headers.sort_unstable();
    headers.hash(&mut hasher);
    let mut query: Vec<_> = matches.query.iter().map(|one| (&*one.name, value(&one.value))).collect();
    query.sort_unstable();
    query.hash(&mut hasher);
    hasher.finish()
}

fn value(matches: &ValueMatch) -> (u8, &str) {
    match matches {
        ValueMatch::Exact(value) => (0, value),
        ValueMatch::Regex(pattern) => (1, &pattern.source),
    }
}

/// Whether two matches take the same requests.
pub(super) fn same(a: &Match, b: &Match) -> bool {
    a.path == b.path
        && a.method == b.method
        && a.headers.len() == b.headers.len()
        && a.query.len() == b.query.len()
        && a.headers.iter().all(|one| b.headers.contains(one))
        && a.query.iter().all(|one| b.query.contains(one))
}
