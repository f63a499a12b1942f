//! Programmed, which waits for what came back from where a Gateway is served, and Provisioned, which tells what could not be made there.

use std::net::IpAddr;

use super::gateway::Resolved;
use super::ground::Ground;
use super::listener::Verdict;
use super::verdict::{Refusal, fails, holds};
use crate::api::StatusAddress;
use crate::snapshot::{BindFailure, GatewayFacts, Observed, ProvisioningFailure, Replica, Socket};
use crate::status::{Condition, ConditionType, Reason};

/// Objects that a message names at most.
const NAMED: usize = 3;

/// Programmed of a listener.
pub(super) fn listener(gateway: &Resolved<'_>, verdict: &Verdict) -> Condition {
    match find(gateway, verdict) {
        Ok(()) => {
            let message = if verdict.mesh { "ztunnel serves this port" } else { "The listener serves" };
            holds(ConditionType::Programmed, Reason::Programmed, message)
        }
        Err(refusal) => fails(ConditionType::Programmed, refusal.reason, refusal.message),
    }
}

/// Programmed of a Gateway: it has every address that it asks for, and some listener is. One that ztunnel serves is as soon as a
/// replica runs: it does not count as long as others wait for their ports.
pub(super) fn gateway(gateway: &Resolved<'_>, listeners: &[Condition]) -> Condition {
    let no = |refusal: Refusal| fails(ConditionType::Programmed, refusal.reason, refusal.message);
    if let Err(refusal) = &gateway.accepted {
        return no(Refusal::new(Reason::Invalid, format!("not accepted: {}", refusal.message)));
    }
    if let Some(refusal) = lacks_address(gateway) {
        return no(refusal);
    }
    let pending = listeners.iter().find(|condition| condition.reason == Reason::Pending);
    let mut programmed = gateway.listeners.iter().zip(listeners).filter(|(_, condition)| condition.holds);
    if programmed.any(|(verdict, _)| pending.is_none() || !verdict.mesh) {
        let refused = provisioned(gateway)
            .map_or("", |_| ", but what it runs on is not as it asks: see the condition pingway.dev/Provisioned");
        let message = format!("The Gateway serves{refused}{}", unread(gateway));
        return holds(ConditionType::Programmed, Reason::Programmed, message);
    }
    let message = pending.or(listeners.first()).map_or("", |condition| condition.message.as_str());
    let message = format!("no listener is programmed: {message}");
    match gateway.ground.facts().and_then(|facts| facts.failure.as_ref()) {
        Some(ProvisioningFailure::Object(failure)) => no(Refusal::new(Reason::NoResources, failure)),
        _ => no(Refusal::new(if pending.is_some() { Reason::Pending } else { Reason::Invalid }, message)),
    }
}

/// What of the Gateway's wishes the API server refuses, also where it serves on with what there is; `None`: nothing.
pub(super) fn provisioned(gateway: &Resolved<'_>) -> Option<Condition> {
    let failure = gateway.ground.facts()?.failure.as_ref()?;
    Some(fails(ConditionType::Provisioned, Reason::NotApplied, failure.to_string()))
}

/// `status.addresses`
pub(super) fn addresses(gateway: &Resolved<'_>) -> Vec<StatusAddress> {
    match gateway.ground {
        Ground::Process(observed) => {
            let usable = gateway.addresses.iter().flatten().filter(|ip| usable(gateway, **ip, observed));
            usable.copied().map(StatusAddress::Ip).collect()
        }
        Ground::Pods(facts) => facts.map(|facts| facts.addresses.clone()).unwrap_or_default(),
    }
}

/// Why a listener is not programmed.
fn find(gateway: &Resolved<'_>, verdict: &Verdict) -> Result<(), Refusal> {
    let no = |reason, message: &str| Err(Refusal::new(reason, message));
    if let Err(refusal) = &verdict.accepted {
        let reason = if verdict.conflict.is_some() { refusal.reason } else { Reason::Invalid };
        return no(reason, &refusal.message);
    }
    if let Err(refusal) = &gateway.accepted {
        return no(Reason::Invalid, &refusal.message);
    }
    if verdict.protocol.is_none() && !verdict.mesh {
        return no(Reason::Invalid, "tls.certificateRefs: no certificate that it could serve with");
    }
    match gateway.ground {
        Ground::Process(observed) => in_process(verdict, observed),
        Ground::Pods(facts) => in_pods(verdict, facts, gateway.object.meta.generation),
    }
}

