//! The waypoint pod's side of the cluster: what a replica tells of itself.
//!
//! Each replica writes one key of its Gateway's ConfigMap, by server-side apply under a name of its own, so replicas never
//! touch each other's. It writes when what it has to tell differs from what it told, once a second at most.
//!
//! Never here: verdicts, conditions, the request path.

mod report;
mod writer;

pub use report::{KEY_PREFIX, ReplicaReport};
pub use writer::{Place, Reporter, start};
