//! Parameters, ready to use: what is not said has its default.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::api::parameters::{
    AccessLogParameters, Autoscaling, LogParameters, ParametersSpec, Placement, PodTemplate, Quantity, Resources,
    ServiceParameters, WorkloadLabels,
};
use crate::compile::PolicySettings;
use crate::settings::Settings;

/// How what a Gateway runs on is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Image of the proxy. `None`: the installation's.
    pub image: Option<String>,
    /// Number of pods.
    pub scale: Scale,
    /// What the proxy's container asks for.
    pub resources: Resources,
    /// Where pods are placed.
    pub placement: Placement,
    /// What is logged; what is `None` is the proxy's default.
    pub log: LogParameters,
    /// Access log. `None`: there is none.
    pub access_log: Option<AccessLog>,
    /// The Service.
    pub service: ServiceParameters,
    /// From its end on, for how long a pod still accepts connections.
    pub drain_delay: Duration,
    /// After that, for how long it lets finish what is in flight.
    pub drain_deadline: Duration,
    /// Pods that an eviction may take at once.
    pub max_unavailable: IntOrString,
    /// What it says of Istio's policies.
    pub policies: PolicySettings,
    /// Whose workloads are told.
    pub workload_labels: WorkloadLabels,
    /// The cluster's name in metrics. `None`: the proxy's default.
    pub cluster_name: Option<String>,
    /// The domain below which Services have names there, likewise.
    pub cluster_domain: Option<String>,
    /// Merged into the pods' template.
    pub pod_template: Option<PodTemplate>,
}

/// Number of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many.
    Fixed(u32),
    /// As many as an autoscaler finds right.
    Auto(Autoscaler),
}

impl Scale {
    /// Most pods that there can be.
    pub(super) fn most(self) -> u32 {
        match self {
            Self::Fixed(replicas) => replicas,
            Self::Auto(autoscaler) => autoscaler.most,
        }
    }
}

/// How the number of pods follows the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// Fewest pods.
    pub fewest: u32,
    /// Most pods.
    pub most: u32,
    /// The processor time that is aimed at, in percent of what is requested.
    pub cpu_utilization: u32,
    /// For how long fewer pods must have been enough before there are fewer.
    pub stabilization: Duration,
}

/// What the access log takes; what is `None` is the proxy's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLog {
    /// One line of so many.
    pub sample: Option<u32>,
    /// Which requests.
    pub filter: Option<String>,
}

impl Default for Autoscaler {
    fn default() -> Self {
        Self { fewest: 1, most: 10, cpu_utilization: 80, stabilization: Duration::from_secs(600) }
    }
}

impl Default for Parameters {
    fn default() -> Self {
        let settings = Settings::default();
        let requests = [("cpu", "50m"), ("memory", "64Mi")];
        let requests = requests.map(|(name, amount)| (name.to_owned(), Quantity::new(amount))).into();
        Self {
            image: None,
            scale: Scale::Fixed(1),
            resources: Resources { requests, ..Resources::default() },
            placement: Placement::default(),
            log: LogParameters::default(),
            access_log: None,
            service: ServiceParameters::default(),
            drain_delay: settings.drain_delay,
            drain_deadline: settings.drain_deadline,
            max_unavailable: IntOrString::Int(1),
            policies: PolicySettings::default(),
            workload_labels: WorkloadLabels::default(),
            cluster_name: None,
            cluster_domain: None,
            pod_template: None,
        }
    }
}

impl From<ParametersSpec> for Parameters {
    fn from(spec: ParametersSpec) -> Self {
        let default = Self::default();
        let drain = spec.drain.unwrap_or_default();
        let scale = match (spec.autoscaling, spec.replicas) {
            (Some(given), _) => Scale::Auto(Autoscaler::from(given)),
            (None, Some(replicas)) => Scale::Fixed(replicas),
            (None, None) => default.scale,
        };
        Self {
            image: spec.image,
            scale,
            resources: resources(spec.resources.unwrap_or_default(), default.resources),
            placement: spec.placement.unwrap_or_default(),
            log: spec.log.unwrap_or_default(),
            access_log: spec.access_log.and_then(access_log),
            service: spec.service.unwrap_or_default(),
            drain_delay: drain.delay.map_or(default.drain_delay, |delay| delay.0),
            drain_deadline: drain.deadline.map_or(default.drain_deadline, |deadline| deadline.0),
            max_unavailable: spec
                .pod_disruption_budget
                .and_then(|budget| budget.max_unavailable)
                .unwrap_or(default.max_unavailable),
            policies: PolicySettings {
                unenforced: spec.unenforced_policies,
                root_namespace: spec.istio_root_namespace.map_or(default.policies.root_namespace, Arc::from),
            },
            workload_labels: spec.workload_labels.unwrap_or_default(),
            cluster_name: spec.cluster_name,
            cluster_domain: spec.cluster_domain,
            pod_template: spec.pod_template,
        }
    }
}

impl From<Autoscaling> for Autoscaler {
    /// A default gives way to what is given.
    fn from(given: Autoscaling) -> Self {
        let default = Self::default();
        let most = given.max_replicas.unwrap_or(default.most.max(given.min_replicas.unwrap_or_default()));
        Self {
            fewest: given.min_replicas.unwrap_or(default.fewest),
            most,
            cpu_utilization: given.cpu_utilization.unwrap_or(default.cpu_utilization),
            stabilization: given.scale_down_stabilization.map_or(default.stabilization, |given| given.0),
        }
    }
}

/// Default requests, where neither a request nor a limit is given: a limit may be below the default, and is the request then.
fn resources(given: Resources, default: Resources) -> Resources {
    let mut requests = default.requests;
    requests.retain(|name, _| !given.limits.contains_key(name));
    requests.extend(given.requests);
    Resources { requests, limits: given.limits }
}

/// Off unless it is switched on.
fn access_log(given: AccessLogParameters) -> Option<AccessLog> {
    let AccessLogParameters { enabled, sample, filter } = given;
    enabled.unwrap_or_default().then_some(AccessLog { sample, filter })
}
