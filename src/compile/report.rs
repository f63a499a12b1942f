//! The statuses of Gateways and their listeners: verdicts become conditions here.

use std::net::IpAddr;

use super::gateway::Resolved;
use super::listener::Verdict;
use super::verdict::{Refusal, fails, holds, resolved_refs};
use crate::api::{Kind, RouteGroupKind};
use crate::snapshot::Observed;
use crate::status::{Condition, ConditionType, GatewayStatus, ListenerStatus, Reason};

/// The status of a Gateway. `attached`: accepted routes of each listener.
pub(super) fn gateway(gateway: &Resolved<'_>, attached: &[i32], observed: &Observed) -> GatewayStatus {
    let programmed: Vec<Condition> =
        gateway.listeners.iter().map(|verdict| listener_programmed(gateway, verdict, observed)).collect();
    let listeners = gateway
        .listeners
        .iter()
        .zip(attached)
        .zip(&programmed)
        .map(|((verdict, attached), programmed)| listener(verdict, *attached, programmed.clone()))
        .collect();
    let unusable = unusable_address(gateway, observed);
    GatewayStatus {
        observed_generation: gateway.object.meta.generation,
        conditions: vec![
            accepted(gateway),
            gateway_resolved_refs(gateway),
            gateway_programmed(gateway, &programmed, unusable.as_ref()),
        ],
        listeners,
        addresses: gateway.addresses.iter().flatten().copied().filter(|&ip| usable(gateway, ip, observed)).collect(),
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
    let unresolved: Vec<&str> =
        gateway.listeners.iter().filter(|v| !v.unresolved.is_empty()).map(|verdict| &*verdict.view.name).collect();
    if unresolved.is_empty() {
        return holds(ConditionType::ResolvedRefs, Reason::ResolvedRefs, "All references resolve");
    }
    let message = format!("references do not resolve in: {}", unresolved.join(", "));
    fails(ConditionType::ResolvedRefs, Reason::ListenersNotResolved, message)
}

/// A Gateway with some good listeners is programmed, but not one that misses an address it asks for.
fn gateway_programmed(gateway: &Resolved<'_>, listeners: &[Condition], unusable: Option<&String>) -> Condition {
    if let Err(refusal) = &gateway.accepted {
        return fails(ConditionType::Programmed, Reason::Invalid, format!("not accepted: {}", refusal.message));
    }
    if let Some(message) = unusable {
        return fails(ConditionType::Programmed, Reason::AddressNotUsable, message);
    }
    if listeners.iter().any(|condition| condition.holds) {
        return holds(ConditionType::Programmed, Reason::Programmed, "The Gateway serves");
    }
    let first = listeners.first().map_or("", |condition| condition.message.as_str());
    fails(ConditionType::Programmed, Reason::Invalid, format!("no listener is programmed: {first}"))
}

/// An address on which no listener could be opened.
fn unusable_address(gateway: &Resolved<'_>, observed: &Observed) -> Option<String> {
    let address = gateway.addresses.iter().flatten().find(|&&address| !usable(gateway, address, observed))?;
    let failure = sockets(gateway, *address).find_map(|socket| observed.sockets.get(&socket)?.as_ref().err())?;
    Some(format!("spec.addresses: {}", failure.message))
}

/// Whether some listener is open on an address, or none was tried.
fn usable(gateway: &Resolved<'_>, address: IpAddr, observed: &Observed) -> bool {
    let mut sockets = sockets(gateway, address).peekable();
    sockets.peek().is_none() || sockets.any(|socket| !matches!(observed.sockets.get(&socket), Some(Err(_))))
}

fn sockets(gateway: &Resolved<'_>, address: IpAddr) -> impl Iterator<Item = crate::snapshot::Socket> {
    let served = gateway.listeners.iter().filter(|verdict| verdict.view.serves);
    served.flat_map(|verdict| verdict.sockets.iter().copied()).filter(move |socket| socket.address == Some(address))
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

fn listener_programmed(gateway: &Resolved<'_>, verdict: &Verdict, observed: &Observed) -> Condition {
    let fails = |reason, message: &str| fails(ConditionType::Programmed, reason, message);
    if let Err(refusal) = &verdict.accepted {
        let reason = if verdict.conflict.is_some() { refusal.reason } else { Reason::Invalid };
        return fails(reason, &refusal.message);
    }
    if let Err(refusal) = &gateway.accepted {
        return fails(Reason::Invalid, &refusal.message);
    }
    if verdict.protocol.is_none() {
        return fails(Reason::Invalid, "no certificate that it could serve with");
    }
    for socket in &verdict.sockets {
        if let Some(Err(failure)) = observed.sockets.get(socket) {
            let asked = socket.address.is_some();
            return fails(if asked { Reason::AddressNotUsable } else { Reason::Invalid }, &failure.message);
        }
    }
    holds(ConditionType::Programmed, Reason::Programmed, "The listener serves")
}
