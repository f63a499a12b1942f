//! Compile: a snapshot in, route tables and statuses out.
//!
//! Same input, same answer. The memo only saves work: parts whose inputs are the same objects are reused by pointer.
//! Proxy, controller, `check` and `explain` all call this one function.
//!
//! Never here: I/O, clock, randomness, tokio, `live`, `proxy`.

pub mod endpoints;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::ObjectName;
use crate::snapshot::Snapshot;
use crate::status::Statuses;
use crate::table::RouteTable;
use crate::table::backend::BackendKey;

/// `spec.controllerName` of the classes that are ours.
pub const CONTROLLER_NAME: &str = "pingway.dev/gateway-controller";

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

/// What was found before, for reuse.
#[derive(Debug, Default)]
pub struct Memo {}

/// Compiles a snapshot. The answer does not depend on the memo.
pub fn compile(snapshot: &Snapshot, options: &Options, memo: &mut Memo) -> Compiled {
    let _ = (snapshot, options, memo);
    Compiled::default()
}
