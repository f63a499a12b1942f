//! Requests that come back: what a waypoint dials is handed to it again by ztunnel, under its own identity.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::mesh::{ENROLLED, answer, connect, get, header, header_of, service, service_route, start, start_with};
use crate::support::{Backend, Folder, Proxy, field, read_head, until};

/// What the waypoint of these tests runs under.
const OWN: &str = "spiffe://cluster.local/ns/default/sa/edge-pingway";
const ACCOUNT: [&str; 2] = ["--service-account", "default/edge-pingway"];

/// The address of this pod, where the waypoint knows it: the Gateway's listener is there.
const POD: &str = "10.244.0.7";

/// ztunnel, as it takes what the waypoint dials: it hands every connection to the waypoint again, with this header. Where
/// that is, is told later. It counts connections.
struct Back {
    backend: Backend,
    to: Arc<std::sync::OnceLock<SocketAddr>>,
    rounds: Arc<AtomicUsize>,
}

async fn back(header: Vec<u8>) -> Back {
    let (to, rounds) = (Arc::new(std::sync::OnceLock::<SocketAddr>::new()), Arc::new(AtomicUsize::new(0)));
    let (inbound, count) = (to.clone(), rounds.clone());
    let backend = Backend::raw(move |mut stream| {
        let (inbound, count, header) = (inbound.clone(), count.clone(), header.clone());
        async move {
            // Bounded, should nobody else end it.
            if count.fetch_add(1, Ordering::Relaxed) > 20 {
                return;
            }
            let mut handed = TcpStream::connect(inbound.get().expect("told")).await.expect("it accepts");
            handed.write_all(&header).await.expect("sent");
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut handed).await;
        }
    })
    .await;
    Back { backend, to, rounds }
}

/// The header of a connection that this source made.
fn from(source: [u8; 4], header: &[u8]) -> Vec<u8> {
    let mut header = header.to_vec();
    header[16..20].copy_from_slice(&source);
    header
}

async fn refused_loops(proxy: &Proxy) -> f64 {
    proxy.metric("pingway_inbound_connections_refused_total{why=\"loop\"}").await.unwrap_or_default()
}

/// Asks through a waypoint whose endpoint hands back, and tells what came, after how many rounds.
async fn asked(files: &[(&str, String)], back: &Back, arguments: &[&str]) -> (Folder, Proxy, String) {
    let (folder, proxy, address) = start_with(files, arguments).await;
    back.to.set(address).expect("once");
    let text = answer(address, &get("10.96.0.1:80", "/x", "")).await;
    (folder, proxy, text)
}

#[tokio::test]
async fn a_request_that_comes_back_is_refused_at_once_whatever_it_came_for() {
    // To the enrolled Service itself, whose endpoint goes through its waypoint; and to the waypoint's own listener, as a route
    // to its own Service does on another replica, with its pod's own address or, as that of its Service, without.
    let own_listener = format!("{POD}:80");
    for (what, header) in [
        ("by identity", header_of(OWN, "10.96.0.1:80")),
        (
            "by identity, of another name of the trust domain",
            header_of(&OWN.replace("cluster.local", "td"), "10.96.0.1:80"),
        ),
        ("by address", from([10, 244, 0, 7], &header("10.96.0.1:80"))),
        ("to its own listener, by identity", header_of(OWN, &own_listener)),
        ("to its own listener, by address", from([10, 244, 0, 7], &header(&own_listener))),
    ] {
        let back = back(header).await;
        let files = [
            ("a.yaml", service(ENROLLED, back.backend.address)),
            ("r.yaml", service_route("default", "", "{path: {value: /}}")),
        ];
        let arguments = [&ACCOUNT[..], &["--own-addresses", POD]].concat();
        let (_folder, proxy, text) = asked(&files, &back, &arguments).await;
        assert!(text.starts_with("HTTP/1.1 508 "), "{what}: {text}");
        assert_eq!(field(&text, "x-pingway-reason"), Some("loop"), "{what}");
        assert!(text.ends_with("loop"), "{what}: {text}");
        assert_eq!(back.rounds.load(Ordering::Relaxed), 1, "{what}");
        let mut lines = until("two lines", async || Some(proxy.access_log()).filter(|lines| lines.len() == 2)).await;
        lines.sort_by_key(|line| line["reason"].is_null());
        for (line, reason) in lines.iter().zip(["loop".into(), serde_json::Value::Null]) {
            assert_eq!((&line["reason"], &line["status"]), (&reason, &508.into()), "{what}");
        }
        assert_eq!(refused_loops(&proxy).await, 0.0, "{what}: it was answered");
    }
}

