//! The Deployment: how pods of a Gateway come and go without losing a request.

use kube::api::DynamicObject;
use serde_json::json;

use super::frame::Frame;
use super::kinds::DEPLOYMENT;
use super::parameters::{Parameters, Scale};
use super::{labels, pod};

/// The Deployment. Its number of pods is left out where an autoscaler sets it.
///
/// A pod goes only when one that is ready has come for it, so that a rollout never has fewer than before.
pub(super) fn object(frame: &Frame<'_>, parameters: &Parameters) -> DynamicObject {
    let mut spec = json!({
        "selector": { "matchLabels": { labels::GATEWAY: frame.name } },
        "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": "25%" } },
        "template": pod::template(frame, parameters),
    });
    if let Scale::Fixed(replicas) = parameters.scale {
        spec["replicas"] = json!(replicas);
    }
    frame.own(DEPLOYMENT, json!({ "spec": spec }))
}
