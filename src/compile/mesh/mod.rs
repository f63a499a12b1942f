//! The mesh: what a Gateway serves as a waypoint, and which of its ports are the mesh's own.
//!
//! Enrolment is istiod's word, from labels that users set; here it is read from the same labels, for ztunnel hands over
//! whatever address its client asks for. What is not enrolled is not served.

mod binding;
mod enrolment;
mod entries;
mod listener;
mod policies;
mod ports;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

pub use binding::BINDING;
pub(super) use binding::{Binding, of as binding};
pub(super) use enrolment::is_for_pods;
pub use enrolment::{named_waypoints, opts_out};
pub(super) use listener::{accept, has_port};
pub(super) use policies::Policies;
pub(super) use routes::ServiceRoutes;

use super::changes::Changes;
use super::gateway;
use super::parent::{View, Views};
use super::{Options, Placement};
use crate::api::{GATEWAY_NAME, Gateway, GatewayClass, ObjectName, ObjectRef, Service, label_value};
use crate::snapshot::{Snapshot, Socket};
use crate::table::backend::BackendKey;
use crate::table::mesh::{Mesh, ServicePort};
use enrolment::Enrolment;
pub(super) use entries::{EntryFlaw, condition as entries_condition, warnings as entries_warnings};

/// Annotation of a Gateway: whether applications are told who called.
const TELLS_IDENTITY: &str = "ambient.istio.io/xfcc-include-client-identity";

/// What Gateways serve as waypoints, kept from compile to compile.
#[derive(Debug, Default)]
pub(super) struct Meshes {
    waypoints: BTreeMap<ObjectName, Kept>,
    /// The backends that routes name, and those with what is reached without a route; `None`: to be put together anew.
    named: Option<[Arc<BTreeSet<BackendKey>>; 2]>,
}

/// What is enrolled with a Gateway and what it serves of that, and what both were made of beside Services and namespaces.
#[derive(Debug)]
struct Kept {
    gateway: Arc<Gateway>,
    class: Arc<GatewayClass>,
    /// The Services that are enrolled with it.
    enrolled: BTreeSet<ObjectName>,
    /// `None`: ztunnel hands nothing over to it, so that nothing but its listeners is served.
    mesh: Option<Arc<Mesh>>,
    /// What routes see of the enrolled Services and ServiceEntries, where those are served.
    views: Vec<Arc<View>>,
    /// What enrolled ServiceEntries ask for and do not get.
    flaws: Vec<EntryFlaw>,
}

