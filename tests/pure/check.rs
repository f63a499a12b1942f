//! `pingway check` on folders of manifests: what it prints, and its exit code.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A class and a Gateway of ours.
const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: pingway}
spec: {controllerName: pingway.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: main}
spec:
  gatewayClassName: pingway
  listeners:
  - {name: web, port: 8080, protocol: HTTP}
";

/// A Service with an endpoint on loopback, which a folder of manifests may have.
const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{port: 9000}]
endpoints: [{addresses: [127.0.0.1]}]
";

/// A route of the Gateway `main` to this Service.
fn route(service: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: cart}}
spec:
  parentRefs: [{{name: main}}]
  rules:
  - backendRefs:
    - {{name: {service}, port: 80}}
"
    )
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

fn check(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingway"));
    command.arg("check").arg(folder.path()).args(arguments).output().expect("run")
}

/// What was printed, with the folder's name left out, and the exit code.
fn text(folder: &TempDir, arguments: &[&str]) -> (String, Option<i32>) {
    let output = check(folder, arguments);
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    (printed.replace(&format!("{}/", folder.path().display()), ""), output.status.code())
}

fn last_line(folder: &TempDir) -> (String, Option<i32>) {
    let (printed, code) = text(folder, &[]);
    (printed.lines().last().unwrap_or_default().to_owned(), code)
}

#[test]
fn what_is_served_is_ok() {
    let folder = folder(&[("gateway.yaml", GATEWAY), ("service.yaml", SERVICE), ("route.yaml", &route("shop"))]);
    let expected = "\
GatewayClass pingway
    Accepted      True   Accepted
Gateway default/main
    Accepted      True   Accepted
    ResolvedRefs  True   ResolvedRefs
    Programmed    True   Programmed
  listener web, 1 route
    Accepted      True   Accepted
    ResolvedRefs  True   ResolvedRefs
    Programmed    True   Programmed
    Conflicted    False  NoConflicts
HTTPRoute default/cart
  parent Gateway default/main
    Accepted      True   Accepted
    ResolvedRefs  True   ResolvedRefs
ok: 3 objects are served as they are written
";
    assert_eq!(text(&folder, &[]), (expected.to_owned(), Some(0)));
}

#[test]
fn a_reference_that_does_not_resolve_is_wrong() {
    let folder = folder(&[("gateway.yaml", GATEWAY), ("route.yaml", &route("nowhere"))]);
    let (printed, code) = text(&folder, &[]);
    assert_eq!(code, Some(1));
    let line = printed.lines().find(|line| line.starts_with("  !")).expect("a mark");
    assert!(line.contains("ResolvedRefs  False  BackendNotFound"), "{line}");
    assert!(printed.ends_with("wrong: HTTPRoute default/cart: ResolvedRefs BackendNotFound\n"), "{printed}");
}

#[test]
fn warnings_alone_are_no_failure() {
    let service = SERVICE.split("---").next().expect("the Service");
    let folder = folder(&[("gateway.yaml", GATEWAY), ("service.yaml", service), ("route.yaml", &route("shop"))]);
    let (printed, code) = text(&folder, &[]);
    assert!(printed.contains("warning NoEndpoints: Service default/shop: "), "{printed}");
    assert!(printed.ends_with("ok: 3 objects are served as they are written, 1 warning\n"), "{printed}");
    assert_eq!(code, Some(0));
}

#[test]
fn session_affinity_is_named_and_what_is_about_a_node_is_no_matter_to_a_folder() {
    let spec =
        "spec: {sessionAffinity: ClientIP, internalTrafficPolicy: Local, trafficDistribution: PreferSameZone, ports";
    let service = SERVICE.replace("spec: {ports", spec);
    let folder = folder(&[("gateway.yaml", GATEWAY), ("service.yaml", &service), ("route.yaml", &route("shop"))]);
    let (printed, code) = text(&folder, &[]);
    let wanted =
        "warning NotSupported: Service default/shop spec.sessionAffinity: requests of a client go to any endpoint\n";
    assert!(printed.contains(wanted) && printed.ends_with(" as they are written, 1 warning\n"), "{printed}");
    assert_eq!(code, Some(0));
}

#[test]
fn a_problem_names_file_line_object_and_field() {
    let broken = route("shop").replace("port: 80", "port: eighty");
    let folder = folder(&[("gateway.yaml", GATEWAY), ("route.yaml", &broken)]);
    let (printed, code) = text(&folder, &[]);
    let field = "HTTPRoute default/cart: spec.rules[0].backendRefs[0].port";
    let expected = format!("problem Object: route.yaml:9: {field}: invalid type: string \"eighty\", expected i32\n");
    assert!(printed.contains(&expected), "{printed}");
    assert_eq!(code, Some(1));
}

