//! Pods that are enrolled: those that a waypoint serves by their own addresses, and those that ask for one that does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::Facts;
use super::findings::{Told, is_bound_to_proxy};
use super::judge::is_ours;
use super::naming::{not_there, primary};
use super::report::{Finding, Level, PodsOf};
use crate::api::{self, GATEWAY_NAME, ObjectName};
use crate::compile::named_waypoints;
use crate::table::RouteTable;
use crate::table::mesh::Pods;

/// How many pods of each workload a waypoint serves by their own addresses.
pub(super) fn enrolled(facts: &Facts, table: &RouteTable) -> Vec<PodsOf> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    if let Some(pods) = pods(table) {
        for pod in dialled(facts).filter(|pod| pods.enrolls(pod)) {
            *counted.entry(pod.workload.to_string()).or_default() += 1;
        }
    }
    counted.into_iter().map(|(workload, pods)| PodsOf { workload, pods }).collect()
}

/// What is wrong with pods that name a waypoint by their own labels. By a namespace's, Services are meant as well.
pub(super) fn of_pods(
    facts: &Facts,
    tables: &BTreeMap<ObjectName, Arc<RouteTable>>,
    wanted: impl Fn(&ObjectName) -> bool,
    findings: &mut Vec<Finding>,
) {
    for pod in dialled(facts).filter(|pod| !pod.labels.contains_key(GATEWAY_NAME)) {
        for name in named_waypoints(Some(&pod.labels), None, &pod.name).into_iter().filter(&wanted) {
            let mut told = Told { object: format!("Workload {}", pod.workload), findings };
            match facts.snapshot.gateways.get(&name) {
                None if facts.sees("Gateway") => {
                    let of_namespace = facts.snapshot.namespace_labels(&pod.name.namespace);
                    let primary = primary(Some(&pod.labels), of_namespace, &pod.name);
                    not_there(&name, primary.as_ref() != Some(&name), primary.as_ref(), &mut told);
                }
                Some(gateway) if is_ours(facts, gateway) && is_bound_to_proxy(facts, gateway) => {
                    // Of a Gateway that is not accepted its own finding tells.
                    if let Some(table) = tables.get(&name) {
                        not_enrolled(pod, &name, table, &mut told);
                    }
                }
                _ => {}
            }
        }
    }
}

fn not_enrolled(pod: &api::Pod, name: &ObjectName, table: &RouteTable, told: &mut Told<'_>) {
    match pods(table) {
        None => {
            let what = format!(
                "names Gateway {name} on its pods, which is not for pods: what is sent to their own addresses goes past it"
            );
            let todo = "label the Gateway istio.io/waypoint-for: workload or all, or take the label from the pods";
            told.tell(Level::Error, what, todo);
        }
        Some(pods) if !pods.enrolls(pod) => {
            let what = format!("names Gateway {name} on its pods, which does not let their namespace use it");
            let todo = "give the Gateway a listener of protocol istio.io/PROXY on its binding's port that lets the namespace in by allowedRoutes";
            told.tell(Level::Error, what, todo);
        }
        Some(_) => {}
    }
}

fn pods(table: &RouteTable) -> Option<&Pods> {
    table.mesh.as_ref()?.pods.as_ref()
}

/// Pods that can be dialled by an address of their own.
fn dialled(facts: &Facts) -> impl Iterator<Item = &api::Pod> {
    facts.pods.iter().filter(|pod| !pod.ended && !pod.host_network).filter_map(|pod| pod.read.as_deref())
}
