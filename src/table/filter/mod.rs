//! Filters: what a rule or a backendRef does to requests and responses. One filter, one file, its whole life.
//!
//! The specification lets each type stand once in a list, so a list becomes one struct and its order does not matter.

pub mod headers;
pub mod redirect;
pub mod rewrite;

pub use headers::{HeadEdit, HeaderEdits};
pub use redirect::Redirect;
pub use rewrite::UrlRewrite;

/// The filters of a rule or of a backendRef, but for a redirect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// RequestHeaderModifier
    pub request_headers: Option<HeaderEdits>,
    /// ResponseHeaderModifier
    pub response_headers: Option<HeaderEdits>,
    /// URLRewrite
    pub rewrite: Option<UrlRewrite>,
}
