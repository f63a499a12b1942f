//! `PingwayParameters.spec.placement`: on which nodes pods are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `spec.placement`: as in a pod's spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Placement {
    /// Labels of nodes.
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Taints of nodes that are no matter.
    pub tolerations: Option<Vec<Toleration>>,
    /// Affinity to nodes and pods, as a pod's spec has it.
    pub affinity: Option<Value>,
    /// How pods spread.
    pub topology_spread_constraints: Option<Vec<TopologySpread>>,
    /// Which pods go first.
    pub priority_class_name: Option<String>,
}

/// `spec.placement.tolerations[]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Toleration {
    /// The taint's key. `None`: every key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How the value is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<TolerationOperator>,
    /// The taint's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The taint's effect. `None`: every effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
    /// For how long, in seconds, of `NoExecute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// `spec.placement.tolerations[].operator`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TolerationOperator {
    /// The value is no matter.
    Exists,
    /// The value is equal.
    Equal,
}

/// `spec.placement.tolerations[].effect`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaintEffect {
    /// No new pods.
    NoSchedule,
    /// No new pods, if others can take them.
    PreferNoSchedule,
    /// No pods.
    NoExecute,
}

/// `spec.placement.topologySpreadConstraints[]`: among the Gateway's own pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopologySpread {
    /// Most pods that one part may have beyond another.
    pub max_skew: i32,
    /// Label of nodes that makes the parts, like `topology.kubernetes.io/zone`.
    pub topology_key: String,
    /// What is done where that can't be.
    pub when_unsatisfiable: Unsatisfiable,
}

/// `spec.placement.topologySpreadConstraints[].whenUnsatisfiable`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unsatisfiable {
    /// The pod waits.
    DoNotSchedule,
    /// The pod goes elsewhere.
    ScheduleAnyway,
}