impl Meshes {
    /// Takes on what is enrolled now. What is the same as before is the same object.
    pub(super) fn update(
        &mut self,
        snapshot: &Snapshot,
        options: &Options,
        gateways: &[gateway::Resolved<'_>],
        changes: &Changes,
        known_views: &Views,
    ) {
        let mut before = std::mem::take(&mut self.waypoints);
        let mut enrolment = None;
        for gateway in gateways.iter().filter(|gateway| gateway.accepted.is_ok()) {
            let (name, binding) = (gateway.view.name().clone(), gateway.binding);
            let kept = match before.remove(&name) {
                Some(known) if changes.spare_services() && known.is_of(gateway) => known,
                known => {
                    self.named = None;
                    let enrolment = enrolment.get_or_insert_with(|| Enrolment::of(snapshot));
                    let services: Vec<_> = enrolment.served(snapshot, gateway).collect();
                    let enrolled = services.iter().map(|service| ports::name_of(service)).collect();
                    let entries = enrolment.entries(snapshot, gateway);
                    let flaws = entries::flaws_of(snapshot, &entries);
                    let pods = enrolment::pods(snapshot, gateway, options.placement);
                    let (gateway, class) = (gateway.object.clone(), gateway.class.clone());
                    let mut kept = Kept { gateway, class, enrolled, mesh: None, views: Vec::new(), flaws };
                    if let Binding::Proxy(port) = binding {
                        let known = known.and_then(|known| known.mesh);
                        let inbound = sockets(port, options);
                        let own = own(snapshot, options, &kept.gateway);
                        let tells_identity =
                            kept.gateway.meta.annotations.get(TELLS_IDENTITY).is_some_and(|text| text == "true");
                        let ports = ports(&services, known.as_deref());
                        let mesh = Mesh { inbound, own, tells_identity, ports, pods };
                        kept.mesh = Some(known.filter(|known| **known == mesh).unwrap_or_else(|| Arc::new(mesh)));
                        let plain = services.iter().filter(|service| !ports::name_of(service).is_host());
                        let views = plain.map(|service| ports::view(service));
                        let views = views.chain(entries::views(snapshot, &entries, &kept.enrolled));
                        kept.views = views.map(|view| view.or_known(known_views)).collect();
                    }
                    kept
                }
            };
            self.waypoints.insert(name, kept);
        }
        if !before.is_empty() {
            self.named = None;
        }
    }

    /// What a Gateway serves as a waypoint; `None`: nothing.
    pub(super) fn get(&self, gateway: &ObjectName) -> Option<&Arc<Mesh>> {
        self.waypoints.get(gateway)?.mesh.as_ref()
    }

    /// The Services that are enrolled with a Gateway.
    pub(super) fn enrolled(&self, gateway: &ObjectName) -> impl Iterator<Item = &ObjectName> {
        self.waypoints.get(gateway).into_iter().flat_map(|kept| &kept.enrolled)
    }

    /// What the ServiceEntries that are enrolled with a Gateway ask for and do not get.
    pub(super) fn flaws(&self, gateway: &ObjectName) -> &[EntryFlaw] {
        self.waypoints.get(gateway).map_or(&[], |kept| &kept.flaws)
    }

    /// What routes see of the Services that are enrolled.
    pub(super) fn views(&self) -> impl Iterator<Item = (&ObjectRef, &Arc<View>)> {
        self.waypoints.values().flat_map(|kept| &kept.views).map(|view| (&view.object, view))
    }

    /// The backends that routes name, and those that are reached without a route. The same object while both are as they were.
    pub(super) fn backends(&mut self, routed: Arc<BTreeSet<BackendKey>>) -> Arc<BTreeSet<BackendKey>> {
        if let Some([known, all]) = &self.named
            && Arc::ptr_eq(known, &routed)
        {
            return all.clone();
        }
        let mut through =
            self.waypoints.values().flat_map(|kept| &kept.mesh).flat_map(|mesh| mesh.ports.values()).peekable();
        let all = match through.peek() {
            Some(_) => Arc::new(routed.iter().chain(through.map(|port| &port.backend)).cloned().collect()),
            None => routed.clone(),
        };
        self.named = Some([routed, all.clone()]);
        all
    }
}

impl Kept {
    /// Whether it was made of these.
    fn is_of(&self, gateway: &gateway::Resolved<'_>) -> bool {
        Arc::ptr_eq(&self.gateway, gateway.object) && Arc::ptr_eq(&self.class, gateway.class)
    }
}

/// The ports of Services, by dialled address. Those that are known are the same objects.
fn ports(services: &[&Arc<Service>], known: Option<&Mesh>) -> BTreeMap<SocketAddr, Arc<ServicePort>> {
    let port = |(dialled, port): (SocketAddr, ServicePort)| {
        let same = known.and_then(|known| known.ports.get(&dialled)).filter(|known| ***known == port);
        (dialled, same.cloned().unwrap_or_else(|| Arc::new(port)))
    };
    services.iter().flat_map(|service| ports::of(service)).map(port).collect()
}

/// On the loopback of each family that the pod has: ztunnel takes that of the pod's address that was hit. Where the pod's
/// addresses are not known, IPv4's.
fn sockets(port: u16, options: &Options) -> Vec<Socket> {
    let families = options.own_addresses.iter().map(|address| match address.to_canonical() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    });
    let mut loopbacks: BTreeSet<IpAddr> = families.collect();
    if loopbacks.is_empty() {
        loopbacks.insert(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    loopbacks.into_iter().map(|address| Socket { address: Some(address), port }).collect()
}

/// The addresses of the waypoint itself: its pod's, and those of its Service.
fn own(snapshot: &Snapshot, options: &Options, gateway: &Gateway) -> BTreeSet<IpAddr> {
    let mut own = options.own_addresses.clone();
    if options.placement == Placement::Pods {
        let name = &gateway.meta.name;
        let value = label_value(&name.name);
        let in_namespace = snapshot.services.iter().filter(|(service, _)| service.namespace == name.namespace);
        for (_, service) in in_namespace {
            let label = service.metadata.labels.as_ref().and_then(|labels| labels.get(GATEWAY_NAME));
            if label == Some(&value) {
                own.extend(ports::addresses(service));
            }
        }
    }
    own
}
