//! The mesh's own listeners: ports on which ztunnel listens inside a Gateway's pods.
//!
//! Such a listener is programmed by being there. It is accepted and reported, takes no routes, and nothing is opened for it.

use super::Placement;
use super::verdict::Refusal;
use crate::api::{Listener, ListenerProtocol};
use crate::status::Reason;

/// ztunnel's ports: outbound, inbound in plain text, HBONE, DNS.
const ZTUNNEL: [i32; 4] = [15001, 15006, 15008, 15053];

/// The protocol by which a Gateway names HBONE itself.
const HBONE: &str = "HBONE";

/// Whether a listener's port is ztunnel's: only in pods, which the mesh captures.
pub(super) fn has_port(listener: &Listener, placement: Placement) -> bool {
    placement == Placement::Pods && ZTUNNEL.contains(&listener.port)
}

/// Whether a listener on such a port can stand for ztunnel's. Whoever asks for HTTP there would never get any.
pub(super) fn accept(listener: &Listener) -> Result<(), Refusal> {
    match &listener.protocol {
        ListenerProtocol::Tcp => Ok(()),
        ListenerProtocol::Unknown(protocol) if protocol == HBONE => Ok(()),
        other => {
            let port = listener.port;
            let message = format!("port {port} is ztunnel's: protocol TCP or {HBONE} stands for it, {other} cannot");
            Err(Refusal::new(Reason::PortUnavailable, message))
        }
    }
}
