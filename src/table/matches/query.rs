//! Query parameter matches: the first parameter of a name counts.

use std::sync::Arc;

use super::header::ValueMatch;

/// One query parameter match.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryMatch {
    /// Name, to the letter, decoded.
    pub name: Arc<str>,
    /// Value, compared with the decoded value.
    pub value: ValueMatch,
}
