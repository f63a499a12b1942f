//! RequestHeaderModifier and ResponseHeaderModifier.

use http::{HeaderName, HeaderValue};

/// A message head whose fields can be edited: an `http::HeaderMap`, or whatever the engine keeps.
pub trait HeadEdit {
    /// Puts one field in the place of all of that name.
    fn set(&mut self, name: &HeaderName, value: &HeaderValue);
    /// Adds to the field of that name, joined by `,` where one is there.
    fn add(&mut self, name: &HeaderName, value: &HeaderValue);
    /// Takes all fields of that name out.
    fn remove(&mut self, name: &HeaderName);
}

/// Edits of a message's header fields, applied in this order: set, add, remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    /// Replaces.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Adds.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// Takes out.
    pub remove: Vec<HeaderName>,
}
