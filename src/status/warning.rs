//! Warnings: what is legal and surely not meant.

use std::fmt;

use crate::api::ObjectRef;

/// What is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WarningKind {
    /// A route that no listener's hostname meets.
    NoListenerHostname,
    /// A rule that an earlier one always shadows.
    ShadowedRule,
    /// A Service with no endpoints.
    NoEndpoints,
    /// A field that this version does not serve.
    NotSupported,
    /// An endpoint that is never dialled.
    EndpointNotDialled,
    /// An object that a replica could not read, or not make a table of, so that it serves what was before.
    NotRead,
    /// An ExternalName whose addresses are not known, or are those of an earlier time.
    NameNotResolved,
}

impl WarningKind {
    /// One word, as `check` prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoListenerHostname => "NoListenerHostname",
            Self::ShadowedRule => "ShadowedRule",
            Self::NoEndpoints => "NoEndpoints",
            Self::NotSupported => "NotSupported",
            Self::EndpointNotDialled => "EndpointNotDialled",
            Self::NotRead => "NotRead",
            Self::NameNotResolved => "NameNotResolved",
        }
    }
}

/// One warning: object, field and reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The object that it is about.
    pub object: ObjectRef,
    /// What is odd.
    pub kind: WarningKind,
    /// The field, like `spec.rules[1]`; empty for the object as a whole.
    pub field: String,
    /// Why, for people.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}: {}", self.object, self.field, self.kind.as_str(), self.message)
    }
}
