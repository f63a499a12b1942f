//! Why a rule is dropped, so that its route is only partially valid.

use crate::compile::verdict::Refusal;
use crate::status::Reason;
use crate::table::matches::{InvalidMatch, InvalidPattern};

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
