//! What the `workloadSelector` of a ServiceEntry selects: WorkloadEntries and pods of its own namespace, by their labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Objects, Snapshot};
use crate::api::{EntryEndpoint, ObjectName, Pod, ServiceEntry, WorkloadEntry};

/// Whether it selects anything.
pub fn selects(entry: &ServiceEntry) -> bool {
    selector(entry).is_some()
}

fn selector(entry: &ServiceEntry) -> Option<&BTreeMap<String, String>> {
    entry.spec.workload_selector.as_ref().filter(|_| entry.spec.resolution == "STATIC")
}

/// The WorkloadEntries that it selects.
pub(super) fn workloads<'s>(
    entry: &'s ServiceEntry,
    workloads: &'s Objects<WorkloadEntry>,
) -> impl Iterator<Item = &'s EntryEndpoint> + 's {
    let has = |workload: &EntryEndpoint, selector: &BTreeMap<String, String>| {
        selector.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
    };
    let within = selector(entry).map(|selector| (selector, within(&entry.meta.name.namespace, workloads)));
    within.into_iter().flat_map(move |(selector, within)| {
        within.map(|workload| &workload.spec).filter(move |workload| has(workload, selector))
    })
}

/// The pods that it selects and that are ready.
pub(super) fn pods<'s>(entry: &'s ServiceEntry, pods: &'s Objects<Pod>) -> impl Iterator<Item = &'s Arc<Pod>> + 's {
    let within = selector(entry).map(|_| within(&entry.meta.name.namespace, pods));
    within.into_iter().flatten().filter(|pod| takes(entry, pod))
}

fn takes(entry: &ServiceEntry, pod: &Pod) -> bool {
    pod.ready && selector(entry).is_some_and(|selector| pod.label_set.has_all(selector))
}

fn within<'s, T>(namespace: &'s Arc<str>, objects: &'s Objects<T>) -> impl Iterator<Item = &'s Arc<T>> + 's {
    let from = objects.range(ObjectName::new(namespace.clone(), "")..);
    from.take_while(move |(name, _)| name.namespace == *namespace).map(|(_, object)| object)
}

impl Snapshot {
    /// Whether a ServiceEntry has this pod as an endpoint.
    pub(super) fn is_selected(&self, pod: &Pod) -> bool {
        within(&pod.name.namespace, &self.entries).any(|entry| takes(entry, pod))
    }
}
