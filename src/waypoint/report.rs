//! The report of a replica: what is written by its pod and read by the controller.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::api::{Gateway, Kind, ObjectName, ObjectRef};
use crate::pipeline::Report;
use crate::snapshot::{BindFailure, Replica};
use crate::source::{Origin, ProblemKind};

/// Keys of the ConfigMap that are reports: this, and the pod's name.
pub const KEY_PREFIX: &str = "pod.";

/// Objects that a report names as unread at most, so that it stays far below what an object may hold.
const UNREAD: usize = 20;
/// Characters of a message at most, for the same reason.
const MESSAGE: usize = 300;

/// What a replica tells. Fields that a newer version adds are passed over, those that are missing are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplicaReport {
    /// `metadata.uid` of the Gateway that it serves.
    pub uid: String,
    /// `metadata.generation` of the Gateway as it serves it.
    pub generation: i64,
    /// Its version of Pingway.
    pub version: String,
    /// Ports of listeners that are bound.
    pub bound: BTreeSet<u16>,
    /// Ports of listeners that could not be, and why.
    pub failed: BTreeMap<u16, String>,
    /// Objects that it could not read, or not make a table of.
    pub unread: Vec<Unread>,
}

/// An object that a replica could not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unread {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub message: String,
}

impl ReplicaReport {
    /// What a pipeline's report tells. `None`: its Gateway has not been seen.
    pub fn of(report: &Report) -> Option<Self> {
        let served = report.gateway.as_ref()?;
        let mut told = Self {
            uid: served.uid.to_string(),
            generation: served.generation,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Self::default()
        };
        for (socket, bound) in &report.observed.sockets {
            match bound {
                Ok(()) => drop(told.bound.insert(socket.port)),
                Err(failure) => drop(told.failed.insert(socket.port, cut(&failure.message))),
            }
        }
        told.unread.extend(unread(report, &served.name).take(UNREAD));
        Some(told)
    }

    /// Whether it tells of this very Gateway, and not of one that had its name before. Of one without a uid, as in a file, any does.
    pub fn is_of(&self, gateway: &Gateway) -> bool {
        gateway.meta.uid.as_deref().is_none_or(|uid| uid == self.uid)
    }

    /// As the fact that compile reads.
    pub fn replica(&self) -> Replica {
        let bound = self.bound.iter().map(|&port| (port, Ok(())));
        let failed = self.failed.iter().map(|(&port, message)| (port, Err(BindFailure { message: message.clone() })));
        // A kind of a later version is none that a condition here could speak of.
        let unread = self.unread.iter().filter_map(|unread| {
            let kind = Kind::named(&unread.kind)?;
            let name = ObjectName::new(unread.namespace.as_str(), unread.name.as_str());
            Some((ObjectRef { kind, name }, unread.message.clone()))
        });
        Replica { generation: self.generation, ports: bound.chain(failed).collect(), unread: unread.collect() }
    }
}

/// What could not be read: objects as the API server has them, certificates, and the Gateway where all of it fails within.
fn unread(report: &Report, gateway: &ObjectName) -> impl Iterator<Item = Unread> {
    let objects = report.source_problems.iter().filter_map(|problem| match (&problem.origin, problem.kind) {
        (Origin::Api { object }, ProblemKind::Object) => Some(one(object, &problem.to_string())),
        _ => None,
    });
    let certificates = report.refused_certificates.iter().map(|refused| {
        let object = ObjectRef { kind: Kind::Secret, name: refused.secret.clone() };
        one(&object, &refused.to_string())
    });
    let whole = ObjectRef { kind: Kind::Gateway, name: gateway.clone() };
    let failure = report.failure.iter().map(move |failure| one(&whole, failure));
    failure.chain(certificates).chain(objects)
}

fn one(object: &ObjectRef, message: &str) -> Unread {
    let ObjectName { namespace, name } = &object.name;
    Unread {
        kind: object.kind.to_string(),
        namespace: namespace.to_string(),
        name: name.to_string(),
        message: cut(message),
    }
}

fn cut(message: &str) -> String {
    message.chars().take(MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::pipeline::GatewayServed;
    use crate::snapshot::{Observed, Socket};
    use crate::source::Problem;

    fn report() -> Report {
        let failure = BindFailure { message: "[::]:81: permission denied".to_owned() };
        let socket = |port| Socket { address: None, port };
        let sockets = BTreeMap::from([(socket(80), Ok(())), (socket(81), Err(failure))]);
        let object = ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("shop", "cart") };
        let problem = Problem {
            object: object.to_string(),
            origin: Origin::Api { object },
            field: "spec.rules".to_owned(),
            kind: ProblemKind::Object,
            message: "x".repeat(1_000),
        };
        Report {
            gateway: Some(GatewayServed {
                name: ObjectName::new("shop", "waypoint"),
                uid: "u-1".into(),
                generation: 3,
            }),
            observed: Observed { sockets, ..Observed::default() },
            source_problems: Arc::new(vec![problem]),
            ..Report::default()
        }
    }

    #[test]
    fn a_replica_tells_what_it_serves_which_ports_are_bound_and_what_it_could_not_read() {
        let told = ReplicaReport::of(&report()).expect("its Gateway is known");
        let expected = json!({
            "uid": "u-1", "generation": 3, "version": env!("CARGO_PKG_VERSION"), "bound": [80],
            "failed": { "81": "[::]:81: permission denied" },
            "unread": [{
                "kind": "HTTPRoute", "namespace": "shop", "name": "cart",
                "message": format!("HTTPRoute shop/cart: spec.rules: {}", "x".repeat(300 - 33)),
            }],
        });
        assert_eq!(serde_json::to_value(&told).expect("JSON"), expected);
        let replica = told.replica();
        assert_eq!((replica.generation, replica.ports.len(), replica.unread.len()), (3, 2, 1));
        assert!(replica.ports[&80].is_ok() && replica.ports[&81].is_err());
    }

    #[test]
    fn a_replica_that_has_not_seen_its_gateway_has_nothing_to_tell() {
        assert_eq!(ReplicaReport::of(&Report { gateway: None, ..report() }), None);
    }

    #[test]
    fn a_report_of_another_version_is_read_as_far_as_it_goes() {
        let read: ReplicaReport = serde_json::from_value(json!({ "generation": 2, "new": true })).expect("a report");
        assert_eq!(read, ReplicaReport { generation: 2, ..ReplicaReport::default() });
    }
}