#[test]
fn a_kind_that_is_not_served_is_wrong() {
    let udp_route = "apiVersion: gateway.networking.k8s.io/v1\nkind: UDPRoute\nmetadata: {name: t}\n";
    let folder = folder(&[("gateway.yaml", GATEWAY), ("route.yaml", udp_route)]);
    let (line, code) = last_line(&folder);
    assert!(line.starts_with("wrong: route.yaml:1: UDPRoute default/t: this version does not serve"), "{line}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_is_of_another_class_is_named_and_no_failure() {
    let other = GATEWAY.replace("pingway.dev/gateway-controller", "example.test/other");
    let folder = folder(&[("gateway.yaml", &other), ("route.yaml", &route("shop"))]);
    let expected = "\
Gateway default/main
    not ours: its class pingway is of controller example.test/other
HTTPRoute default/cart
    not ours: its parent Gateway default/main is not ours
nothing here is ours
";
    assert_eq!(text(&folder, &[]), (expected.to_owned(), Some(0)));
}

#[test]
fn a_parent_that_is_nowhere_is_wrong() {
    let folder = folder(&[("gateway.yaml", GATEWAY), ("route.yaml", &route("shop").replace("main", "mian"))]);
    let expected = "wrong: HTTPRoute default/cart: its parent Gateway default/mian is not in these manifests";
    assert_eq!(last_line(&folder), (expected.to_owned(), Some(1)));
}

#[test]
fn external_names_are_refused_unless_a_flag_allows_them() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n\
                   spec: {type: ExternalName, externalName: example.test, ports: [{port: 80}]}\n";
    let folder = folder(&[("gateway.yaml", GATEWAY), ("service.yaml", service), ("route.yaml", &route("shop"))]);
    assert_eq!(text(&folder, &[]).1, Some(1));
    assert_eq!(text(&folder, &["--allow-external-names"]).1, Some(0));
}

#[test]
fn json_and_yaml_say_the_same() {
    let folder = folder(&[("gateway.yaml", GATEWAY), ("route.yaml", &route("nowhere"))]);
    let output = check(&folder, &["-o", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let yaml: Value = serde_yaml::from_slice(&check(&folder, &["-o", "yaml"]).stdout).expect("YAML");
    assert_eq!(json, yaml);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json["ok"], false);
    let kinds: Vec<&str> =
        json["statuses"].as_array().expect("a list").iter().filter_map(|s| s["kind"].as_str()).collect();
    assert_eq!(kinds, ["GatewayClass", "Gateway", "HTTPRoute"]);
    assert_eq!(json["statuses"][1]["status"]["listeners"][0]["attachedRoutes"], 1);
    let parent = &json["statuses"][2]["status"]["parents"][0];
    assert_eq!(parent["controllerName"], "pingway.dev/gateway-controller");
    assert_eq!(parent["parentRef"]["kind"], "Gateway");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let folder = folder(&[]);
    let output = Command::new(env!("CARGO_BIN_EXE_pingway"))
        .arg("check")
        .arg(folder.path().join("nowhere"))
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read"));
}

#[test]
fn the_example_manifests_are_served_as_they_are_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/quickstart");
    let output = Command::new(env!("CARGO_BIN_EXE_pingway")).args(["check", folder]).output().expect("run");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
}

#[test]
fn a_misspelt_field_is_a_warning_with_its_place() {
    let route = route("shop").replace("backendRefs", "backendRef");
    let folder = folder(&[("a.yaml", GATEWAY), ("b.yaml", SERVICE), ("route.yaml", &route)]);
    let (text, code) = text(&folder, &[]);
    let wanted = "warning UnknownField: route.yaml:8: HTTPRoute default/cart: spec.rules[0].backendRef: unknown field";
    assert!(text.contains(wanted) && text.contains("served as they are written, 1 warning"), "{text}");
    assert_eq!(code, Some(0));
    let json: Value = serde_json::from_slice(&check(&folder, &["-o", "json"]).stdout).expect("JSON");
    let warning = &json["warnings"][0];
    assert_eq!((&warning["kind"], &warning["line"]), (&Value::from("UnknownField"), &Value::from(8)), "{json}");
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(0));
}
