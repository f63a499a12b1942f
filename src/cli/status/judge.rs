//! Facts to the answer: which waypoints there are, what is enrolled with them, and what is wrong. Pure.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::findings;
use super::naming::{Naming, namings};
use super::outside;
use super::pods;
use super::replicas::replicas;
use super::report::{Enrolled, Served, Status, Waypoint};
use crate::api::{CONTROLLER_NAME, Gateway, Kind, ObjectName, ObjectRef};
use crate::compile::{Memo, Options, Placement, compile, named_waypoints, opts_out};
use crate::table::RouteTable;

/// The answer. `wanted`: of this namespace's Gateways, or of this one; `None`: of all.
pub(super) fn judge(facts: &Facts, namespace: Option<&str>, gateway: Option<&str>) -> Status {
    let options = Options { placement: Placement::Pods, parameters_unseen: true, ..Options::default() };
    let compiled = compile(&facts.snapshot, &options, &mut Memo::default());
    let all = namings(facts);
    let mut status = Status { unread: facts.unread.clone(), ..Status::default() };
    let wanted = |name: &ObjectName| {
        namespace.is_none_or(|namespace| namespace == &*name.namespace) && gateway.is_none_or(|one| one == &*name.name)
    };
    for (name, gateway) in
        facts.snapshot.gateways.iter().filter(|(name, gateway)| wanted(name) && is_ours(facts, gateway))
    {
        let table = compiled.tables.get(name);
        let served = table.map(|table| served(table)).unwrap_or_default();
        let named: Vec<_> = all.iter().filter(|naming| naming.waypoints.contains(name)).collect();
        let enrolled_pods = table.map(|table| pods::enrolled(facts, table)).unwrap_or_default();
        let waypoint = Waypoint { enrolled_pods, ..waypoint(facts, gateway, &named, &served) };
        findings::of_gateway(facts, gateway, &waypoint, &mut status.findings);
        for naming in &named {
            findings::of_enrolled(facts, gateway, naming, served.contains(&naming.object.name), &mut status.findings);
        }
        status.waypoints.push(waypoint);
    }
    // What may not be listed is not missing.
    for naming in all.iter().filter(|_| facts.sees("Gateway")) {
        naming.missing(facts, wanted, &mut status.findings);
    }
    pods::of_pods(facts, &compiled.tables, wanted, &mut status.findings);
    for gateway in facts.snapshot.gateways.values().filter(|gateway| wanted(&gateway.meta.name)) {
        findings::of_class(facts, gateway, &mut status.findings);
    }
    if status.waypoints.is_empty() {
        findings::of_none(facts, namespace, gateway, wanted, &mut status.findings);
    }
    if status.waypoints.iter().any(Waypoint::is_used) {
        status.outside_mesh = outside::outside(facts);
    }
    status.findings.sort();
    status.findings.dedup();
    status
}

/// Whether a Gateway is of a class of Pingway's.
pub(super) fn is_ours(facts: &Facts, gateway: &Gateway) -> bool {
    let class = facts.snapshot.classes.get(&ObjectName::cluster(gateway.spec.gateway_class_name.as_str()));
    class.is_some_and(|class| class.spec.controller_name == CONTROLLER_NAME)
}

/// The Services that a table serves by their addresses.
fn served(table: &RouteTable) -> BTreeSet<ObjectName> {
    let ports = table.mesh.iter().flat_map(|mesh| mesh.ports.values());
    ports.map(|port| port.backend.service.clone()).collect()
}

/// What istiod says of a waypoint and of what names it. Empty: nothing.
fn bound(facts: &Facts, naming: &Naming, waypoint: &ObjectName) -> String {
    if naming.is_canary(waypoint) {
        return naming.of_canary(facts).unwrap_or_default().to_owned();
    }
    naming.bound(facts).map(|[status, reason, _]| format!("{status}/{reason}")).unwrap_or_default()
}

fn waypoint(facts: &Facts, gateway: &Gateway, named: &[&Naming], served: &BTreeSet<ObjectName>) -> Waypoint {
    let about = ObjectRef { kind: Kind::Gateway, name: gateway.meta.name.clone() };
    let enrolled = |naming: &&Naming| Enrolled {
        object: naming.object.to_string(),
        served: match findings::is_served(facts, &naming.object, served) {
            _ if !findings::is_bound_to_proxy(facts, gateway) => Served::ByListeners,
            true => Served::Yes,
            false => Served::No,
        },
        canary: naming.is_canary(&gateway.meta.name),
        bound: bound(facts, naming, &gateway.meta.name),
    };
    Waypoint {
        gateway: gateway.meta.name.to_string(),
        class: gateway.spec.gateway_class_name.clone(),
        programmed: facts.condition(&about, "Programmed").map_or("", |[status, ..]| status).to_owned(),
        addresses: facts.addresses(&about),
        generation: gateway.meta.generation,
        replicas: replicas(facts, gateway),
        enrolled: named.iter().map(enrolled).collect(),
        enrolled_pods: Vec::new(),
        opted_out: opted_out(facts, &gateway.meta.name),
    }
}

/// Services that say `none` where their namespace names this waypoint. The waypoints' own are none that anybody misses.
fn opted_out(facts: &Facts, waypoint: &ObjectName) -> Vec<String> {
    let snapshot = &facts.snapshot;
    let out = snapshot.services.iter().filter(|(name, service)| {
        let own = service.metadata.labels.as_ref();
        let of_namespace = snapshot.namespace_labels(&name.namespace);
        let is_waypoints = own.is_some_and(|labels| labels.contains_key(crate::api::GATEWAY_NAME));
        opts_out(own) && !is_waypoints && named_waypoints(None, of_namespace, name).contains(waypoint)
    });
    out.map(|(name, _)| name.to_string()).collect()
}
