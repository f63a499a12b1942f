//! Compile: a snapshot in, route tables and statuses out.
//!
//! Same input, same answer. The memo only saves work: parts whose inputs are the same objects are reused by pointer.
//! Proxy, controller, `check` and `explain` all call this one function.
//!
//! Never here: I/O, clock, randomness, tokio, `live`, `proxy`.

mod asked;
mod attached;
mod attachment;
mod backend;
mod bundle;
mod certificate;
mod changes;
mod class;
mod conflict;
pub mod endpoints;
mod gateway;
mod grant;
mod ground;
mod hosts;
mod kept;
mod listener;
mod memo;
mod mesh;
mod parameters;
mod parent;
mod places;
mod precedence;
mod programmed;
mod report;
mod route;
mod scope;
mod selector;
mod shadow;
mod tables;
mod verdict;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

pub use asked::DroppedRule;
pub use memo::Memo;
pub use mesh::{BINDING, named_waypoints, opts_out};
pub use parameters::{PolicySettings, parameters, policy_settings};
pub use precedence::Predicate;
pub use scope::scope;

use crate::api::ObjectName;
use crate::api::parameters::WorkloadLabels;
use crate::snapshot::Snapshot;
use crate::status::Statuses;
use crate::table::RouteTable;
use crate::table::backend::BackendKey;
use grant::Grants;
use route::Context;

pub use crate::api::CONTROLLER_NAME;

/// What a verdict depends on beside the objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Where Gateways are served.
    pub placement: Placement,
    /// Serve Services of type ExternalName (the specification's SHOULD NOT).
    pub external_names: bool,
    /// Ports that Pingway itself uses (metrics, admin): a listener there is not accepted (PortUnavailable).
    pub own_ports: BTreeSet<u16>,
    /// Addresses of the pod that serves: never dialled, so that no request reaches the proxy through itself. Empty where
    /// they are not known (the controller) or no matter.
    pub own_addresses: BTreeSet<IpAddr>,
    /// Namespaces whose Secrets are seen; `None`: all of the cluster's, or those that are named.
    pub secret_namespaces: Option<BTreeSet<Arc<str>>>,
    /// The node that serves. `None`: not known, or of no matter; no endpoint is nearer than another then, and
    /// `internalTrafficPolicy` keeps no request anywhere.
    pub node: Option<Arc<str>>,
    /// That node's zone (its label `topology.kubernetes.io/zone`). `None`: not known, or it has none.
    pub zone: Option<Arc<str>>,
    /// PingwayParameters are not seen (a waypoint's pod), so that no reference to them is judged.
    pub parameters_unseen: bool,
    /// What they say of Istio's policies, where they are not seen.
    pub policies: PolicySettings,
    /// What they say of whose workloads are told.
    pub workload_labels: WorkloadLabels,
}

/// Where Gateways are served, and so what they share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// All in one process, from a folder of manifests. `spec.addresses` are addresses of the machine, a port that an older
    /// Gateway has is no younger one's, and endpoints may be on loopback. What is not known to have failed is programmed.
    #[default]
    Process,
    /// Each in pods of its own behind a Service of its own, in a mesh. Sockets are on every address, `spec.addresses` are
    /// the Service's, and ports of different Gateways never meet. ztunnel has ports there too ([`mesh`]). Programmed
    /// waits for what a replica reports ([`crate::snapshot::GatewayFacts`]).
    Pods,
}

/// What compile answers.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// A table for each accepted Gateway of ours.
    pub tables: BTreeMap<ObjectName, Arc<RouteTable>>,
    /// Every backend that a table names.
    pub backends: Arc<BTreeSet<BackendKey>>,
    /// Conditions of every object that took part, and warnings.
    pub statuses: Statuses,
}

/// Compiles a snapshot. The answer does not depend on the memo.
pub fn compile(snapshot: &Snapshot, options: &Options, memo: &mut Memo) -> Compiled {
    let reused = !memo.is_fresh();
    let compiled = step(snapshot, options, memo);
    if reused && memo.routes.starved() {
        // The number of regular expressions is bounded; who came first must not count.
        *memo = Memo::default();
        return step(snapshot, options, memo);
    }
    compiled
}

fn step(snapshot: &Snapshot, options: &Options, memo: &mut Memo) -> Compiled {
    memo.begin(options);
    let classes = class::resolve(snapshot, options);
    let grants = Grants::new(snapshot);
    let gateways = gateway::resolve(snapshot, options, &classes, &grants, memo);
    let mut changes = memo.history.changes(snapshot);
    memo.meshes.update(snapshot, options, &gateways, &changes, &memo.history.views);
    let services = memo.meshes.views().map(|(object, view)| (object.clone(), view.clone()));
    let views = gateway::views(&gateways).chain(services).collect();
    memo.history.parents(&views, &mut changes);
    let moved = memo.routes.update(&Context { snapshot, options, grants: &grants, views: &views }, &changes);
    let moved = memo.attached.update(&moved);
    let policies = mesh::Policies::find(snapshot, options, &gateways, &memo.meshes);
    let statuses = Statuses {
        classes: class::statuses(snapshot, &classes),
        meshes: class::mesh_statuses(snapshot),
        gateways: report::statuses(&gateways, &memo.attached, &policies, &memo.meshes),
        routes: memo.routes.statuses(),
        warnings: Vec::new(),
    };
    let tables = memo.tables.build(&gateways, moved, &memo.meshes, &policies);
    let served = gateways.iter().map(|gateway| gateway.view.name());
    let warned = policies.warnings().chain(mesh::entries_warnings(&memo.meshes, served)).collect();
    let warnings = warnings::collect(warned, &gateways, memo.routes.warned(), memo.tables.hosts());
    let backends = memo.meshes.backends(memo.routes.backends());
    Compiled { tables, backends, statuses: Statuses { warnings, ..statuses } }
}
