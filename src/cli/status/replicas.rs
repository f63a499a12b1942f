//! A Gateway's own pods, and what they report.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::findings::{MODE, Told};
use super::pod::Pod;
use super::report::{Level, Replica, Waypoint};
use crate::api::{GATEWAY_NAME, Gateway, ObjectName, label_value};
use crate::controller::provision::object_name;
use crate::waypoint::{KEY_PREFIX, ReplicaReport};

/// What replicas report, by the names of their pods.
pub(super) fn replicas(facts: &Facts, gateway: &Gateway) -> Vec<Replica> {
    let name = ObjectName::new(gateway.meta.name.namespace.clone(), object_name(gateway));
    let there: BTreeSet<&str> = own(facts, gateway).map(|pod| &*pod.name.name).collect();
    let reports = facts.reports.get(&name).into_iter().flatten();
    let found = reports.filter_map(|(key, text)| {
        let report: ReplicaReport = serde_json::from_str(text).ok()?;
        let pod = key.strip_prefix(KEY_PREFIX)?.to_owned();
        let gone = facts.sees_pods() && !there.contains(&*pod);
        report.is_of(gateway).then_some(Replica { pod, version: report.version, generation: report.generation, gone })
    });
    found.collect()
}

/// What is wrong with them.
pub(super) fn of_replicas(facts: &Facts, gateway: &Gateway, waypoint: &Waypoint, told: &mut Told<'_>) {
    for replica in &waypoint.replicas {
        let Replica { pod, generation, gone, .. } = replica;
        if *gone {
            let what = format!("pod {pod} is gone, and its report of generation {generation} is still there");
            let todo =
                "it goes once another replica has served that generation; if one does, see whether the controller runs";
            told.tell(Level::Warning, what, todo);
        } else if *generation < waypoint.generation {
            let what = format!("replica {pod} serves generation {generation} of {}", waypoint.generation);
            told.tell(Level::Warning, what, "if it stays so, read that pod's log, and /problems on its admin page");
        }
    }
    let serves = !facts.sees_pods() || own(facts, gateway).any(|pod| pod.ready);
    let is_used = waypoint.is_used() || !gateway.spec.listeners.is_empty();
    let reports = waypoint.replicas.iter().any(|replica| !replica.gone);
    if !serves && is_used {
        none_ready(own(facts, gateway).count(), gateway, told);
    } else if facts.sees_reports() && !reports && waypoint.programmed == "True" {
        told.tell(
            Level::Warning,
            "no replica reports what it serves",
            "look whether its pods run, and may write their ConfigMap",
        );
    }
    for pod in own(facts, gateway) {
        of_pod(facts, pod, told);
    }
}

/// Nothing serves. `pods`: how many there are.
fn none_ready(pods: usize, gateway: &Gateway, told: &mut Told<'_>) {
    let what = match pods {
        0 => "has no pod: nothing serves what is sent to it".to_owned(),
        pods => format!("not one of its pods is ready, of {pods}: nothing serves what is sent to it"),
    };
    let todo = format!(
        "`kubectl -n {} describe deployment {}`, and its pods; where there is no such Deployment, see whether the controller runs",
        gateway.meta.name.namespace,
        object_name(gateway)
    );
    told.tell(Level::Error, what, todo);
}

fn of_pod(facts: &Facts, pod: &Pod, told: &mut Told<'_>) {
    let name = &pod.name.name;
    if let Some(why) = &pod.unready {
        let todo = "if it stays so, `kubectl describe` it, and read its log";
        told.tell(Level::Warning, format!("its pod {name} is not ready, {why}"), todo);
    }
    // Of a namespace that is not known nothing is said.
    let known = facts.snapshot.namespaces.contains_key(&ObjectName::cluster(pod.name.namespace.clone()));
    if known && pod.is_outside(facts) {
        let what = format!("its pod {name} is not in the mesh: ztunnel hands nothing over to it");
        let todo = format!("see that its pods are labelled {MODE}: ambient, and are not in the node's network");
        told.tell(Level::Error, what, todo);
    }
}

/// Its pods that have not ended.
fn own<'f>(facts: &'f Facts, gateway: &Gateway) -> impl Iterator<Item = &'f Pod> {
    let name = &gateway.meta.name;
    let (namespace, label) = (name.namespace.clone(), label_value(&name.name));
    let here = facts.pods.iter().filter(move |pod| pod.name.namespace == namespace && !pod.ended);
    here.filter(move |pod| pod.labels.get(GATEWAY_NAME) == Some(&label))
}
