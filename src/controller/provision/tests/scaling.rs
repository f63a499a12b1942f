//! How pods come and go: nothing that flows is cut by defaults.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Autoscaler, Parameters, Scale};
use super::{field, gateway, kind_of, made, template};

fn with(parameters: &Parameters) -> Vec<kube::api::DynamicObject> {
    made(&gateway(json!({}), json!({})), parameters)
}

#[test]
fn a_rollout_has_never_fewer_pods_and_a_pod_has_time_to_drain() {
    let parameters = Parameters {
        drain_delay: Duration::from_millis(1_500),
        drain_deadline: Duration::from_secs(600),
        ..Parameters::default()
    };
    let objects = with(&parameters);
    assert_eq!(field(&objects, "Deployment", "/spec/strategy/rollingUpdate/maxUnavailable"), 0);
    assert_eq!(field(&objects, "Deployment", "/spec/template/spec/terminationGracePeriodSeconds"), 607);
    let arguments = field(&objects, "Deployment", "/spec/template/spec/containers/0/args");
    let arguments: Vec<&str> = arguments.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(arguments.join(" ").contains("--drain-delay 1500ms --drain-deadline 600s"), "{arguments:?}");
}

#[test]
fn a_template_can_give_a_pod_longer_to_end_than_it_needs_and_never_less() {
    let seconds = |given: i64| {
        let overlay = json!({ "spec": { "terminationGracePeriodSeconds": given } });
        let parameters = Parameters { pod_template: Some(template(overlay)), ..Parameters::default() };
        field(&with(&parameters), "Deployment", "/spec/template/spec/terminationGracePeriodSeconds")
    };
    assert_eq!([1, 39, 40, 600].map(seconds), [40, 40, 40, 600].map(|seconds| json!(seconds)));
}

#[test]
fn an_autoscaler_sets_the_number_of_pods_and_lets_them_go_slowly() {
    let auto = Autoscaler { fewest: 2, most: 5, ..Autoscaler::default() };
    let objects = with(&Parameters { scale: Scale::Auto(auto), ..Parameters::default() });
    assert_eq!(field(&objects, "Deployment", "/spec/replicas"), Value::Null);
    let spec = field(&objects, "HorizontalPodAutoscaler", "/spec");
    assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(2), &json!(5)));
    assert_eq!(spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 600);
    let fixed = with(&Parameters { scale: Scale::Fixed(3), ..Parameters::default() });
    assert_eq!(field(&fixed, "Deployment", "/spec/replicas"), 3);
    assert!(!fixed.iter().any(|object| kind_of(object) == "HorizontalPodAutoscaler"));
}

#[test]
fn a_budget_is_there_where_there_can_be_more_than_one_pod() {
    let budget = |scale| {
        let objects = with(&Parameters { scale, ..Parameters::default() });
        objects.iter().any(|object| kind_of(object) == "PodDisruptionBudget")
    };
    assert!(!budget(Scale::Fixed(1)));
    assert!(budget(Scale::Fixed(2)));
    assert!(budget(Scale::Auto(Autoscaler::default())));
}

#[test]
fn an_overlay_changes_the_template_but_not_what_selects_its_pods() {
    let overlay = json!({
        "metadata": { "labels": { "pingway.dev/gateway": "other", "mine": "1" } },
        "spec": { "containers": [{ "name": "proxy", "env": [{ "name": "TZ", "value": "UTC" }] }] },
    });
    let objects = with(&Parameters { pod_template: Some(template(overlay)), ..Parameters::default() });
    let template = field(&objects, "Deployment", "/spec/template");
    assert_eq!(template["metadata"]["labels"]["pingway.dev/gateway"], "waypoint-pingway");
    assert_eq!(template["metadata"]["labels"]["mine"], "1");
    let environment = template["spec"]["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    let names: Vec<_> = environment.iter().filter_map(|variable| variable["name"].as_str()).collect();
    assert_eq!(names, ["POD_NAME", "POD_IPS", "POD_NODE", "POD_ZONE", "TZ"]);
}

#[test]
fn listeners_restart_no_pod() {
    let template = |port: u16| {
        let listeners = json!([{ "name": "http", "port": port, "protocol": "HTTP" }]);
        field(
            &made(&gateway(json!({}), json!({ "listeners": listeners })), &Parameters::default()),
            "Deployment",
            "/spec/template",
        )
    };
    assert_eq!(template(80), template(8080));
}
