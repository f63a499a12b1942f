//! Enrolment: which Services and ServiceEntries name a waypoint, by the labels that istiod goes by, and which of them it may serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::binding::Binding;
use super::listener::{HBONE, HBONE_PORT, speaks};
use crate::api::ambient::{Labels, USE_WAYPOINT, opt_out, waypoint};
use crate::api::{Gateway, GatewayClass, ObjectName, Service, ServiceEntry};
use crate::compile::Placement;
use crate::compile::gateway::Resolved;
use crate::compile::listener::{Namespaces, allows};
use crate::snapshot::Snapshot;
use crate::table::mesh::Pods;

/// What a waypoint is for, on the Gateway or its class.
const FOR: &str = "istio.io/waypoint-for";

/// The Services, hosts of ServiceEntries among them, and the ServiceEntries that name each waypoint.
#[derive(Default)]
pub(super) struct Enrolment<'s> {
    services: BTreeMap<ObjectName, Vec<&'s Arc<Service>>>,
    entries: BTreeMap<ObjectName, Vec<&'s Arc<ServiceEntry>>>,
}

impl<'s> Enrolment<'s> {
    /// Of all Services and ServiceEntries.
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let mut named = Self::default();
        // Services come by namespace, so that its labels are looked up once.
        let mut of_namespace: (&str, Option<&Labels>) = ("", None);
        for (name, service) in &snapshot.services {
            if *of_namespace.0 != *name.namespace {
                of_namespace = (&name.namespace, snapshot.namespace_labels(&name.namespace));
            }
            let own = service.metadata.labels.as_ref();
            for labels in USE_WAYPOINT {
                if let Some(waypoint) = named_waypoint(labels, own, of_namespace.1, name) {
                    named.services.entry(waypoint).or_default().push(service);
                }
            }
        }
        for (name, entry) in &snapshot.entries {
            let of_namespace = snapshot.namespace_labels(&name.namespace);
            for labels in USE_WAYPOINT {
                if let Some(waypoint) = named_waypoint(labels, Some(&entry.meta.labels), of_namespace, name) {
                    named.entries.entry(waypoint).or_default().push(entry);
                }
            }
        }
        named
    }

    /// The ServiceEntries that name a waypoint and may use it, whether they can be served or not; each once.
    pub(super) fn entries<'e>(
        &'e self,
        snapshot: &'e Snapshot,
        gateway: &'e Resolved<'_>,
    ) -> BTreeMap<&'s ObjectName, &'s Arc<ServiceEntry>> {
        let name = &gateway.object.meta.name;
        let all = self.entries.get(name).filter(|_| is_for_services(gateway)).into_iter().flatten();
        let allowed =
            all.filter(|entry| allows(namespaces(gateway), &name.namespace, &entry.meta.name.namespace, snapshot));
        allowed.map(|entry| (&entry.meta.name, *entry)).collect()
    }

    /// Those that a waypoint serves. One that names it twice is here twice.
    pub(super) fn served<'e>(
        &'e self,
        snapshot: &'e Snapshot,
        gateway: &'e Resolved<'_>,
    ) -> impl Iterator<Item = &'s Arc<Service>> + 'e {
        let name = &gateway.object.meta.name;
        let all = self.services.get(name).filter(|_| is_for_services(gateway)).into_iter().flatten().copied();
        let namespaces = namespaces(gateway);
        all.filter(move |service| {
            let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
            allows(namespaces, &name.namespace, namespace, snapshot)
        })
    }
}

/// The waypoints that the labels of a Service or ServiceEntry, or else those of its namespace, name: the primary one and its canary.
pub fn named_waypoints(own: Option<&Labels>, of_namespace: Option<&Labels>, object: &ObjectName) -> Vec<ObjectName> {
    let mut named: Vec<_> =
        USE_WAYPOINT.into_iter().filter_map(|labels| named_waypoint(labels, own, of_namespace, object)).collect();
    named.dedup();
    named
}

/// Whether an object opts out of a waypoint that its namespace names.
pub fn opts_out(own: Option<&Labels>) -> bool {
    own.is_some_and(opt_out)
}

/// The waypoint that the labels of a Service, or else those of its namespace, name.
fn named_waypoint(
    labels: (&str, &str),
    own: Option<&Labels>,
    of_namespace: Option<&Labels>,
    service: &ObjectName,
) -> Option<ObjectName> {
    waypoint(labels, own, of_namespace, &service.namespace).map(|(namespace, name)| ObjectName::new(namespace, name))
}

/// Which pods a Gateway serves by their own addresses; `None`: it is no waypoint for them.
pub(super) fn pods(snapshot: &Snapshot, gateway: &Resolved<'_>, placement: Placement) -> Option<Pods> {
    if !is_for_pods(gateway.object, gateway.class) {
        return None;
    }
    let (name, allowed) = (gateway.object.meta.name.clone(), namespaces(gateway));
    let known =
        snapshot.namespaces.iter().filter(|(namespace, _)| allows(allowed, &name.namespace, &namespace.name, snapshot));
    let labels = |labels: Option<&Labels>| -> Labels {
        let ours = labels.into_iter().flatten().filter(|(key, _)| key.starts_with(USE_WAYPOINT[0].0));
        ours.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let mut namespaces: BTreeMap<_, _> =
        known.map(|(namespace, object)| (namespace.name.clone(), labels(object.metadata.labels.as_ref()))).collect();
    // A folder of manifests need not have it.
    namespaces.entry(name.namespace.clone()).or_default();
    let others = matches!(allowed, Namespaces::All);
    Some(Pods { gateway: name, namespaces, others, loopback: placement == Placement::Process })
}

fn is_for_services(gateway: &Resolved<'_>) -> bool {
    matches!(purpose(gateway.object, gateway.class), "service" | "all")
}

/// Whether a Gateway is a waypoint for pods that are dialled by their own address.
pub(in crate::compile) fn is_for_pods(gateway: &Gateway, class: &GatewayClass) -> bool {
    matches!(purpose(gateway, class), "workload" | "all")
}

fn purpose<'g>(gateway: &'g Gateway, class: &'g GatewayClass) -> &'g str {
    gateway.meta.labels.get(FOR).or_else(|| class.meta.labels.get(FOR)).map_or("service", String::as_str)
}

/// The namespaces that a Gateway lets use it as a waypoint, as istiod finds them: by the listener on the binding's port; else by
/// one of protocol HBONE on its port; else its own.
fn namespaces<'g>(gateway: &'g Resolved<'_>) -> &'g Namespaces {
    let on_binding = |port: i32| matches!(gateway.binding, Binding::Proxy(bound) if i32::from(bound) == port);
    let listeners = || gateway.object.spec.listeners.iter().zip(&gateway.listeners);
    let found = listeners()
        .find(|(listener, _)| on_binding(listener.port))
        .or_else(|| listeners().find(|(listener, _)| speaks(listener, HBONE) && listener.port == HBONE_PORT));
    found.map_or(&Namespaces::Same, |(_, verdict)| &verdict.view.namespaces)
}
