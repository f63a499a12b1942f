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

use std::sync::Arc;

use serde_json::Value;

use crate::api::ObjectRef;
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
    /// What the API server has now of objects whose status is written; one that went is among the changes. Only for who sees
    /// all Gateways: the controller.
    pub live: Vec<Live>,
}

/// What who writes an object's status needs to know of it, beside the object.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The object.
    pub object: ObjectRef,
    /// The version of its kind that the API server served it in.
    pub version: &'static str,
    /// `metadata.uid`, by which it is told from one that had its name before.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`: what was read, for a write that must not undo another's.
    pub resource_version: String,
    /// `status` as it is; null where there is none.
    pub status: Value,
}
