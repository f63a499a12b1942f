//! ServiceEntries: hosts beside Services, by the address at which they are dialled.

use crate::mesh::{answer, get, header, pod, start};
use crate::support::{Backend, until};

/// `pay.test` at 240.240.0.1: port 80 (HTTP) and 81 (TCP), both of them at one number of its endpoints.
fn entry(fields: &str, port: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: pay, labels: {{istio.io/use-waypoint: edge}}}}\nspec: \
         {{hosts: [pay.test], addresses: [240.240.0.1], ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {port}}}, \
         {{number: 81, name: tcp, protocol: TCP, targetPort: {port}}}], {fields}}}\n"
    )
}

const STATIC: &str = "resolution: STATIC, endpoints: [{address: 127.0.0.1}]";

#[tokio::test]
async fn an_entry_is_served_by_its_address_as_http_and_as_bytes() {
    let backend = Backend::named("a").await;
    let (_folder, _proxy, address) = start(&[("entry.yaml", entry(STATIC, backend.address.port()))]).await;
    let text = answer(address, &get("240.240.0.1:80", "/x", "")).await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    assert!(backend.take_seen().pop().unwrap().head.headers.contains_key("x-request-id"));
    let text = answer(address, &get("240.240.0.1:81", "/x", "")).await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    assert!(!backend.take_seen().pop().unwrap().head.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn a_pod_that_is_selected_gets_requests_while_it_is_ready() {
    let backend = Backend::named("a").await;
    let fields = "resolution: STATIC, workloadSelector: {labels: {app: a-app}}";
    let (folder, proxy, address) = start(&[("entry.yaml", entry(fields, backend.address.port()))]).await;
    let text = answer(address, &get("240.240.0.1:80", "/x", "")).await;
    assert!(text.contains("no_endpoint"), "{text}");
    let compiled = proxy.metric("pingway_compile_seconds_count").await;
    for (ready, status) in [("True", "200"), ("False", "503"), ("True", "200")] {
        let conditions = format!("{{phase: Running, conditions: [{{type: Ready, status: '{ready}'}}],");
        folder.write("pod.yaml", &pod("a-x", "a", "127.0.0.1").replace("{phase: Running,", &conditions));
        until("the pod's readiness", async || {
            let text = answer(address, &get("240.240.0.1:80", "/x", "")).await;
            text.starts_with(&format!("HTTP/1.1 {status} ")).then_some(())
        })
        .await;
    }
    assert_eq!(proxy.metric("pingway_compile_seconds_count").await, compiled, "pods compile nothing");
}

#[tokio::test]
async fn the_name_of_an_endpoint_is_asked() {
    let backend = Backend::named("a").await;
    let fields = "resolution: DNS, endpoints: [{address: localhost}]";
    let (_folder, _proxy, address) = start(&[("entry.yaml", entry(fields, backend.address.port()))]).await;
    until("the name is resolved", async || {
        answer(address, &get("240.240.0.1:80", "/x", "")).await.starts_with("HTTP/1.1 200 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn no_entry_reaches_the_port_where_an_identity_is_believed() {
    let (_folder, proxy, address) = start(&[("entry.yaml", entry(STATIC, 15088))]).await;
    let forged = header("10.96.0.1:80");
    assert_eq!(answer(address, &[header("240.240.0.1:81"), forged].concat()).await, "");
    let text = answer(address, &get("240.240.0.1:80", "/x", "")).await;
    assert!(text.contains("no_endpoint"), "{text}");
    let problems = proxy.json("/problems").await.unwrap().to_string();
    assert!(problems.contains("127.0.0.1:15088 is never dialled"), "{problems}");
}

#[tokio::test]
async fn what_cannot_be_served_is_told_and_closed() {
    let (_folder, proxy, address) = start(&[("entry.yaml", entry("resolution: NONE", 80))]).await;
    assert_eq!(answer(address, &get("240.240.0.1:80", "/x", "")).await, "");
    let statuses = proxy.json("/statuses").await.unwrap().to_string();
    assert!(statuses.contains("pingway.dev/ServiceEntriesServed"), "{statuses}");
}
