//! Istio's ServiceEntry and WorkloadEntry (`networking.istio.io`): hosts that the mesh knows beside Services, and workloads that are
//! no pods. Only what a waypoint goes by is kept.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Object;

/// A ServiceEntry.
pub type ServiceEntry = Object<ServiceEntrySpec>;
/// A WorkloadEntry.
pub type WorkloadEntry = Object<EntryEndpoint>;

/// The versions in which Istio serves both, best first.
pub const ENTRY_VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha3"];

/// What is read of a ServiceEntry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceEntrySpec {
    /// `hosts`, in lower case.
    pub hosts: Vec<String>,
    /// `addresses`: IP addresses, or ranges of such; for every host.
    pub addresses: Vec<String>,
    /// `status.addresses`: what istiod allocated, each with the host that it is for. They count where `addresses` is empty.
    pub allocated: Vec<(String, IpAddr)>,
    /// `ports`
    pub ports: Vec<EntryPort>,
    /// `resolution`, `NONE` where it is not said.
    pub resolution: String,
    /// `endpoints`
    pub endpoints: Vec<EntryEndpoint>,
    /// `workloadSelector.labels`; `None`: it selects nothing.
    pub workload_selector: Option<BTreeMap<String, String>>,
    /// Namespaces from which it is seen (`exportTo`); empty: all. `.` is its own.
    pub export_to: Vec<String>,
}

/// A port of a ServiceEntry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPort {
    /// `number`, by which it is dialled.
    pub number: u16,
    /// `name`
    pub name: String,
    /// `protocol`, as written; empty where it is not.
    pub protocol: String,
    /// `targetPort`: its number at endpoints that say no other.
    pub target: Option<u16>,
}

/// An endpoint of a ServiceEntry, or a WorkloadEntry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryEndpoint {
    /// `address`: an IP address, or a name of DNS.
    pub address: String,
    /// `ports`: numbers by the names of ports.
    pub ports: BTreeMap<String, u16>,
    /// `labels`; of a WorkloadEntry, with those of its metadata.
    pub labels: BTreeMap<String, String>,
    /// `network`; empty: the mesh's own.
    pub network: String,
}

impl ServiceEntrySpec {
    /// Whether it is exported to a namespace. `own`: that of the ServiceEntry.
    pub fn is_seen_from(&self, own: &str, namespace: &str) -> bool {
        let reaches = |to: &String| match to.as_str() {
            "*" => true,
            "." => own == namespace,
            named => named == namespace,
        };
        self.export_to.is_empty() || self.export_to.iter().any(reaches)
    }
}
