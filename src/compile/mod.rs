//! Compile: a snapshot in, route tables and statuses out.
//!
//! Same input, same answer. The memo only saves work: parts whose inputs are the same objects are reused by pointer.
//! Proxy, controller, `check` and `explain` all call this one function.
//!
//! Never here: I/O, clock, randomness, tokio, `live`, `proxy`.

mod attachment;
mod backend;
mod certificate;
mod class;
mod conflict;
pub mod endpoints;
mod gateway;
mod grant;
mod hosts;
mod kept;
mod listener;
mod memo;
mod precedence;
mod report;
mod route;
mod selector;
mod shadow;
mod tables;
mod verdict;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use memo::Memo;

use crate::api::ObjectName;
use crate::snapshot::Snapshot;
use crate::status::Statuses;
use crate::table::RouteTable;
use crate::table::backend::BackendKey;
use grant::Grants;
use route::Context;

pub use crate::api::CONTROLLER_NAME;

/// What a verdict depends on beside the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Serve Services of type ExternalName (the specification's SHOULD NOT).
    pub external_names: bool,
    /// Dial endpoints on loopback: for a folder of manifests only, never in a cluster.
    pub loopback_endpoints: bool,
    /// Ports that the process itself uses (metrics, admin): a listener there is not accepted (PortUnavailable).
    pub reserved_ports: BTreeSet<u16>,
}

/// What compile answers.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// A table for each accepted Gateway of ours.
    pub tables: BTreeMap<ObjectName, Arc<RouteTable>>,
    /// Every backend that a table names.
    pub backends: BTreeSet<BackendKey>,
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
    let classes = class::resolve(snapshot);
    let grants = Grants::new(snapshot);
    let gateways = gateway::resolve(snapshot, options, &classes, &grants, memo);
    let views = gateway::views(&gateways);
    let changes = memo.changes(snapshot, &views);
    let routes = memo.routes.update(&Context { snapshot, options, grants: &grants, views: &views }, &changes);
    let attached = tables::attached(&gateways, &routes);
    let statuses = Statuses {
        classes: class::statuses(snapshot, &classes),
        gateways: gateway::statuses(&gateways, &attached, snapshot),
        routes: route::statuses(&routes),
        warnings: Vec::new(),
    };
    let tables = memo.tables.build(&gateways, attached);
    let warnings = warnings::collect(&gateways, &routes, memo.tables.hosts());
    Compiled { tables, backends: memo.routes.backends(), statuses: Statuses { warnings, ..statuses } }
}
