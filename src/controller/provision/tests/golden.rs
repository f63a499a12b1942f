//! Whole objects, to be read. Labels and owners, which are the same on each, are those of the first only.

use kube::api::DynamicObject;
use serde_json::json;

use super::super::{AccessLog, Autoscaler, Parameters, Scale, objects};
use super::{gateway, install, made, scope, template};
use crate::api::parameters::ServiceType;
use crate::snapshot::Namespaces;

fn readable(mut objects: Vec<DynamicObject>) -> Vec<DynamicObject> {
    for object in objects.iter_mut().skip(1) {
        (object.metadata.labels, object.metadata.owner_references) = (None, None);
    }
    objects
}

#[test]
fn a_waypoint_with_defaults() {
    let hbone = json!([
        { "name": "http", "port": 80, "protocol": "HTTP" },
        { "name": "fake-hbone-port", "port": 15008, "protocol": "TCP" },
    ]);
    let labels = json!({ "istio.io/waypoint-for": "service" });
    let gateway = gateway(json!({ "labels": labels }), json!({ "listeners": hbone }));
    insta::assert_yaml_snapshot!(readable(made(&gateway, &Parameters::default())));
}

#[test]
fn a_gateway_that_sees_everything_and_scales() {
    let certificates = json!([{ "name": "own" }, { "name": "far", "namespace": "certs" }]);
    let listeners = json!([
        { "name": "https", "port": 443, "protocol": "HTTPS", "tls": { "certificateRefs": certificates } },
    ]);
    let infrastructure = json!({ "labels": { "team": "edge" }, "annotations": { "example.com/note": "seen" } });
    let gateway = gateway(json!({}), json!({ "listeners": listeners, "infrastructure": infrastructure }));
    let mut parameters = Parameters {
        image: Some("registry.example/own:2".to_owned()),
        scale: Scale::Auto(Autoscaler { fewest: 2, ..Autoscaler::default() }),
        access_log: Some(AccessLog { sample: Some(100), filter: Some("errors".to_owned()) }),
        cluster_name: Some("east".to_owned()),
        cluster_domain: Some("corp.test".to_owned()),
        pod_template: Some(template(json!({ "spec": { "runtimeClassName": "gvisor" } }))),
        ..Parameters::default()
    };
    parameters.service.kind = Some(ServiceType::LoadBalancer);
    let scope = scope(Namespaces::All, Namespaces::All, &["shop/own", "certs/far"]);
    insta::assert_yaml_snapshot!(readable(objects(&gateway, &parameters, &scope, &install())));
}
