//! Istio's standard metrics of what ztunnel hands over.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::grpc::{call, echoing};
use crate::mesh::{ENROLLED, IDENTITY, answer, connect, get, header, pod, service, start, start_with};
use crate::support::h2_wire::{H2Client, send};
use crate::support::{Backend, Proxy, http_route, until, within};

/// The samples of a metric that have all of these labels.
async fn samples(proxy: &Proxy, name: &str, labels: &[&str]) -> Vec<(String, f64)> {
    let text = proxy.metrics_text().await;
    let of_name = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
    let with_labels = of_name.filter(|line| labels.iter().all(|label| line.contains(label)));
    let split = |line: &str| line.rsplit_once(' ').map(|(series, value)| (series.to_owned(), value.parse().unwrap()));
    with_labels.filter_map(split).collect()
}

async fn count(proxy: &Proxy, name: &str, labels: &[&str]) -> f64 {
    samples(proxy, name, labels).await.iter().map(|(_, value)| value).sum()
}

fn pods() -> String {
    format!("{}---\n{}", pod("web-x", "web", "10.244.0.9"), pod("a-x", "a", "127.0.0.1"))
}

#[tokio::test]
async fn a_request_is_counted_by_who_called_and_who_was_asked_as_long_as_the_endpoint_is_there() {
    let backend = Backend::named("a").await;
    let (folder, proxy, address) = start(&[("a.yaml", service(ENROLLED, backend.address))]).await;
    folder.write("pods.yaml", &pods());
    let both = [r#"source_workload="web""#, r#"destination_workload="a""#];
    until("pods that are seen", async || {
        answer(address, &get("10.96.0.1:80", "/", "")).await;
        (count(&proxy, "istio_requests_total", &both).await > 0.0).then_some(())
    })
    .await;
    let principal = format!(r#"source_principal="{IDENTITY}""#);
    let labels = [
        both[0],
        both[1],
        &principal,
        r#"reporter="waypoint""#,
        r#"source_workload_namespace="shop""#,
        r#"source_app="web-app""#,
        r#"source_version="latest""#,
        r#"source_cluster="Kubernetes""#,
        r#"destination_workload_namespace="default""#,
        r#"destination_principal="spiffe://cluster.local/ns/default/sa/a""#,
        r#"destination_canonical_service="a-app""#,
        r#"destination_service="a.default.svc.cluster.local""#,
        r#"destination_service_name="a""#,
        r#"destination_service_namespace="default""#,
        r#"request_protocol="http""#,
        r#"response_code="200""#,
        r#"response_flags="-""#,
        r#"connection_security_policy="mutual_tls""#,
    ];
    let requests = count(&proxy, "istio_requests_total", &labels).await;
    assert!(requests >= 1.0);
    for (name, least) in [
        ("istio_request_duration_milliseconds_sum", 0.001),
        ("istio_request_bytes_sum", 30.0 * requests),
        ("istio_response_bytes_sum", 30.0 * requests),
    ] {
        assert!(count(&proxy, name, &labels).await >= least, "{name}");
    }
    assert_eq!(count(&proxy, "istio_request_duration_milliseconds_count", &labels).await, requests);
    folder.remove("a.yaml");
    until("series that are gone", async || {
        samples(&proxy, "istio_requests_total", &both).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_no_endpoint_got_has_no_destination_and_says_why() {
    let backend = Backend::named("a").await;
    let route =
        http_route("r", &["whatever.test"], "- matches: [{path: {value: /b}}]\n  backendRefs: [{name: a, port: 80}]");
    let (_folder, proxy, address) =
        start(&[("a.yaml", service(ENROLLED, backend.address)), ("route.yaml", route)]).await;
    until("the route", async || {
        answer(address, &get("10.96.0.1:80", "/", "")).await.starts_with("HTTP/1.1 404").then_some(())
    })
    .await;
    let labels = [
        r#"destination_workload="unknown""#,
        r#"destination_version="unknown""#,
        r#"destination_service="unknown""#,
        r#"source_workload="unknown""#,
        r#"source_version="latest""#,
        r#"response_code="404""#,
        r#"response_flags="NR""#,
    ];
    until("a count", async || (count(&proxy, "istio_requests_total", &labels).await > 0.0).then_some(())).await;
    assert!(count(&proxy, "istio_response_bytes_sum", &labels).await > 100.0, "our own answer's head and body");
}

#[tokio::test]
async fn a_connection_is_counted_while_it_lasts_and_its_bytes_as_they_pass() {
    let backend = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let files = [("a.yaml", service(ENROLLED, backend.local_addr().unwrap())), ("pods.yaml", pods())];
    let (_folder, proxy, address) = start(&files).await;
    let mut client = connect(address, &[header("10.96.0.1:82"), b"12345".to_vec()].concat()).await;
    let (mut endpoint, _) = backend.accept().await.unwrap();
    endpoint.read_exact(&mut [0; 5]).await.unwrap();
    endpoint.write_all(b"123").await.unwrap();
    client.read_exact(&mut [0; 3]).await.unwrap();
    let labels = [
        r#"source_workload="web""#,
        r#"destination_workload="a""#,
        r#"destination_service_name="a""#,
        r#"request_protocol="tcp""#,
        r#"response_flags="-""#,
    ];
    let counted = async |name: &str| count(&proxy, &format!("istio_tcp_{name}_total"), &labels).await;
    assert_eq!((counted("connections_opened").await, counted("connections_closed").await), (1.0, 0.0));
    assert_eq!((counted("received_bytes").await, counted("sent_bytes").await), (5.0, 3.0));
    drop((client, endpoint));
    until("its end", async || (counted("connections_closed").await == 1.0).then_some(())).await;
}

#[tokio::test]
async fn messages_of_a_grpc_call_are_counted_while_it_lasts_and_those_of_nothing_else() {
    let backend = echoing().await;
    let files = [("a.yaml", service(ENROLLED, backend.address)), ("pods.yaml", pods())];
    let (_folder, proxy, address) = start_with(&files, &["--cluster-name=east", "--cluster-domain=corp.test"]).await;
    let labels = [
        r#"source_workload="web""#,
        r#"source_principal="spiffe://cluster.local/ns/shop/sa/web""#,
        r#"source_cluster="east""#,
        r#"destination_workload="a""#,
        r#"destination_cluster="east""#,
        r#"destination_service="a.default.svc.corp.test""#,
    ];
    let counted = async || {
        let of = async |direction: &str| count(&proxy, &format!("istio_{direction}_messages_total"), &labels).await;
        (of("request").await, of("response").await)
    };
    let mut client = H2Client::over(connect(address, &header("10.96.0.1:80")).await, 65_535).await;
    let (response, mut up) = client.open(call("/echo.Echo/Stream"), false).await;
    // Two messages, the second of them without its end, and then that, with a third.
    for (piece, messages) in [(&b"\0\0\0\0\x01a\x01\0\0\0\x02b"[..], 2.0), (&b"b\0\0\0\0\0"[..], 3.0)] {
        assert!(send(&mut up, piece, false).await);
        until("the messages there and back", async || (counted().await == (messages, messages)).then_some(())).await;
    }
    let [(series, _)] = &samples(&proxy, "istio_request_messages_total", &labels).await[..] else { panic!("one") };
    assert!(!series.contains("response_") && !series.contains("request_protocol"), "{series}");
    assert_eq!(count(&proxy, "istio_requests_total", &labels).await, 0.0, "it lasts");
    up.send_data(bytes::Bytes::new(), true).unwrap();
    let mut down = within("a head", response).await.unwrap().into_body();
    while within("the body", down.data()).await.is_some() {}
    until("its end", async || (count(&proxy, "istio_requests_total", &labels).await == 1.0).then_some(())).await;
    assert_eq!(counted().await, (3.0, 3.0), "its end adds none");

    // A body that looks like messages, and is not said to be.
    let mut other = call("/echo.Echo/Stream");
    other.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    let (response, mut up) = client.open(other, false).await;
    assert!(send(&mut up, &b"\0\0\0\0\0"[..], true).await);
    let _ = within("a head", response).await;
    until("its end", async || (count(&proxy, "istio_requests_total", &labels).await == 2.0).then_some(())).await;
    assert_eq!(counted().await, (3.0, 3.0));
}
