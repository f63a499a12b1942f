//! Sources: where objects come from, and how what is wrong with them is told.
//!
//! A source sends what changed, and the complete list of what is wrong at that moment. What is wrong changes nothing
//! that serves: the objects that were there before stay.
//!
//! Never here: verdicts about an object, tables, sockets.

pub mod kubernetes;
pub mod manifests;
pub mod names;
mod problem;

pub use problem::{Origin, Problem, ProblemKind};

use crate::snapshot::{Change, Scope};

/// What a source has to tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceEvent {
    /// Objects that came, changed or went, since the last event.
    pub changes: Vec<Change>,
    /// All that is wrong now, sorted; what is mended is no longer in it.
    pub problems: Vec<Problem>,
    /// A scope of which everything has been told with this event; `None`: none has become whole with it, or the source has
    /// no scope and tells everything at once.
    pub scope: Option<Scope>,
}
