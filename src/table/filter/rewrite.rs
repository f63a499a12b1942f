//! URLRewrite: another host or path towards the backend.

use std::sync::Arc;

/// A rewrite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlRewrite {
    /// Host towards the backend.
    pub hostname: Option<Arc<str>>,
    /// Path towards the backend.
    pub path: Option<PathModifier>,
}

/// Another path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathModifier {
    /// The whole path.
    ReplaceFull(Arc<str>),
    /// What stands for the matched prefix.
    ReplacePrefix(Arc<str>),
}
