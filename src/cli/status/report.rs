//! The answer of `pingway status`, as data.

use serde::Serialize;

/// All of it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) waypoints: Vec<Waypoint>,
    /// Of namespaces with pods outside the mesh: what these send goes past every waypoint. None where nothing is enrolled.
    pub(super) outside_mesh: Vec<Outside>,
    pub(super) findings: Vec<Finding>,
    /// What could not be read, and why: what is said does not count it.
    pub(super) unread: Vec<String>,
}

/// A Gateway of ours.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Waypoint {
    /// `NAMESPACE/NAME`
    pub(super) gateway: String,
    pub(super) class: String,
    /// The condition Programmed: `True`, `False`, `Unknown`; empty where there is none.
    pub(super) programmed: String,
    pub(super) addresses: Vec<String>,
    pub(super) generation: i64,
    pub(super) replicas: Vec<Replica>,
    pub(super) enrolled: Vec<Enrolled>,
    /// Pods that it serves by their own addresses, by workload.
    pub(super) enrolled_pods: Vec<PodsOf>,
    /// Services of namespaces that are enrolled with it, which opt out.
    pub(super) opted_out: Vec<String>,
}

impl Waypoint {
    /// Whether something is enrolled with it.
    pub(super) fn is_used(&self) -> bool {
        !self.enrolled.is_empty() || !self.enrolled_pods.is_empty()
    }
}

/// Pods of a workload.
#[derive(Debug, Serialize)]
pub(super) struct PodsOf {
    /// `NAMESPACE/NAME`
    pub(super) workload: String,
    /// How many.
    pub(super) pods: usize,
}

/// A pod of a Gateway.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Replica {
    pub(super) pod: String,
    pub(super) version: String,
    /// The Gateway's generation that it serves.
    pub(super) generation: i64,
    /// Its pod is there no more.
    pub(super) gone: bool,
}

/// Pods of a namespace that are not in the mesh.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Outside {
    pub(super) namespace: String,
    /// How many.
    pub(super) pods: usize,
}

/// What names a waypoint.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Enrolled {
    /// `Kind NAMESPACE/NAME`
    pub(super) object: String,
    pub(super) served: Served,
    /// Whether it names the waypoint as its canary only.
    pub(super) canary: bool,
    /// What istiod says: `istio.io/WaypointBound`, as `STATUS/REASON`, which is of the primary; of a canary its words, where it
    /// does not take it. Empty where it says nothing.
    pub(super) bound: String,
}

/// Whether Pingway serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Served {
    /// By its addresses.
    Yes,
    /// What ztunnel hands over for it is closed.
    No,
    /// The binding tells nothing of what was dialled: the Gateway's listeners serve what they take.
    ByListeners,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Error,
    Warning,
}

/// Something that is wrong, or surely not meant.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// `Kind NAMESPACE/NAME`
    pub(super) object: String,
    /// What is so, and what comes of it.
    pub(super) what: String,
    /// What to do about it.
    pub(super) todo: String,
}

impl Status {
    /// Whether something is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }
}
