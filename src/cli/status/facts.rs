//! Facts of a cluster: objects as the API server has them, by kind, and what could not be read. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pod::Pod;
use crate::api::decode::{Decoded, decode};
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::snapshot::{Change, Snapshot};

/// The kind of pods.
pub(super) const PODS: &str = "Pod";
/// The kind of what replicas report in.
pub(super) const REPORTS: &str = "ConfigMap";

/// What is known of a cluster.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What compile reads.
    pub(super) snapshot: Snapshot,
    /// Statuses of Gateways, Services and ServiceEntries, as they are.
    statuses: BTreeMap<ObjectRef, Value>,
    /// `data` of the ConfigMaps that replicas report in, by name.
    pub(super) reports: BTreeMap<ObjectName, BTreeMap<String, String>>,
    /// All pods.
    pub(super) pods: Vec<Pod>,
    /// The kinds that are known to have been listed, of pods and reports: a dump need not have them.
    pub(super) listed: BTreeSet<&'static str>,
    /// Objects that are not good, and kinds that could not be listed, each with why.
    pub(super) unread: Vec<String>,
}

impl Facts {
    /// Takes in an object, of whichever kind.
    pub(super) fn take(&mut self, mut object: Value) {
        if object["kind"] == "List" || object["items"].is_array() {
            let items = object["items"].as_array().cloned().unwrap_or_default();
            return items.into_iter().for_each(|item| self.take(item));
        }
        if object["kind"] == REPORTS {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let name = ObjectName::new(text("namespace"), text("name"));
            let data = object["data"].as_object().into_iter().flatten();
            let data = data.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
            self.reports.insert(name, data.collect());
            self.listed.insert(REPORTS);
            return;
        }
        if object["kind"] == PODS {
            self.listed.insert(PODS);
            return self.pods.push(Pod::of(&object));
        }
        let status = object["status"].clone();
        // Whatever is odd in it is no reason to pass over the object. A ServiceEntry has its addresses there.
        if object["kind"] == "Service" {
            object["status"].take();
        }
        match decode(object) {
            Ok(Decoded::Item(item)) => {
                let about = item.reference();
                if matches!(about.kind, Kind::Gateway | Kind::Service | Kind::ServiceEntry) {
                    self.statuses.insert(about, status);
                }
                self.snapshot.apply([Change::Put(item)]);
            }
            Ok(_) => {}
            Err(error) => self.unread.push(error.to_string()),
        }
    }

    /// Whether a kind could be listed, and all of its objects read.
    pub(super) fn sees(&self, kind: &str) -> bool {
        !self.unread.iter().any(|unread| unread.split([':', ' ']).next() == Some(kind))
    }

    /// Whether all pods are among the facts.
    pub(super) fn sees_pods(&self) -> bool {
        self.sees(PODS) && self.listed.contains(PODS)
    }

    /// Whether all reports of replicas are among the facts.
    pub(super) fn sees_reports(&self) -> bool {
        self.sees(REPORTS) && self.listed.contains(REPORTS)
    }

    /// A condition of an object: its status, reason and message. `None`: there is none.
    pub(super) fn condition(&self, object: &ObjectRef, kind: &str) -> Option<[&str; 3]> {
        let conditions = self.statuses.get(object)?["conditions"].as_array()?;
        let found = conditions.iter().find(|condition| condition["type"] == kind)?;
        Some(["status", "reason", "message"].map(|field| found[field].as_str().unwrap_or_default()))
    }

    /// `status.addresses` of a Gateway, as they are written.
    pub(super) fn addresses(&self, gateway: &ObjectRef) -> Vec<String> {
        let addresses = self.statuses.get(gateway).and_then(|status| status["addresses"].as_array());
        addresses.into_iter().flatten().filter_map(|at| Some(at["value"].as_str()?.to_owned())).collect()
    }
}
