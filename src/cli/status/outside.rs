//! Pods that are not in the mesh: nothing leads what they send to a waypoint, and nothing is handed over to them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::Facts;
use super::findings::MODE;
use super::report::{Finding, Level, Outside};
use crate::api::{GATEWAY_NAME, Gateway, Kind, ObjectName, ObjectRef, label_value};

/// What a pod says of the mesh.
#[derive(Debug)]
pub(super) struct Pod {
    name: ObjectName,
    labels: BTreeMap<String, String>,
    host_network: bool,
    /// It will send nothing any more.
    ended: bool,
}

impl Pod {
    /// As the API server has it.
    pub(super) fn of(object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
        Self {
            name: ObjectName::new(text("namespace"), text("name")),
            labels: labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            host_network: object["spec"]["hostNetwork"] == true,
            ended: matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed")),
        }
    }

    /// Whether ztunnel leaves it alone: by its own label, or else its namespace's. What is in the node's network always is.
    fn is_outside(&self, facts: &Facts) -> bool {
        let of_namespace = || facts.snapshot.namespace_labels(&self.name.namespace)?.get(MODE);
        self.host_network || self.labels.get(MODE).or_else(of_namespace).is_none_or(|mode| mode != "ambient")
    }
}

/// How many pods of each namespace are outside. Of a namespace that is not known nothing is said.
pub(super) fn outside(facts: &Facts) -> Vec<Outside> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    let known = |pod: &&Pod| facts.snapshot.namespaces.contains_key(&ObjectName::cluster(pod.name.namespace.clone()));
    for pod in facts.pods.iter().filter(known).filter(|pod| !pod.ended && pod.is_outside(facts)) {
        *counted.entry(&pod.name.namespace).or_default() += 1;
    }
    counted.into_iter().map(|(namespace, pods)| Outside { namespace: namespace.to_owned(), pods }).collect()
}

/// A Gateway's own pods that are outside, where their namespace is known.
pub(super) fn of_replicas(facts: &Facts, gateway: &Gateway, findings: &mut Vec<Finding>) {
    let name = &gateway.meta.name;
    if !facts.snapshot.namespaces.contains_key(&ObjectName::cluster(name.namespace.clone())) {
        return;
    }
    let label = label_value(&name.name);
    let own = facts.pods.iter().filter(|pod| pod.name.namespace == name.namespace && !pod.ended);
    let own = own.filter(|pod| pod.labels.get(GATEWAY_NAME) == Some(&label));
    findings.extend(own.filter(|pod| pod.is_outside(facts)).map(|pod| Finding {
        level: Level::Error,
        object: ObjectRef { kind: Kind::Gateway, name: name.clone() }.to_string(),
        what: format!("its pod {} is not in the mesh: ztunnel hands nothing over to it", pod.name.name),
        todo: format!("see that its pods are labelled {MODE}: ambient, and are not in the node's network"),
    }));
}
