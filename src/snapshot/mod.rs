//! All objects as seen at one moment, indexed and shared by `Arc`.
//!
//! A source owns a snapshot and [`Snapshot::apply`]s changes to it; compile only reads it. An object that is the same
//! `Arc` as before has not changed, which is what compile's memo stands on.
//!
//! Never here: I/O, verdicts about an object.

mod change;
mod entries;
mod names;
mod observed;
mod scope;
mod selected;
mod slices;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use change::{Change, PodChange, Touched};
pub use entries::{Flaw, flaws, served_hosts};
pub use names::{Resolution, external_name};
pub use observed::{BindFailure, GatewayFacts, Observed, ProvisioningFailure, Replica, Socket};
pub use scope::{Namespaces, Scope, Secrets};
pub use selected::selects;
pub use slices::Slices;

pub use crate::api::Item;
use crate::api::{
    Gateway, GatewayClass, GrpcRoute, HttpRoute, L4Route, Namespace, ObjectName, ObjectRef, PingwayParameters, Pod,
    Policy, ReferenceGrant, Secret, Service, ServiceEntry, WorkloadEntry, XMesh,
};

/// Objects of one kind by name.
pub type Objects<T> = BTreeMap<ObjectName, Arc<T>>;

/// All objects as seen at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// GatewayClasses, of every controller.
    pub classes: Objects<GatewayClass>,
    /// XMeshes, of every controller. A waypoint's pod sees none.
    pub meshes: Objects<XMesh>,
    /// Gateways, of every class.
    pub gateways: Objects<Gateway>,
    /// HTTPRoutes.
    pub http_routes: Objects<HttpRoute>,
    /// GRPCRoutes.
    pub grpc_routes: Objects<GrpcRoute>,
    /// TLSRoutes.
    pub tls_routes: Objects<L4Route>,
    /// TCPRoutes.
    pub tcp_routes: Objects<L4Route>,
    /// ReferenceGrants.
    pub grants: Objects<ReferenceGrant>,
    /// Services, and hosts of ServiceEntries as such ([`ObjectName::is_host`]).
    pub services: Objects<Service>,
    /// EndpointSlices by the Service they belong to (label `kubernetes.io/service-name`, which is not kept), then by name.
    pub slices: BTreeMap<ObjectName, Slices>,
    /// ServiceEntries.
    pub entries: Objects<ServiceEntry>,
    /// WorkloadEntries.
    pub workloads: Objects<WorkloadEntry>,
    /// Secrets.
    pub secrets: Objects<Secret>,
    /// Namespaces.
    pub namespaces: Objects<Namespace>,
    /// Pods: who has which address, and is an endpoint of a ServiceEntry. They decide about no route and no condition.
    pub pods: Objects<Pod>,
    /// PingwayParameters, good or not. A waypoint's pod sees none.
    pub parameters: Objects<PingwayParameters>,
    /// Istio's objects that speak of traffic at a waypoint.
    pub policies: BTreeMap<ObjectRef, Arc<Policy>>,
    /// What the names of ExternalName Services stand for. One that is not here has not been asked yet, or is not asked.
    pub names: BTreeMap<Arc<str>, Resolution>,
    /// Facts that came back from where Gateways are served.
    pub observed: Observed,
}

impl Snapshot {
    /// The labels of a namespace; `None`: it has none, or is not seen.
    pub fn namespace_labels(&self, namespace: &Arc<str>) -> Option<&BTreeMap<String, String>> {
        self.namespaces.get(&ObjectName::cluster(namespace.clone()))?.metadata.labels.as_ref()
    }

    /// Puts or removes objects; answers what that touched. A put whose content is equal to what is there keeps the old
    /// `Arc` and touches nothing.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> Touched {
        let mut touched = Touched::default();
        for change in changes {
            touched.apply(self, change);
        }
        for namespace in std::mem::take(&mut touched.entries) {
            let hosts = self.refresh_hosts(&namespace);
            touched.services.extend(hosts);
        }
        touched.services.sort_unstable();
        touched.services.dedup();
        touched
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
