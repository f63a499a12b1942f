//! ReferenceGrant, as read.

use serde::Deserialize;

/// `ReferenceGrant.spec`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ReferenceGrantSpec {
    /// Who may refer.
    #[serde(default)]
    pub from: Vec<GrantFrom>,
    /// To what, in the grant's own namespace.
    #[serde(default)]
    pub to: Vec<GrantTo>,
}

/// `spec.from[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GrantFrom {
    /// API group, empty for core.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
}

/// `spec.to[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GrantTo {
    /// API group, empty for core.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// `None` and empty: all of the kind.
    pub name: Option<String>,
}
