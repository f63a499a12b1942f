//! PingwayParameters, as read: how what a Gateway runs on is made.
//!
//! Unlike the kinds of the Gateway API it is closed: a field or a word that this version does not know is an error, because
//! whoever wrote it would wait for its effect in vain. What is left out is the class's, then the default.

mod layered;
pub mod overlay;
mod placement;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use placement::{Placement, TaintEffect, Toleration, TolerationOperator, TopologySpread, Unsatisfiable};

use super::duration::Span;
pub(super) use rules::broken;

/// `PingwayParameters.spec`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ParametersSpec {
    /// Image of the proxy. `None`: the installation's.
    pub image: Option<String>,
    /// Number of pods. Not beside `autoscaling`.
    pub replicas: Option<u32>,
    /// A HorizontalPodAutoscaler that sets the number of pods.
    pub autoscaling: Option<Autoscaling>,
    /// What the proxy's container asks for.
    pub resources: Option<Resources>,
    /// Where pods are placed.
    pub placement: Option<Placement>,
    /// What is logged.
    pub log: Option<LogParameters>,
    /// Access log.
    pub access_log: Option<AccessLogParameters>,
    /// The Service.
    pub service: Option<ServiceParameters>,
    /// How a pod ends.
    pub drain: Option<DrainParameters>,
    /// How many pods an eviction may take.
    pub pod_disruption_budget: Option<DisruptionParameters>,
    /// What is done about Istio's policies that are not enforced. `None`: by their kind.
    pub unenforced_policies: Option<Unenforced>,
    /// Istio's root namespace, where policies may be for a whole class. `None`: `istio-system`.
    pub istio_root_namespace: Option<String>,
    /// Whose workloads are told in metrics and the access log.
    pub workload_labels: Option<WorkloadLabels>,
    /// The cluster's name in Istio's metrics. `None`: `Kubernetes`.
    pub cluster_name: Option<String>,
    /// The domain below which Services have names there. `None`: `cluster.local`.
    pub cluster_domain: Option<String>,
    /// Merged into the pods' template: fields beside it, elements of lists by their name.
    pub pod_template: Option<PodTemplate>,
}

/// `spec.unenforcedPolicies`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Unenforced {
    /// What such a policy would judge is refused.
    Deny,
    /// It passes, and that is told.
    Warn,
}

impl Unenforced {
    /// As parameters spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
        }
    }
}

/// `spec.workloadLabels`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum WorkloadLabels {
    /// Of pods in the namespaces whose Services are seen.
    #[default]
    Local,
    /// Of every pod.
    Cluster,
    /// Of none.
    Off,
}

impl WorkloadLabels {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Local, Self::Cluster, Self::Off];

    /// As parameters spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Cluster => "Cluster",
            Self::Off => "Off",
        }
    }
}

/// `spec.podTemplate`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PodTemplate {
    /// Metadata of pods.
    pub metadata: PodMetadata,
    /// The pods' spec; an object.
    pub spec: Map<String, Value>,
}

/// `spec.podTemplate.metadata`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PodMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// `spec.autoscaling`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Autoscaling {
    /// Fewest pods.
    pub min_replicas: Option<u32>,
    /// Most pods.
    pub max_replicas: Option<u32>,
    /// The processor time that is aimed at, as percentage of `resources.requests.cpu`.
    pub cpu_utilization: Option<u32>,
    /// For how long fewer pods must have been enough before there are fewer.
    pub scale_down_stabilization: Option<Span>,
}

/// `spec.resources`, of the proxy's container. By name: `cpu`, `memory`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// What is kept for it.
    pub requests: BTreeMap<String, Quantity>,
    /// What it may take at most.
    pub limits: BTreeMap<String, Quantity>,
}

/// An amount, like `100m`, `0.5` or `64Mi`; a number counts as its digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Quantity(String);

impl Quantity {
    /// An amount as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl TryFrom<Value> for Quantity {
    type Error = String;

    fn try_from(written: Value) -> Result<Self, String> {
        match written {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) if number.as_f64().is_some_and(|number| number >= 0.0) => {
                Ok(Self(number.to_string()))
            }
            other => Err(format!("{other} is not an amount, like 100m, 0.5 or 64Mi")),
        }
    }
}

/// `spec.log`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogParameters {
    /// A level, or levels by module: `info,pingway::proxy=debug`.
    pub filter: Option<String>,
    /// How lines look.
    pub format: Option<LogFormat>,
}

/// `spec.log.format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `spec.accessLog`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLogParameters {
    /// Whether there is one.
    pub enabled: Option<bool>,
    /// One line of so many.
    pub sample: Option<u32>,
    /// Which requests: `errors`, `status>=N`, `route=NAMESPACE/NAME`, joined by commas.
    pub filter: Option<String>,
}

/// `spec.service`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceParameters {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<ServiceType>,
    /// Annotations, beside those of the Gateway's `spec.infrastructure`.
    pub annotations: BTreeMap<String, String>,
    /// Of NodePort and LoadBalancer: whether a node passes requests on to other nodes.
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Of LoadBalancer: who makes the load balancer.
    pub load_balancer_class: Option<String>,
}

/// `spec.service.type`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ServiceType {
    /// Reached within the cluster.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// On a port of every node, too.
    NodePort,
    /// By a load balancer, too.
    LoadBalancer,
}

impl ServiceType {
    /// As a Service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// `spec.service.externalTrafficPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ExternalTrafficPolicy {
    /// To any pod.
    Cluster,
    /// To pods of the same node only, which see the client's address.
    Local,
}

impl ExternalTrafficPolicy {
    /// As a Service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}

/// `spec.drain`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrainParameters {
    /// How long a pod that ends still accepts connections.
    pub delay: Option<Span>,
    /// How long what is in flight then may take.
    pub deadline: Option<Span>,
}

/// `spec.podDisruptionBudget`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DisruptionParameters {
    /// Pods, or a share of them like `25%`, that an eviction may take at once.
    pub max_unavailable: Option<IntOrString>,
}
