//! What is taken out of the lists that are ours, and what stays.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::controller::provision::{reset, without_strays};

fn object(kind: &str, spec: Value) -> DynamicObject {
    let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "web" }, "spec": spec });
    serde_json::from_value(object).expect("an object")
}

fn service(ports: Value) -> DynamicObject {
    object("Service", json!({ "type": "NodePort", "ports": ports }))
}

fn deployment(spec: &Value) -> DynamicObject {
    object("Deployment", json!({ "template": { "metadata": { "labels": { "a": "b" } }, "spec": spec } }))
}

#[test]
fn a_port_of_another_number_goes_and_ours_keeps_its_node_port() {
    let ours =
        |port: u16| json!({ "name": format!("http-{port}"), "port": port, "targetPort": port, "protocol": "TCP" });
    let wanted = service(json!([ours(80), ours(81)]));
    let mut kept = ours(81);
    kept["nodePort"] = json!(30081);
    let there = service(json!([
        { "name": "http-80", "port": 8888, "targetPort": 80, "protocol": "TCP", "nodePort": 30080 }, kept,
    ]));
    assert_eq!(without_strays(&wanted, &there), Some(json!({ "spec": { "ports": [ours(80), kept] } })));
    assert_eq!(without_strays(&wanted, &service(json!([ours(80), kept]))), None);
    assert_eq!(without_strays(&wanted, &service(json!([kept]))), None, "what is missing an apply adds");
}

#[test]
fn a_container_and_a_variable_beside_ours_go_and_lists_that_are_not_ours_stay() {
    let proxy = json!({
        "name": "proxy", "image": "a", "env": [{ "name": "A", "value": "1" }],
        "ports": [{ "name": "metrics", "containerPort": 15020 }],
    });
    let wanted = deployment(&json!({ "containers": [proxy] }));
    let mut there = proxy.clone();
    there["imagePullPolicy"] = json!("Always");
    there["ports"][0]["protocol"] = json!("TCP");
    let with = |containers: Value| deployment(&json!({ "containers": containers, "volumes": [{ "name": "v" }] }));
    assert_eq!(without_strays(&wanted, &with(json!([there]))), None);

    let patch = |containers: Value| Some(json!({ "spec": { "template": { "spec": { "containers": containers } } } }));
    assert_eq!(without_strays(&wanted, &with(json!([{ "name": "p", "image": "a" }]))), patch(json!([proxy])));
    let mut edited = there.clone();
    edited["env"] = json!([{ "name": "A", "value": "2" }, { "name": "B", "value": "3" }]);
    assert_eq!(without_strays(&wanted, &with(json!([edited]))), patch(json!([there])));
}

#[test]
fn a_reset_leaves_only_ours_and_what_is_given() {
    let wanted = deployment(&json!({ "containers": [{ "name": "proxy" }] }));
    let there = object(
        "Deployment",
        json!({
            "replicas": 7, "paused": true,
            "template": {
                "metadata": { "labels": { "a": "b" }, "annotations": { "restartedAt": "now" } },
                "spec": { "containers": [{ "name": "proxy", "command": ["sleep"] }], "hostNetwork": true },
            },
        }),
    );
    let template = json!({
        "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [{ "name": "proxy" }], "hostNetwork": null },
    });
    assert_eq!(reset(&wanted, &there), Some(json!({ "spec": { "paused": null, "template": template } })));
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "web" } });
    let account = serde_json::from_value(account).expect("an object");
    assert_eq!(reset(&account, &account), None);
}
