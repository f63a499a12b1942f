//! Attachment: parentRefs to listeners. One walk for all kinds of routes.

use std::sync::Arc;

use super::listener::{self, allows};
use super::parent::{self, View, Views};
use super::route::Parsed;
use super::verdict::Refusal;
use crate::api::ParentRef;
use crate::snapshot::Snapshot;
use crate::status::Reason;
use crate::table::hostname::HostPattern;

/// What one parentRef to a parent of ours comes to.
pub(super) struct Attachment<'r> {
    pub(super) parent: &'r ParentRef,
    pub(super) view: Arc<View>,
    /// The listeners that take the route, by their place in the parent, or why none does.
    pub(super) listeners: Result<Vec<usize>, Refusal>,
}

/// Each parentRef of a route to a parent of ours; references to others are not ours to report.
pub(super) fn attach<'r>(
    route: &'r Parsed,
    hostnames: &[HostPattern],
    views: &Views,
    snapshot: &Snapshot,
) -> Vec<Attachment<'r>> {
    let attachment = |parent: &'r ParentRef| {
        let view = views.get(&parent::named(parent, &route.object.name)?)?.clone();
        let listeners = listeners(route, hostnames, parent, &view, snapshot);
        Some(Attachment { parent, view, listeners })
    };
    route.source.parents().iter().filter_map(attachment).collect()
}

fn listeners(
    route: &Parsed,
    hostnames: &[HostPattern],
    parent: &ParentRef,
    view: &View,
    snapshot: &Snapshot,
) -> Result<Vec<usize>, Refusal> {
    let all: Vec<(usize, &listener::View)> = view.listeners.iter().enumerate().collect();
    let named = keep(all, |listener| {
        parent.section_name.as_deref().is_none_or(|name| name.is_empty() || *name == *listener.name)
            && parent.port.is_none_or(|port| port == listener.port)
    });
    if named.is_empty() {
        return Err(Refusal::new(Reason::NoMatchingParent, no_parent(parent, view)));
    }
    let allowed = keep(named, |listener| {
        listener.kinds.contains(&route.object.kind)
            && allows(&listener.namespaces, &view.name().namespace, &route.object.name.namespace, snapshot)
    });
    if allowed.is_empty() {
        let message = format!(
            "no {} of {} that it refers to allows routes of kind {} from namespace {}",
            part(view),
            view.object,
            route.object.kind,
            route.object.name.namespace
        );
        return Err(Refusal::new(Reason::NotAllowedByListeners, message));
    }
    let meets = |own: &HostPattern| hostnames.iter().any(|hostname| hostname.intersects(own));
    let met = keep(allowed, |listener| listener.hostname.as_ref().is_some_and(meets));
    if met.is_empty() {
        let message = format!("spec.hostnames meets the hostname of no listener of {}", view.object);
        return Err(Refusal::new(Reason::NoMatchingListenerHostname, message));
    }
    Ok(met.into_iter().map(|(index, _)| index).collect())
}

type Indexed<'v> = Vec<(usize, &'v listener::View)>;

fn keep<'v>(mut listeners: Indexed<'v>, wanted: impl Fn(&listener::View) -> bool) -> Indexed<'v> {
    listeners.retain(|(_, listener)| wanted(listener));
    listeners
}

fn no_parent(parent: &ParentRef, view: &View) -> String {
    let (object, part) = (&view.object, part(view));
    match (parent.section_name.as_deref(), parent.port) {
        (Some(name), Some(port)) => format!("{object} has no {part} {name} on port {port}"),
        (Some(name), None) => format!("{object} has no {part} {name}"),
        (None, Some(port)) if view.is_service() => format!("{object} has no port {port}"),
        (None, Some(port)) => format!("{object} has no {part} on port {port}"),
        (None, None) => format!("{object} has no {part}"),
    }
}

/// What a parent's parts are called.
fn part(view: &View) -> &'static str {
    if view.is_service() { "port" } else { "listener" }
}
