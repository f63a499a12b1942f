//! A pod, as far as it says something of the mesh, or is a waypoint's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::facts::Facts;
use super::findings::MODE;
use crate::api::decode::{Decoded, decode};
use crate::api::{self, Item, ObjectName};

/// A pod.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) name: ObjectName,
    pub(super) labels: BTreeMap<String, String>,
    /// Its addresses are its node's.
    pub(super) host_network: bool,
    /// What decides whether it is enrolled; `None`: it can't be read.
    pub(super) read: Option<Arc<api::Pod>>,
    /// It serves and sends nothing any more.
    pub(super) ended: bool,
    /// It says that it can serve, and is not about to end.
    pub(super) ready: bool,
    /// Why it is not ready; `None`: it is, is about to end, or nothing is known of it.
    pub(super) unready: Option<String>,
}

impl Pod {
    /// As the API server has it.
    pub(super) fn of(object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
        let stays = text("deletionTimestamp").is_empty();
        Self {
            name: ObjectName::new(text("namespace"), text("name")),
            labels: labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            read: match decode(object.clone()) {
                Ok(Decoded::Item(Item::Pod(pod))) => Some(pod),
                _ => None,
            },
            host_network: object["spec"]["hostNetwork"] == true,
            ended: matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed")),
            ready: stays && is_ready(object),
            unready: unready(object).filter(|_| stays),
        }
    }

    /// Whether ztunnel leaves it alone: by its own label, or else its namespace's. What is in the node's network always is.
    pub(super) fn is_outside(&self, facts: &Facts) -> bool {
        let of_namespace = || facts.snapshot.namespace_labels(&self.name.namespace)?.get(MODE);
        self.host_network || self.labels.get(MODE).or_else(of_namespace).is_none_or(|mode| mode != "ambient")
    }
}

fn conditions(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["status"]["conditions"].as_array().into_iter().flatten()
}

fn is_ready(pod: &Value) -> bool {
    conditions(pod).any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// What a container waits for, or else what the pod's own conditions say.
fn unready(pod: &Value) -> Option<String> {
    if is_ready(pod) {
        return None;
    }
    let status = &pod["status"];
    let containers = ["initContainerStatuses", "containerStatuses"].map(|field| status[field].as_array());
    let waiting = containers.into_iter().flatten().flatten().map(|container| &container["state"]["waiting"]);
    let unscheduled = conditions(pod).filter(|condition| condition["type"] == "PodScheduled");
    let unready = conditions(pod).filter(|condition| condition["type"] == "Ready");
    let not = unscheduled.chain(unready).filter(|condition| condition["status"] == "False");
    waiting.chain(not).find_map(|said| {
        let word = |field: &str| said[field].as_str().filter(|word| !word.is_empty());
        let reason = word("reason")?;
        Some(word("message").map_or(reason.to_owned(), |message| format!("{reason}: {message}")))
    })
}
