//! What a Gateway refuses because of Istio's policies that it does not enforce.

use std::collections::BTreeMap;

use crate::api::{ObjectName, ObjectRef};

/// What is refused: what an AuthorizationPolicy or the like would judge. Never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// Everything, because of this policy.
    pub all: Option<ObjectRef>,
    /// What is sent to these Services, dialled or by a route, each because of this policy.
    pub services: BTreeMap<ObjectName, ObjectRef>,
}

impl Denied {
    /// Because of which policy what is sent to a Service is refused, or, where none is named, what is sent to whomever; `None`: it
    /// is not.
    pub fn because_of(&self, service: Option<&ObjectName>) -> Option<&ObjectRef> {
        self.all.as_ref().or_else(|| self.services.get(service?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, PolicyKind};

    #[test]
    fn a_policy_of_the_gateway_is_for_all_and_one_of_a_service_for_that_service() {
        let policy = |name: &str| ObjectRef {
            kind: Kind::Policy(PolicyKind::AuthorizationPolicy),
            name: ObjectName::new("shop", name),
        };
        let (cart, stock) = (ObjectName::new("shop", "cart"), ObjectName::new("shop", "stock"));
        let one = Denied { all: None, services: [(cart.clone(), policy("cart"))].into() };
        assert_eq!(one.because_of(Some(&cart)), Some(&policy("cart")));
        assert_eq!((one.because_of(Some(&stock)), one.because_of(None)), (None, None));
        let all = Denied { all: Some(policy("all")), ..one };
        assert_eq!((all.because_of(Some(&stock)), all.because_of(None)), (Some(&policy("all")), Some(&policy("all"))));
    }
}
