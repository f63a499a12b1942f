//! Attachment: parentRefs to listeners. One walk for all kinds of routes.

use std::sync::Arc;

use super::gateway::{View, Views};
use super::listener::{self, allows};
use super::route::Parsed;
use super::verdict::Refusal;
use crate::api::{Kind, ObjectName, ParentRef};
use crate::snapshot::Snapshot;
use crate::status::Reason;
use crate::table::hostname::HostPattern;

/// What one parentRef to a Gateway of ours comes to.
pub(super) struct Attachment<'r> {
    pub(super) parent: &'r ParentRef,
    pub(super) gateway: Arc<View>,
    /// The listeners that take the route, by their place in the Gateway, or why none does.
    pub(super) listeners: Result<Vec<usize>, Refusal>,
}

/// The Gateway that a parentRef names, whosever it is. Group and kind decide: a Service of the same name is none.
pub(super) fn gateway_name(parent: &ParentRef, route: &ObjectName) -> Option<ObjectName> {
    let group = parent.group.as_deref().unwrap_or(Kind::Gateway.group());
    let kind = parent.kind.as_deref().unwrap_or(Kind::Gateway.as_str());
    if group != Kind::Gateway.group() || kind != Kind::Gateway.as_str() {
        return None;
    }
    let name = parent.name.as_str();
    Some(match parent.namespace.as_deref() {
        Some(namespace) => ObjectName::new(namespace, name),
        None => ObjectName::new(route.namespace.clone(), name),
    })
}

/// Each parentRef of a route to a Gateway of ours; references to others are not ours to report.
pub(super) fn attach<'r>(
    route: &'r Parsed,
    hostnames: &[HostPattern],
    views: &Views,
    snapshot: &Snapshot,
) -> Vec<Attachment<'r>> {
    let attachment = |parent: &'r ParentRef| {
        let gateway = views.get(&gateway_name(parent, &route.object.name)?)?.clone();
        let listeners = listeners(route, hostnames, parent, &gateway, snapshot);
        Some(Attachment { parent, gateway, listeners })
    };
    route.source.parents().iter().filter_map(attachment).collect()
}

fn listeners(
    route: &Parsed,
    hostnames: &[HostPattern],
    parent: &ParentRef,
    gateway: &View,
    snapshot: &Snapshot,
) -> Result<Vec<usize>, Refusal> {
    let all: Vec<(usize, &listener::View)> = gateway.listeners.iter().enumerate().collect();
    let named = keep(all, |listener| {
        parent.section_name.as_deref().is_none_or(|name| name.is_empty() || *name == *listener.name)
            && parent.port.is_none_or(|port| port == listener.port)
    });
    if named.is_empty() {
        return Err(Refusal::new(Reason::NoMatchingParent, no_parent(parent, gateway)));
    }
    let allowed = keep(named, |listener| {
        listener.kinds.contains(&route.object.kind)
            && allows(&listener.namespaces, &gateway.name.namespace, &route.object.name.namespace, snapshot)
    });
    if allowed.is_empty() {
        let message = format!(
            "no listener of Gateway {} that it refers to allows routes of kind {} from namespace {}",
            gateway.name, route.object.kind, route.object.name.namespace
        );
        return Err(Refusal::new(Reason::NotAllowedByListeners, message));
    }
    let meets = |own: &HostPattern| hostnames.iter().any(|hostname| hostname.intersects(own));
    let met = keep(allowed, |listener| listener.hostname.as_ref().is_some_and(meets));
    if met.is_empty() {
        let message = format!("spec.hostnames meets the hostname of no listener of Gateway {}", gateway.name);
        return Err(Refusal::new(Reason::NoMatchingListenerHostname, message));
    }
    Ok(met.into_iter().map(|(index, _)| index).collect())
}

type Indexed<'v> = Vec<(usize, &'v listener::View)>;

fn keep<'v>(mut listeners: Indexed<'v>, wanted: impl Fn(&listener::View) -> bool) -> Indexed<'v> {
    listeners.retain(|(_, listener)| wanted(listener));
    listeners
}

fn no_parent(parent: &ParentRef, gateway: &View) -> String {
    match (parent.section_name.as_deref(), parent.port) {
        (Some(name), Some(port)) => format!("Gateway {} has no listener {name} on port {port}", gateway.name),
        (Some(name), None) => format!("Gateway {} has no listener {name}", gateway.name),
        (None, Some(port)) => format!("Gateway {} has no listener on port {port}", gateway.name),
        (None, None) => format!("Gateway {} has no listener", gateway.name),
    }
}
