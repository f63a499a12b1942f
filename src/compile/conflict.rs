//! Conflicts: listeners that are not distinct within a Gateway, and sockets that another Gateway has.

use std::collections::BTreeSet;

use super::listener::Verdict;
use super::verdict::Refusal;
use super::{Options, Placement};
use crate::api::{Listener, ListenerProtocol, ObjectName};
use crate::snapshot::Socket;
use crate::status::Reason;
use crate::table::hostname::HostPattern;

/// Marks all listeners of a Gateway that are not distinct; none of them wins (GatewaySpec.listeners). Listeners of a
/// protocol that is not supported conflict with nothing, and `tls` does not distinguish.
pub(super) fn mark(listeners: &[Listener], verdicts: &mut [Verdict]) {
    let conflicts: Vec<Option<Refusal>> = (0..verdicts.len()).map(|one| conflict(listeners, verdicts, one)).collect();
    for (verdict, conflict) in verdicts.iter_mut().zip(conflicts) {
        if let Some(refusal) = conflict {
            if verdict.accepted.is_ok() {
                verdict.accepted = Err(refusal.clone());
            }
            verdict.conflict = Some(refusal);
        }
    }
}

fn conflict(listeners: &[Listener], verdicts: &[Verdict], one: usize) -> Option<Refusal> {
    let (listener, verdict) = (listeners.get(one)?, verdicts.get(one)?);
    let http = |protocol: &ListenerProtocol| matches!(protocol, ListenerProtocol::Http | ListenerProtocol::Https);
    let neighbours: Vec<(&Listener, &Verdict)> = listeners
        .iter()
        .zip(verdicts)
        .enumerate()
        .filter(|(other, (neighbour, _))| *other != one && neighbour.port == listener.port && http(&neighbour.protocol))
        .map(|(_, pair)| pair)
        .collect();
    if !http(&listener.protocol) {
        return None;
    }
    if let Some((other, _)) = neighbours.iter().find(|(other, _)| other.protocol != listener.protocol) {
        let message = format!("port {} is {} in listener {}", listener.port, other.protocol, other.name);
        return Some(Refusal::new(Reason::ProtocolConflict, message));
    }
    let hostname = verdict.view.hostname.as_ref()?;
    let (other, _) = neighbours.iter().find(|(_, other)| other.view.hostname.as_ref() == Some(hostname))?;
    let message = format!("port {} with hostname {hostname} is listener {}'s as well", listener.port, other.name);
    Some(Refusal::new(Reason::HostnameConflict, message))
}

/// Marks HTTPS listeners that clients may reach over each other's connections: on one port, by hostnames or by names of
/// certificates that overlap (ListenerConditionOverlappingTLSConfig).
pub(super) fn mark_overlaps(verdicts: &mut [Verdict]) {
    let overlaps: Vec<Option<Refusal>> = verdicts
        .iter()
        .enumerate()
        .map(|(one, verdict)| {
            let others = verdicts.iter().enumerate().filter(|(other, _)| *other != one).map(|(_, other)| other);
            overlap(verdict, others.filter(|other| other.view.port == verdict.view.port))
        })
        .collect();
    for (verdict, overlap) in verdicts.iter_mut().zip(overlaps) {
        verdict.overlap = overlap;
    }
}

fn overlap<'v>(verdict: &Verdict, others: impl Iterator<Item = &'v Verdict> + Clone) -> Option<Refusal> {
    let https = |verdict: &Verdict| verdict.accepted.is_ok() && !verdict.certificates().is_empty();
    if !https(verdict) {
        return None;
    }
    let mut others = others.filter(|other| https(other));
    let names = |verdict: &Verdict| -> Vec<HostPattern> {
        verdict.certificates().iter().flat_map(|certificate| certificate.names.clone()).collect()
    };
    let own = names(verdict);
    let shares = |other: &&Verdict| names(other).iter().any(|name| own.iter().any(|one| one.intersects(name)));
    if let Some(other) = others.clone().find(shares) {
        let message = format!("its certificates and those of listener {} are for common names", other.view.name);
        return Some(Refusal::new(Reason::OverlappingCertificates, message));
    }
    let hostname = verdict.view.hostname.as_ref()?;
    let meets = |other: &Verdict| other.view.hostname.as_ref().is_some_and(|other| other.intersects(hostname));
    let other = others.find(|other| meets(other))?;
    let message = format!("its hostname and that of listener {} overlap", other.view.name);
    Some(Refusal::new(Reason::OverlappingHostnames, message))
}

/// The sockets that Gateways have, claimed in their order: the older keeps one that a younger asks for as well.
#[derive(Debug, Default)]
pub(super) struct Claims {
    taken: Vec<(ObjectName, BTreeSet<Socket>)>,
}

impl Claims {
    /// Claims the sockets of a Gateway's accepted listeners, and refuses the listeners that come too late or ask for a
    /// port of Pingway itself. Gateways in pods of their own meet no other's.
    pub(super) fn claim(&mut self, gateway: &ObjectName, verdicts: &mut [Verdict], options: &Options) {
        let mut claimed = BTreeSet::new();
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.accepted.is_ok()) {
            let refusal = verdict.sockets.iter().find_map(|socket| self.refusal(socket, &options.own_ports));
            match refusal {
                Some(message) => verdict.accepted = Err(Refusal::new(Reason::PortUnavailable, message)),
                None => claimed.extend(verdict.sockets.iter().copied()),
            }
        }
        if options.placement == Placement::Process {
            self.taken.push((gateway.clone(), claimed));
        }
    }

    fn refusal(&self, socket: &Socket, own_ports: &BTreeSet<u16>) -> Option<String> {
        if own_ports.contains(&socket.port) {
            return Some(format!("port {} is used by Pingway itself (metrics or admin page)", socket.port));
        }
        let same = |other: &Socket| {
            other.port == socket.port
                && (other.address.is_none() || socket.address.is_none() || other.address == socket.address)
        };
        let (gateway, _) = self.taken.iter().find(|(_, sockets)| sockets.iter().any(same))?;
        Some(format!("port {} belongs to the older Gateway {gateway}", socket.port))
    }
}
