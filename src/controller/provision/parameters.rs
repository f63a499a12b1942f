//! Parameters, ready to use: what is not said has its default.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use crate::api::parameters::{LogParameters, Placement, Quantity, Resources, ServiceParameters};
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
    /// Merged into the pods' template, one after the other.
    pub pod_template: Vec<Value>,
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
            pod_template: Vec::new(),
        }
    }
}
