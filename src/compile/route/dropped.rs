//! Why a rule is dropped, so that its route is only partially valid.

use super::spec::{Matches, Spec};
use crate::compile::verdict::Refusal;
use crate::status::Reason;
use crate::table::matches::{InvalidMatch, InvalidPattern, Match, Patterns};

/// Why a rule is dropped.
#[derive(Debug)]
pub(super) struct Dropped {
    pub(super) refusal: Refusal,
    /// Whether others' regular expressions had a part in it.
    pub(super) starved: bool,
}

impl Dropped {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { refusal: Refusal::new(reason, message), starved: false }
    }

    /// For something that is not served.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Reason::UnsupportedValue, message)
    }

    /// For a match that cannot be served.
    pub(super) fn by_match(index: usize, error: &InvalidMatch) -> Self {
        let starved = matches!(error, InvalidMatch::Pattern { why: InvalidPattern::TooMany, .. });
        Self { starved, ..Self::new(error.reason(), format!("matches[{index}].{error}")) }
    }
}

/// The matches of a rule, whatever else is wrong with it; `None`: one that cannot be read.
pub(in crate::compile) fn readable(spec: &Spec<'_>) -> Vec<Option<Match>> {
    let mut patterns = Patterns::default();
    let matches: Vec<_> = match spec.matches {
        Matches::Http(matches) => matches.iter().map(|one| Match::compile_http(one, &mut patterns).ok()).collect(),
        Matches::Grpc(matches) => matches.iter().map(|one| Match::compile_grpc(one, &mut patterns).ok()).collect(),
        Matches::All => Vec::new(),
    };
    if matches.is_empty() { vec![Some(Match::any())] } else { matches }
}
