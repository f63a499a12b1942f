//! The template of a Gateway's pods.
//!
//! It does not depend on listeners or routes: these change what pods serve, and restart none.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::frame::Frame;
use super::parameters::Parameters;
use super::{METRICS_PORT, arguments, labels};
use crate::api::parameters::{TopologySpread, overlay};

/// The user and group that the proxy runs as.
const NOBODY: u32 = 65532;

/// Between the deadline of what is in flight and the moment at which a pod is killed.
const AFTER_DRAIN: Duration = Duration::from_secs(5);

/// Labels that pods have unless the user says otherwise: ztunnel takes in and sends out for a waypoint, and a sidecar before it
/// would take its traffic.
const DEFAULT_LABELS: &[(&str, &str)] = &[("istio.io/dataplane-mode", "ambient"), ("sidecar.istio.io/inject", "false")];

/// Annotations that pods have unless the user says otherwise: where metrics are; and that ztunnel leaves their DNS alone, which would
/// answer a ServiceEntry's host with the address that leads back to the waypoint.
const DEFAULT_ANNOTATIONS: &[(&str, &str)] = &[
    ("prometheus.io/scrape", "true"),
    ("prometheus.io/port", "15020"),
    ("prometheus.io/path", "/metrics"),
    ("ambient.istio.io/dns-capture", "false"),
];

/// The template, with the user's overlay merged into it. What selects its pods stays.
pub(super) fn template(frame: &Frame<'_>, parameters: &Parameters) -> Value {
    let labels = over(DEFAULT_LABELS, frame.labels.clone());
    let annotations = over(DEFAULT_ANNOTATIONS, frame.annotations());
    let mut template = json!({
        "metadata": { "labels": labels, "annotations": annotations },
        "spec": spec(frame, parameters),
    });
    if let Some(given) = &parameters.pod_template {
        overlay::merge(&mut template, &json!(given));
    }
    overlay::merge(&mut template, &json!({ "metadata": { "labels": labels::ours(frame.gateway, &frame.name) } }));
    // A pod that is killed while it drains loses requests.
    let (given, least) = (&mut template["spec"]["terminationGracePeriodSeconds"], grace(parameters));
    if given.as_u64() < Some(least) {
        *given = json!(least);
    }
    template
}

/// How long a pod needs to end, in seconds.
fn grace(parameters: &Parameters) -> u64 {
    let grace = parameters.drain_delay + parameters.drain_deadline + AFTER_DRAIN;
    grace.as_millis().div_ceil(1_000) as u64
}

fn spec(frame: &Frame<'_>, parameters: &Parameters) -> Value {
    let mut spec = json!({
        "serviceAccountName": frame.name,
        "automountServiceAccountToken": true,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": grace(parameters),
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": NOBODY, "runAsGroup": NOBODY,
            "seccompProfile": { "type": "RuntimeDefault" },
            "sysctls": [{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }],
        },
        "containers": [container(frame, parameters)],
    });
    if let Value::Object(fields) = &mut spec {
        place(fields, frame, parameters);
    }
    spec
}

fn container(frame: &Frame<'_>, parameters: &Parameters) -> Value {
    let from_pod =
        |name: &str, field: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": field } } });
    json!({
        "name": "proxy",
        "image": parameters.image.as_deref().unwrap_or(&frame.install.image),
        "args": arguments::of(frame, parameters),
        "env": [
            from_pod("POD_NAME", "metadata.name"),
            from_pod("POD_IPS", "status.podIPs"),
            from_pod("POD_NODE", "spec.nodeName"),
            // A copy of the node's, made when the pod is bound (Kubernetes 1.35 and later; KEP-4742): no right on Nodes.
            from_pod("POD_ZONE", "metadata.labels['topology.kubernetes.io/zone']"),
        ],
        "ports": [{ "name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP" }],
        "resources": resources(parameters),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "readinessProbe": probe("/readyz", 2, 3),
        "livenessProbe": probe("/healthz", 10, 6),
    })
}

fn resources(parameters: &Parameters) -> Value {
    let kinds = [("requests", &parameters.resources.requests), ("limits", &parameters.resources.limits)];
    let given = kinds.into_iter().filter(|(_, amounts)| !amounts.is_empty());
    given.map(|(kind, amounts)| (kind.to_owned(), json!(amounts))).collect::<Map<_, _>>().into()
}

fn probe(path: &str, period_seconds: u32, failures: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": METRICS_PORT },
        "periodSeconds": period_seconds, "timeoutSeconds": 5, "failureThreshold": failures,
    })
}

/// Where pods are placed, as far as parameters say.
fn place(spec: &mut Map<String, Value>, frame: &Frame<'_>, parameters: &Parameters) {
    let placement = &parameters.placement;
    let spread = |constraint: &TopologySpread| {
        let mut constraint = json!(constraint);
        constraint["labelSelector"] = json!({ "matchLabels": { labels::GATEWAY: frame.name } });
        constraint
    };
    let spreads = placement.topology_spread_constraints.as_ref().map(|all| all.iter().map(spread).collect::<Value>());
    let fields = [
        ("nodeSelector", placement.node_selector.as_ref().map(|labels| json!(labels))),
        ("tolerations", placement.tolerations.as_ref().map(|tolerations| json!(tolerations))),
        ("affinity", placement.affinity.clone()),
        ("topologySpreadConstraints", spreads),
        ("priorityClassName", placement.priority_class_name.as_ref().map(|name| json!(name))),
    ];
    spec.extend(fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))));
}

/// What the user says, over what is there otherwise.
fn over(defaults: &[(&str, &str)], given: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let defaults = defaults.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    defaults.chain(given).collect()
}
