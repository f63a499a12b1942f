//! The inbound binding: how ztunnel hands a connection over to the waypoint.
//!
//! Annotation `ambient.istio.io/waypoint-inbound-binding` on the Gateway, or else on its class: istiod reads it the same
//! way, letter by letter, and tells ztunnel.

use crate::api::{Gateway, GatewayClass};

/// Annotation of a Gateway or its class: how ztunnel hands over.
pub const BINDING: &str = "ambient.istio.io/waypoint-inbound-binding";

/// How ztunnel hands a connection over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) enum Binding {
    /// To the dialled port of the pod, where a listener is, without a word of who called.
    Listeners,
    /// To this port of the pod's loopback, with the PROXY protocol's header ahead.
    Proxy(u16),
    /// With that header to the dialled port of the loopback, which is not served.
    ProxyToDialledPort,
}

/// The binding of a Gateway, as istiod reads it: what it does not know is none.
pub(in crate::compile) fn of(gateway: &Gateway, class: &GatewayClass) -> Binding {
    let own = gateway.meta.annotations.get(BINDING);
    let Some(text) = own.or_else(|| class.meta.annotations.get(BINDING)) else { return Binding::Listeners };
    let (protocol, port) = match text.split_once('/') {
        Some((protocol, port)) => (protocol, port.parse::<u16>().ok().filter(|port| *port != 0)),
        None => (text.as_str(), None),
    };
    match (protocol, port) {
        ("PROXY", Some(port)) => Binding::Proxy(port),
        ("PROXY", None) => Binding::ProxyToDialledPort,
        _ => Binding::Listeners,
    }
}
