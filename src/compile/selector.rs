//! Label selectors (`LabelSelector` of the Kubernetes API): all requirements hold.

use std::collections::BTreeMap;

use crate::api::{LabelSelector, LabelSelectorRequirement, ObjectName, SelectorOperator};
use crate::snapshot::Snapshot;

/// The label that the API server gives every Namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Whether a selector takes a namespace. One that no manifest describes has its name's label, as every Namespace has.
pub(super) fn takes_namespace(selector: &LabelSelector, namespace: &str, snapshot: &Snapshot) -> bool {
    let object = snapshot.namespaces.get(&ObjectName::cluster(namespace));
    let labels = object.and_then(|object| object.metadata.labels.as_ref());
    takes(selector, |key| match labels.and_then(|labels| labels.get(key)) {
        Some(value) => Some(value.as_str()),
        None => (key == NAME_LABEL).then_some(namespace),
    })
}

/// What of a selector is not understood, by its field; `None`: nothing, and it can be asked.
pub(super) fn flaw(selector: &LabelSelector) -> Option<String> {
    let flaw = |(index, requirement): (usize, &LabelSelectorRequirement)| {
        let what = match (&requirement.operator, requirement.values.is_empty()) {
            (SelectorOperator::Unknown(operator), _) => format!("operator {operator:?} is not supported"),
            (operator @ (SelectorOperator::In | SelectorOperator::NotIn), true) => {
                format!("values: operator {operator} needs some")
            }
            (operator @ (SelectorOperator::Exists | SelectorOperator::DoesNotExist), false) => {
                format!("values: operator {operator} takes none")
            }
            _ => return None,
        };
        Some(format!("matchExpressions[{index}].{what}"))
    };
    selector.match_expressions.iter().enumerate().find_map(flaw)
}

fn takes<'l>(selector: &LabelSelector, label: impl Fn(&str) -> Option<&'l str>) -> bool {
    let equal = |(key, value): (&String, &String)| label(key) == Some(value.as_str());
    let LabelSelector { match_labels, match_expressions } = selector;
    BTreeMap::iter(match_labels).all(equal)
        && match_expressions.iter().all(|requirement| meets(requirement, label(&requirement.key)))
}

fn meets(requirement: &LabelSelectorRequirement, value: Option<&str>) -> bool {
    let listed = |value: &str| requirement.values.iter().any(|one| one == value);
    match &requirement.operator {
        SelectorOperator::In => value.is_some_and(listed),
        SelectorOperator::NotIn => !value.is_some_and(listed),
        SelectorOperator::Exists => value.is_some(),
        SelectorOperator::DoesNotExist => value.is_none(),
        // Nothing is let in by what is not understood.
        SelectorOperator::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets_with(operator: SelectorOperator, values: &[&str], label: Option<&str>) -> bool {
        let values = values.iter().map(|v| (*v).to_owned()).collect();
        let requirement = LabelSelectorRequirement { key: "env".into(), operator, values };
        let selector = LabelSelector { match_labels: BTreeMap::new(), match_expressions: vec![requirement] };
        takes(&selector, |key| label.filter(|_| key == "env"))
    }

    #[test]
    fn operators_are_those_of_kubernetes() {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn, Unknown};
        assert!(meets_with(In, &["a", "b"], Some("b")) && !meets_with(In, &["a"], None));
        assert!(meets_with(NotIn, &["a"], None) && !meets_with(NotIn, &["a"], Some("a")));
        assert!(meets_with(Exists, &[], Some("")) && !meets_with(Exists, &[], None));
        assert!(meets_with(DoesNotExist, &[], None) && !meets_with(DoesNotExist, &[], Some("a")));
        assert!(!meets_with(Unknown("Like".into()), &["a"], Some("a")));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        use SelectorOperator::{DoesNotExist, Exists, In, NotIn, Unknown};
        let flaw = |operator, values: &[&str]| {
            let values = values.iter().map(|v| (*v).to_owned()).collect();
            let requirement = LabelSelectorRequirement { key: "env".into(), operator, values };
            flaw(&LabelSelector { match_labels: BTreeMap::new(), match_expressions: vec![requirement] })
        };
        for (operator, values) in [(In, &["a"][..]), (NotIn, &["a"]), (Exists, &[]), (DoesNotExist, &[])] {
            assert_eq!(flaw(operator, values), None);
        }
        let like = flaw(Unknown("Like".into()), &["a"]);
        assert_eq!(like.as_deref(), Some("matchExpressions[0].operator \"Like\" is not supported"));
        for (operator, values) in [(In, &[][..]), (NotIn, &[]), (Exists, &["a"]), (DoesNotExist, &["a"])] {
            assert!(flaw(operator.clone(), values).is_some(), "{operator}");
        }
    }

    #[test]
    fn an_empty_selector_takes_all() {
        assert!(takes(&LabelSelector::default(), |_| None));
    }
}
