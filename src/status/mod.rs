//! Statuses: the conditions of every object that took part, as values.
//!
//! Compile makes them, `check` prints them, the controller writes them. Text is made only at the edge: a condition
//! carries a [`Reason`], and a message for people.
//!
//! Never here: deciding a verdict, times (the writer stamps transitions), I/O.

pub mod features;
mod reason;
pub mod render;
mod warning;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use reason::{ConditionType, Reason};
pub use render::{Rendered, render};
pub use warning::{Warning, WarningKind};

use crate::api::{ObjectName, ObjectRef, ParentRef, RouteGroupKind, StatusAddress};
use crate::shared_map::SharedMap;

/// One condition. `type` is unique within its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The condition's type.
    pub kind: ConditionType,
    /// True or False; Pingway never says Unknown.
    pub holds: bool,
    /// Why, in the specification's word.
    pub reason: Reason,
    /// Why, for people: names the field and the value.
    pub message: String,
}

/// A GatewayClass of ours, or an XMesh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassStatus {
    /// `metadata.generation` that the conditions speak of.
    pub observed_generation: i64,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// A Gateway of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayStatus {
    /// `metadata.generation` that the conditions speak of.
    pub observed_generation: i64,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// One for each listener, in the spec's order.
    pub listeners: Vec<ListenerStatus>,
    /// Addresses it is reached at.
    pub addresses: Vec<StatusAddress>,
}

/// A listener of a Gateway of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerStatus {
    /// Its name.
    pub name: String,
    /// Route kinds that may attach.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// Routes attached, also of a refused listener.
    pub attached_routes: i32,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// A route: an entry for each parentRef to a Gateway of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteStatus {
    /// `metadata.generation` that the conditions speak of.
    pub observed_generation: i64,
    /// In the order of `spec.parentRefs`.
    pub parents: Vec<RouteParentStatus>,
}

/// What one parent says of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteParentStatus {
    /// The reference as the route has it.
    pub parent: ParentRef,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// The statuses of all objects that took part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses {
    /// GatewayClasses of ours.
    pub classes: BTreeMap<ObjectName, ClassStatus>,
    /// XMeshes of ours.
    pub meshes: BTreeMap<ObjectName, ClassStatus>,
    /// Gateways of ours.
    pub gateways: BTreeMap<ObjectName, Arc<GatewayStatus>>,
    /// HTTPRoutes and GRPCRoutes with at least one parent of ours.
    pub routes: SharedMap<ObjectRef, Arc<RouteStatus>>,
    /// What is legal and surely not meant.
    pub warnings: Vec<Warning>,
}

impl Statuses {
    /// The warnings about Istio's policies that are not enforced, one for each policy and what it is about at a Gateway.
    pub fn unenforced(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter().filter(|warning| warning.kind == WarningKind::PolicyNotEnforced)
    }
}
