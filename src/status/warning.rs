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
    /// A policy of Istio's that is not enforced.
    PolicyNotEnforced,
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
            Self::PolicyNotEnforced => "PolicyNotEnforced",
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
        let space = if self.field.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}: {}: {}", self.object, self.field, self.kind.as_str(), self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, ObjectName};

    #[test]
    fn a_warning_names_its_object_and_the_field_where_there_is_one() {
        let object = ObjectRef { kind: Kind::Service, name: ObjectName::new("shop", "cart") };
        let whole =
            Warning { object, kind: WarningKind::NoEndpoints, field: String::new(), message: "none".to_owned() };
        assert_eq!(whole.to_string(), "Service shop/cart: NoEndpoints: none");
        let field = Warning { field: "spec.type".to_owned(), ..whole };
        assert_eq!(field.to_string(), "Service shop/cart spec.type: NoEndpoints: none");
    }
}
