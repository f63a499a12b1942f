//! Provision: a Gateway in, the objects that it runs on out.
//!
//! Same input, same objects, so that applying them again changes nothing. Never here: I/O, clock, randomness, a client.

mod access;
mod arguments;
mod deployment;
mod drift;
mod frame;
mod kinds;
mod labels;
mod name;
mod parameters;
mod pod;
mod scaling;
mod service;
#[cfg(test)]
mod tests;

use kube::api::DynamicObject;
use serde_json::json;

pub use access::{CLUSTER_ROLE, NAMESPACE_ROLE, ROOT_ROLE};
pub use drift::{reset, without_strays};
pub use kinds::{MadeKind, kinds};
pub use labels::{GATEWAY, GATEWAY_CLASS_NAME, GATEWAY_NAMESPACE, MANAGED_BY, PINGWAY};
pub use name::object_name;
pub use parameters::{AccessLog, Autoscaler, Parameters, Scale};
pub use service::{is_readdressed, on_trial, yet_to_be_had};

use crate::api::Gateway;
use crate::compile;
use crate::snapshot::{Scope, Snapshot};
use frame::Frame;

/// Port of metrics and health in a Gateway's pods.
pub const METRICS_PORT: u16 = 15020;
/// Port of the admin page in a Gateway's pods, on loopback.
pub const ADMIN_PORT: u16 = 15000;

/// What is set at installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// Image of the proxies for which parameters name none.
    pub image: String,
    /// `metadata.uid` of the ClusterRole [`CLUSTER_ROLE`], to which what is made outside a Gateway's namespace belongs, so that
    /// it goes with the installation. `None`: it belongs to nobody.
    pub cluster_role_uid: Option<String>,
}

/// The parameters of a Gateway: its own, over its class's, over the defaults. `None`: a reference to parameters does not
/// resolve, so that the Gateway is not accepted; what it runs on is to stay as it is.
pub fn resolve(snapshot: &Snapshot, gateway: &Gateway) -> Option<Parameters> {
    compile::parameters(snapshot, gateway).map(Parameters::from)
}

/// Everything that a Gateway runs on, in the order in which it is to be applied. Objects are whole but for what others set
/// (status, the number of pods where an autoscaler sets it); the report's ConfigMap has no data, which is the pods' to write.
pub fn objects(gateway: &Gateway, parameters: &Parameters, scope: &Scope, install: &Install) -> Vec<DynamicObject> {
    let frame = Frame::new(gateway, install);
    let mut objects = vec![frame.own(kinds::SERVICE_ACCOUNT, json!({})), frame.own(kinds::CONFIG_MAP, json!({}))];
    objects.extend(access::objects(&frame, scope));
    objects.extend(service::object(&frame, &parameters.service));
    objects.push(deployment::object(&frame, parameters));
    objects.extend(scaling::autoscaler(&frame, parameters));
    objects.extend(scaling::disruption_budget(&frame, parameters));
    objects
}
