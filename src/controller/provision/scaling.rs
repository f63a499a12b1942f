//! How many pods there are: the autoscaler, and the budget of what evictions may take.

use kube::api::DynamicObject;
use serde_json::json;

use super::frame::Frame;
use super::kinds::{AUTOSCALER, DEPLOYMENT, DISRUPTION_BUDGET};
use super::labels;
use super::parameters::{Parameters, Scale};

/// Between two pods that a smaller load lets go, in seconds: each cuts what it can't finish before its deadline.
const BETWEEN_SCALE_DOWNS: u32 = 60;

/// The autoscaler, where the number of pods is not fixed. It takes pods away late and one by one, to keep streams alive.
pub(super) fn autoscaler(frame: &Frame<'_>, parameters: &Parameters) -> Option<DynamicObject> {
    let Scale::Auto(autoscaler) = parameters.scale else { return None };
    let target = json!({ "type": "Utilization", "averageUtilization": autoscaler.cpu_utilization });
    let spec = json!({
        "scaleTargetRef": { "apiVersion": DEPLOYMENT.api_version(), "kind": DEPLOYMENT.kind, "name": frame.name },
        "minReplicas": autoscaler.fewest,
        "maxReplicas": autoscaler.most,
        "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": target } }],
        "behavior": { "scaleDown": {
            "stabilizationWindowSeconds": autoscaler.stabilization.as_secs(),
            "policies": [{ "type": "Pods", "value": 1, "periodSeconds": BETWEEN_SCALE_DOWNS }],
        } },
    });
    Some(frame.own(AUTOSCALER, json!({ "spec": spec })))
}

/// The budget, where there can be more than one pod: of a single one it would only keep a node from being emptied.
pub(super) fn disruption_budget(frame: &Frame<'_>, parameters: &Parameters) -> Option<DynamicObject> {
    let spec = json!({
        "selector": { "matchLabels": { labels::GATEWAY: frame.name } },
        "maxUnavailable": parameters.max_unavailable,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    });
    (parameters.scale.most() > 1).then(|| frame.own(DISRUPTION_BUDGET, json!({ "spec": spec })))
}
