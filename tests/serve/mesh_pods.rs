//! Pods dialled by their own addresses: which are served, and which are not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::mesh::{ENROLLED, answer, connect, get, header, pod, service, start, waypoint};
use crate::support::{Backend, Folder, until};

/// The waypoint, for this.
fn waypoint_for(purpose: &str) -> String {
    waypoint().replace(
        "metadata: {name: edge}",
        &format!("metadata: {{name: edge, labels: {{istio.io/waypoint-for: {purpose}}}}}"),
    )
}

fn labelled(pod: &str, labels: &str) -> String {
    pod.replace("labels: {", &format!("labels: {{{labels}, "))
}

fn at(folder: &Folder, labels: &str) {
    folder.write("pod.yaml", &labelled(&pod("a-x", "a", "127.0.0.1"), labels));
}

#[tokio::test]
async fn an_enrolled_pod_is_served_at_whatever_port_was_dialled_and_no_other() {
    let backend = Backend::named("a").await;
    let dialled = backend.address.to_string();
    let files = [("waypoint.yaml", waypoint_for("workload")), ("a.yaml", service(ENROLLED, backend.address))];
    let (folder, proxy, address) = start(&files).await;
    assert_eq!(answer(address, &get(&dialled, "/", "")).await, "", "it is not seen");
    at(&folder, ENROLLED);
    let served = async || answer(address, &get(&dialled, "/x", "")).await.starts_with("HTTP/1.1 200 ").then_some(());
    until("the pod is served", served).await;
    let line = until("a line", async || proxy.access_log().pop()).await;
    assert_eq!(line["endpoint"], dialled);
    assert_eq!((&line["route"], &line["destination_workload"]), (&"Pod /*".into(), &"default/a".into()));
    assert_eq!(backend.take_seen().pop().unwrap().head.headers["host"], "whatever.test");
    let metrics = proxy.metrics_text().await;
    let labels = [r#"destination_workload="a""#, r#"destination_service="unknown""#, r#"response_code="200""#];
    let counted =
        |line: &str| line.starts_with("istio_requests_total{") && labels.iter().all(|label| line.contains(label));
    assert!(metrics.lines().any(counted), "{metrics}");
    // The Service that is enrolled as well is not this waypoint's: it is for pods alone.
    assert_eq!(answer(address, &get("10.96.0.1:80", "/", "")).await, "");
    for labels in [
        "x: y",
        "istio.io/use-waypoint: none",
        "istio.io/use-waypoint: other",
        "istio.io/use-waypoint: edge, istio.io/use-waypoint-namespace: other",
        "istio.io/use-waypoint: edge, gateway.networking.k8s.io/gateway-name: other",
    ] {
        at(&folder, labels);
        until(labels, async || answer(address, &get(&dialled, "/", "")).await.is_empty().then_some(())).await;
        at(&folder, ENROLLED);
        let served = async || answer(address, &get(&dialled, "/", "")).await.starts_with("HTTP/1.1 200 ").then_some(());
        until("it is back", served).await;
    }
    let host_network =
        labelled(&pod("a-x", "a", "127.0.0.1"), ENROLLED).replace("spec: {", "spec: {hostNetwork: true, ");
    folder.write("pod.yaml", &host_network);
    until("host network", async || answer(address, &get(&dialled, "/", "")).await.is_empty().then_some(())).await;
    let refused = proxy.metric(r#"pingway_inbound_connections_refused_total{why="not_served"}"#).await;
    assert!(refused.is_some_and(|count| count >= 7.0), "{refused:?}");
}

#[tokio::test]
async fn a_pod_is_enrolled_by_its_namespace_and_withdrawn_within_a_connection() {
    let backend = Backend::named("a").await;
    let dialled = backend.address.to_string();
    let namespace =
        |labels: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {{{labels}}}}}\n");
    let files = [
        ("waypoint.yaml", waypoint_for("all")),
        ("namespace.yaml", namespace(ENROLLED)),
        ("pod.yaml", pod("a-x", "a", "127.0.0.1")),
    ];
    let (folder, _proxy, address) = start(&files).await;
    let mut client = connect(address, &header(&dialled)).await;
    let mut head = async || {
        client.write_all(b"HEAD / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        crate::support::read_head(&mut client).await.0
    };
    assert!(head().await.starts_with("HTTP/1.1 200 "));
    folder.write("namespace.yaml", &namespace("x: y"));
    until("it is withdrawn", async || answer(address, &get(&dialled, "/", "")).await.is_empty().then_some(())).await;
    assert!(head().await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_waypoint_for_services_serves_no_pod() {
    let backend = Backend::named("a").await;
    let files = [
        ("a.yaml", service(ENROLLED, backend.address)),
        ("pod.yaml", labelled(&pod("a-x", "a", "127.0.0.1"), ENROLLED)),
    ];
    let (_folder, proxy, address) = start(&files).await;
    until("the pod is seen", async || {
        answer(address, &get("10.96.0.1:80", "/", "")).await;
        (proxy.access_log().pop()?["destination_workload"] == "default/a").then_some(())
    })
    .await;
    assert_eq!(answer(address, &get(&backend.address.to_string(), "/", "")).await, "");
}

#[tokio::test]
async fn bytes_are_passed_on_to_a_pod_as_they_come() {
    let backend = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialled = backend.local_addr().unwrap().to_string();
    let files =
        [("waypoint.yaml", waypoint_for("workload")), ("pod.yaml", labelled(&pod("a-x", "a", "127.0.0.1"), ENROLLED))];
    let (_folder, _proxy, address) = start(&files).await;
    let mut client = connect(address, &[header(&dialled), b"\x00\x01".to_vec()].concat()).await;
    let (mut endpoint, _) = backend.accept().await.unwrap();
    let mut seen = [0; 2];
    endpoint.read_exact(&mut seen).await.unwrap();
    assert_eq!(seen, [0, 1]);
    endpoint.write_all(b"3").await.unwrap();
    client.read_exact(&mut [0; 1]).await.unwrap();
}
