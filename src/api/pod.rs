//! What is kept of a Pod: by which addresses it is known, what it is called in metrics, and who selects it. A cluster has thousands.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{LabelSet, ObjectName};

/// A Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace and name.
    pub name: ObjectName,
    /// Its own addresses, sorted. None where it has ended, or has its node's: those are not told from other pods'.
    pub ips: Box<[IpAddr]>,
    /// What runs in it.
    pub workload: Workload,
    /// The labels that say by which waypoint it is served, or that it is a waypoint's own.
    pub labels: BTreeMap<String, String>,
    /// All of its labels, for selectors.
    pub label_set: LabelSet,
    /// Whether it says that it can serve, and is not about to end.
    pub ready: bool,
}

/// What a pod belongs to, as Istio names it: the pods of one Deployment have one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// The name of what owns the pod, such as a Deployment's; of a pod without owner, its own.
    pub name: Arc<str>,
    /// Its canonical service.
    pub service: Arc<str>,
    /// Its canonical revision.
    pub revision: Arc<str>,
    /// Its ServiceAccount.
    pub account: Arc<str>,
}

/// As the access log has it: `NAMESPACE/NAME`.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