fn in_process(verdict: &Verdict, observed: &Observed) -> Result<(), Refusal> {
    let failed = verdict.sockets.iter().find_map(|socket| Some((socket, failure(observed, socket)?)));
    failed.map_or(Ok(()), |(socket, failure)| {
        let asked = socket.address.is_some();
        Err(Refusal::new(if asked { Reason::AddressNotUsable } else { Reason::Invalid }, &failure.message))
    })
}

/// One replica is enough: others come and go with every rollout.
fn in_pods(verdict: &Verdict, facts: Option<&GatewayFacts>, generation: i64) -> Result<(), Refusal> {
    let pending = |message: String| Err(Refusal::new(Reason::Pending, message));
    let replicas = facts.iter().flat_map(|facts| &facts.replicas);
    let mut serving = replicas.filter(|(_, replica)| replica.generation >= generation).peekable();
    if serving.peek().is_none() {
        return pending(format!("no replica serves generation {generation} yet"));
    }
    let mut failed = None;
    for (pod, replica) in serving {
        let of = |socket: &Socket| replica.ports.get(&socket.port);
        if verdict.sockets.iter().all(|socket| matches!(of(socket), Some(Ok(())))) {
            return Ok(());
        }
        let failures = verdict.sockets.iter().filter_map(|socket| of(socket)?.as_ref().err());
        failed = failed.or(failures.map(|failure| format!("pod {pod}: {}", failure.message)).next());
    }
    match failed {
        Some(message) => Err(Refusal::new(Reason::Invalid, message)),
        None => pending(format!("no replica listens on port {} yet", verdict.view.port)),
    }
}

/// Why a Gateway is not reached where it should be.
fn lacks_address(gateway: &Resolved<'_>) -> Option<Refusal> {
    let mut asked = gateway.addresses.iter().flatten();
    match gateway.ground {
        Ground::Process(observed) => {
            let address = asked.find(|&&address| !usable(gateway, address, observed))?;
            let failure = sockets(gateway, *address).find_map(|socket| failure(observed, &socket))?;
            Some(Refusal::new(Reason::AddressNotUsable, format!("spec.addresses: {}", failure.message)))
        }
        Ground::Pods(facts) => {
            let assigned = facts.map(|facts| facts.addresses.as_slice()).unwrap_or_default();
            match facts.and_then(|facts| facts.failure.as_ref()) {
                Some(ProvisioningFailure::Address(failure)) => {
                    return Some(Refusal::new(Reason::AddressNotUsable, format!("spec.addresses: {failure}")));
                }
                Some(ProvisioningFailure::Object(failure)) if assigned.is_empty() => {
                    return Some(Refusal::new(Reason::NoResources, failure));
                }
                _ => {}
            }
            if let Some(address) = asked.find(|&&address| !assigned.contains(&StatusAddress::Ip(address))) {
                let message = format!("spec.addresses: {address} is not assigned to the Gateway");
                return Some(Refusal::new(Reason::AddressNotAssigned, message));
            }
            assigned.is_empty().then(|| Refusal::new(Reason::Pending, "no address is assigned to the Gateway yet"))
        }
    }
}

/// Whether some listener is open on an address, or none was tried.
fn usable(gateway: &Resolved<'_>, address: IpAddr, observed: &Observed) -> bool {
    let mut sockets = sockets(gateway, address).peekable();
    sockets.peek().is_none() || sockets.any(|socket| failure(observed, &socket).is_none())
}

fn sockets(gateway: &Resolved<'_>, address: IpAddr) -> impl Iterator<Item = Socket> {
    let served = gateway.listeners.iter().filter(|verdict| verdict.view.serves);
    served.flat_map(|verdict| verdict.sockets.iter().copied()).filter(move |socket| socket.address == Some(address))
}

fn failure<'o>(observed: &'o Observed, socket: &Socket) -> Option<&'o BindFailure> {
    observed.sockets.get(socket)?.as_ref().err()
}

/// What replicas could not read, as the end of a sentence.
fn unread(gateway: &Resolved<'_>) -> String {
    let replicas = gateway.ground.facts().into_iter().flat_map(|facts| &facts.replicas);
    let one = |(pod, replica): (_, &Replica)| {
        replica.unread.keys().map(|object| format!("; pod {pod} could not read {object}")).collect::<Vec<_>>()
    };
    let all: Vec<String> = replicas.flat_map(one).collect();
    let more = all.len().saturating_sub(NAMED);
    let named = all.iter().take(NAMED).map(String::as_str).collect::<String>();
    if more == 0 { named } else { format!("{named}; and {more} more") }
}