#[tokio::test]
async fn the_connection_that_came_back_is_closed_and_the_clients_is_not() {
    let back = back(header_of(OWN, "10.96.0.1:80")).await;
    let files = [("a.yaml", service(ENROLLED, back.backend.address))];
    let (_folder, _proxy, address) = start_with(&files, &ACCOUNT).await;
    back.to.set(address).expect("once");
    let request = b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec();
    let text = answer(address, &[header_of(OWN, "10.96.0.1:80"), request.clone()].concat()).await;
    assert!(text.starts_with("HTTP/1.1 508 "), "{text}");
    assert_eq!(field(&text, "connection"), Some("close"), "{text}");

    let mut client = connect(address, &header("10.96.0.1:80")).await;
    for round in 1..=2 {
        client.write_all(&request).await.unwrap();
        let (text, _) = read_head(&mut client).await;
        assert!(text.starts_with("HTTP/1.1 508 "), "{text}");
        assert_ne!(field(&text, "connection"), Some("close"), "{text}");
        assert_eq!(back.rounds.load(Ordering::Relaxed), round, "none is kept for the next");
    }
}

#[tokio::test]
async fn a_grpc_call_that_comes_back_is_no_call_to_try_again() {
    let (_folder, _proxy, address) =
        start_with(&[("a.yaml", service(ENROLLED, "127.0.0.1:9".parse().unwrap()))], &ACCOUNT).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&header_of(OWN, "10.96.0.1:80")).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request =
        http::Request::post("http://a/shop.Cart/Add").header("content-type", "application/grpc").body(()).unwrap();
    let (response, _) = requests.send_request(request, true).unwrap();
    let response = crate::support::within("a response", response).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["grpc-status"].to_str().unwrap()), (200, "13"));
}

#[tokio::test]
async fn bytes_that_come_back_are_closed_and_counted() {
    for port in [81, 82] {
        let dialled = format!("10.96.0.1:{port}");
        let back = back(header_of(OWN, &dialled)).await;
        let (_folder, proxy, address) =
            start_with(&[("a.yaml", service(ENROLLED, back.backend.address))], &ACCOUNT).await;
        back.to.set(address).expect("once");
        assert_eq!(answer(address, &[header(&dialled), b"\0\x01bytes".to_vec()].concat()).await, "");
        assert_eq!(back.rounds.load(Ordering::Relaxed), 1, "{port}");
        assert_eq!(refused_loops(&proxy).await, 1.0, "{port}");
    }
}

#[tokio::test]
async fn metrics_are_for_the_waypoints_own_identity_too_and_others_are_no_loop() {
    let backend = Backend::named("a").await;
    // No other test has this address, so the port can be a fixed one.
    let arguments = [&ACCOUNT[..], &["--own-addresses", POD, "--metrics", "127.0.15.20:15020"]].concat();
    let (_folder, _proxy, address) = start_with(&[("a.yaml", service(ENROLLED, backend.address))], &arguments).await;
    let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec();
    let page = format!("{POD}:15020");
    for source in [[10, 244, 0, 9], [10, 244, 0, 7]] {
        let text = answer(address, &[from(source, &header_of(OWN, &page)), request.clone()].concat()).await;
        assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("pingway_build_info"), "{text}");
    }
    for other in ["ns/default/sa/edge", "ns/other/sa/edge-pingway", "ns/default/sa/edge-pingway2"] {
        let header = header_of(&format!("spiffe://cluster.local/{other}"), "10.96.0.1:80");
        assert!(answer(address, &[header, request.clone()].concat()).await.ends_with('a'), "{other}");
    }
}

#[tokio::test]
async fn where_the_own_service_account_is_not_known_none_is_refused() {
    let backend = Backend::named("a").await;
    let (_folder, _proxy, address) = start(&[("a.yaml", service(ENROLLED, backend.address))]).await;
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec();
    assert!(answer(address, &[header_of(OWN, "10.96.0.1:80"), request].concat()).await.ends_with('a'));
}
