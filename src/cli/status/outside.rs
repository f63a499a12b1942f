//! Pods that are not in the mesh: nothing leads what they send to a waypoint.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::pod::Pod;
use super::report::Outside;
use crate::api::ObjectName;

/// How many pods of each namespace are outside. Of a namespace that is not known nothing is said.
pub(super) fn outside(facts: &Facts) -> Vec<Outside> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    let known = |pod: &&Pod| facts.snapshot.namespaces.contains_key(&ObjectName::cluster(pod.name.namespace.clone()));
    for pod in facts.pods.iter().filter(known).filter(|pod| !pod.ended && pod.is_outside(facts)) {
        *counted.entry(&pod.name.namespace).or_default() += 1;
    }
    counted.into_iter().map(|(namespace, pods)| Outside { namespace: namespace.to_owned(), pods }).collect()
}
