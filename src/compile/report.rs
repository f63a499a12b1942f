//! The statuses of Gateways and their listeners: verdicts become conditions here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attached::Attached;
use super::gateway::Resolved;
use super::listener::Verdict;
use super::mesh::{self, Meshes, Policies};
use super::programmed;
use super::verdict::{Refusal, fails, holds, resolved_refs};
use crate::api::{Kind, ObjectName, RouteGroupKind};
use crate::status::{Condition, ConditionType, GatewayStatus, ListenerStatus, Reason};

/// The statuses of Gateways, once it is known which routes each listener has.
pub(super) fn statuses(
    gateways: &[Resolved<'_>],
    attached: &Attached,
    policies: &Policies<'_>,
    meshes: &Meshes,
) -> BTreeMap<ObjectName, Arc<GatewayStatus>> {
    let status = |resolved: &Resolved<'_>| {
        let mut status = gateway(resolved, attached);
        status.conditions.extend(policies.condition(resolved.view.name()));
        status.conditions.extend(mesh::entries_condition(meshes, resolved.view.name()));
        (resolved.view.name().clone(), Arc::new(status))
    };
    gateways.iter().map(status).collect()
}

/// The status of a Gateway.
fn gateway(gateway: &Resolved<'_>, attached: &Attached) -> GatewayStatus {
    let programmed: Vec<Condition> =
        gateway.listeners.iter().map(|verdict| programmed::listener(gateway, verdict)).collect();
    let count = |place| i32::try_from(attached.count(&gateway.view.object, place)).unwrap_or(i32::MAX);
    let listeners = gateway.listeners.iter().zip((0..).map(count)).zip(&programmed);
    let mut conditions =
        vec![accepted(gateway), gateway_resolved_refs(gateway), programmed::gateway(gateway, &programmed)];
    conditions.extend(programmed::provisioned(gateway));
    GatewayStatus {
        observed_generation: gateway.object.meta.generation,
        conditions,
        listeners: listeners
            .map(|((verdict, count), programmed)| listener(verdict, count, programmed.clone()))
            .collect(),
        addresses: programmed::addresses(gateway),
    }
}

fn accepted(gateway: &Resolved<'_>) -> Condition {
    if let Err(refusal) = &gateway.accepted
        && refusal.reason != Reason::ListenersNotValid
    {
        return fails(ConditionType::Accepted, refusal.reason, &refusal.message);
    }
    let refused: Vec<String> = gateway
        .listeners
        .iter()
        .filter_map(|verdict| Some((verdict, verdict.accepted.as_ref().err()?)))
        .map(|(verdict, refusal)| format!("listener {}: {}", verdict.view.name, refusal.message))
        .collect();
    if gateway.listeners.is_empty() {
        return fails(ConditionType::Accepted, Reason::ListenersNotValid, "spec.listeners is empty");
    }
    if refused.is_empty() {
        return holds(ConditionType::Accepted, Reason::Accepted, "The Gateway is served by Pingway");
    }
    let taken: Vec<&str> =
        gateway.listeners.iter().filter(|v| v.accepted.is_ok()).map(|verdict| &*verdict.view.name).collect();
    if taken.is_empty() {
        return fails(ConditionType::Accepted, Reason::ListenersNotValid, refused.join("; "));
    }
    let message = format!("{}; accepted: {}", refused.join("; "), taken.join(", "));
    holds(ConditionType::Accepted, Reason::ListenersNotValid, message)
}

/// A summary of the listeners' ResolvedRefs, without effect on the other conditions.
fn gateway_resolved_refs(gateway: &Resolved<'_>) -> Condition {
    let of_listener = |verdict: &Verdict| {
        let name = verdict.view.name.clone();
        verdict
            .unresolved
            .iter()
            .map(move |refusal| format!("listener {name}: {}", refusal.message))
            .collect::<Vec<_>>()
    };
    let unresolved: Vec<String> = gateway.listeners.iter().flat_map(of_listener).collect();
    if unresolved.is_empty() {
        return holds(ConditionType::ResolvedRefs, Reason::ResolvedRefs, "All references resolve");
    }
    let message = unresolved.join("; ");
    fails(ConditionType::ResolvedRefs, Reason::ListenersNotResolved, message)
}

fn listener(verdict: &Verdict, attached_routes: i32, programmed: Condition) -> ListenerStatus {
    let accepted = match &verdict.accepted {
        Ok(()) => holds(ConditionType::Accepted, Reason::Accepted, "The listener is accepted"),
        Err(refusal) => fails(ConditionType::Accepted, refusal.reason, &refusal.message),
    };
    let conflicted = match &verdict.conflict {
        None => fails(ConditionType::Conflicted, Reason::NoConflicts, "The listener is distinct"),
        Some(refusal) => holds(ConditionType::Conflicted, refusal.reason, &refusal.message),
    };
    let mut conditions =
        vec![accepted, resolved_refs(&verdict.unresolved, "All references resolve"), programmed, conflicted];
    conditions.extend(overlap(verdict.overlap.as_ref()));
    ListenerStatus {
        name: verdict.view.name.to_string(),
        supported_kinds: verdict.view.kinds.iter().map(|kind| supported(*kind)).collect(),
        attached_routes,
        conditions,
    }
}

/// Set while it is so, and else absent.
fn overlap(refusal: Option<&Refusal>) -> Option<Condition> {
    refusal.map(|refusal| holds(ConditionType::OverlappingTlsConfig, refusal.reason, &refusal.message))
}

fn supported(kind: Kind) -> RouteGroupKind {
    RouteGroupKind { group: Some(kind.group().to_owned()), kind: kind.as_str().to_owned() }
}
