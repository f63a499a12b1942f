//! The mesh's own listeners: ports on which ztunnel listens inside a Gateway's pods, and the one on which it hands over.
//!
//! Such a listener is programmed by being there. It is accepted and reported, takes no routes, and nothing is opened for it
//! by itself. Its `allowedRoutes.namespaces` say which namespaces may use the waypoint.

use super::Binding;
use crate::api::{Listener, ListenerProtocol};
use crate::compile::Placement;
use crate::compile::verdict::Refusal;
use crate::status::Reason;

/// ztunnel's ports: outbound, inbound in plain text, HBONE, DNS.
const ZTUNNEL: [i32; 4] = [15001, 15006, 15008, 15053];

/// The port of HBONE.
pub(super) const HBONE_PORT: i32 = 15008;

/// The protocol by which a Gateway names HBONE itself.
pub(super) const HBONE: &str = "HBONE";

/// The protocol by which a Gateway names the port on which ztunnel hands over.
const PROXY: &str = "istio.io/PROXY";

/// Whether a listener's port is the mesh's: ztunnel's, in pods, which the mesh captures, or the binding's.
pub(in crate::compile) fn has_port(listener: &Listener, placement: Placement, binding: Binding) -> bool {
    (placement == Placement::Pods && ZTUNNEL.contains(&listener.port)) || is_bound(listener, binding)
}

/// Whether a listener can stand for such a port. Whoever asks for HTTP there would never get any.
pub(in crate::compile) fn accept(listener: &Listener, binding: Binding) -> Result<(), Refusal> {
    let port = listener.port;
    let bound = is_bound(listener, binding);
    let (whose, named) = if bound { ("what ztunnel hands over", PROXY) } else { ("ztunnel's", HBONE) };
    match &listener.protocol {
        ListenerProtocol::Tcp => Ok(()),
        ListenerProtocol::Unknown(protocol) if protocol == named => Ok(()),
        other => {
            let message = format!("port {port} is {whose}: protocol TCP or {named} stands for it, {other} cannot");
            Err(Refusal::new(Reason::PortUnavailable, message))
        }
    }
}

fn is_bound(listener: &Listener, binding: Binding) -> bool {
    matches!(binding, Binding::Proxy(port) if i32::from(port) == listener.port)
}

/// Whether a listener names a protocol that only the mesh knows.
pub(super) fn speaks(listener: &Listener, protocol: &str) -> bool {
    matches!(&listener.protocol, ListenerProtocol::Unknown(known) if known == protocol)
}
