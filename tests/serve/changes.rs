//! What changes while it is served: endpoints, routes, certificates, ports.

use std::net::{SocketAddr, TcpListener};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::{
    Backend, Certificate, Folder, Proxy, TO_A, client, gateway, http_route, https_listener, service, text, tls_secret,
    until,
};

async fn body(address: SocketAddr) -> String {
    client::get(address, "a.test", "/").await.expect("an answer").text()
}

async fn compiles(proxy: &Proxy) -> f64 {
    proxy.metric("pingway_compile_seconds_count").await.expect("exported")
}

#[tokio::test]
async fn endpoints_change_without_a_compile_and_keep_their_statistics() {
    let (one, two) = (Backend::named("one").await, Backend::named("two").await);
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("service.yaml", service("a", None, &[one.address])),
        ("route.yaml", http_route("a", &["a.test"], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    assert_eq!(body(address).await, "one");
    let endpoints = async || proxy.json("/endpoints").await.expect("JSON")["default/a:80"].clone();
    let known = endpoints().await[0]["latency_ms"].clone();
    assert!(known.is_number(), "{known}");
    let before = until("the observed sockets are compiled in", async || {
        let report = proxy.json("/statuses").await?.to_string();
        report.contains("Programmed").then_some(compiles(&proxy).await)
    })
    .await;
    folder.write("service.yaml", &service("a", None, &[one.address, two.address]));
    until("two endpoints", async || (endpoints().await.as_array()?.len() == 2).then_some(())).await;
    let kept = endpoints().await;
    let of = |address: SocketAddr| kept.as_array()?.iter().find(|e| e["address"] == address.to_string());
    assert_eq!(of(one.address).map(|endpoint| endpoint["latency_ms"].clone()), Some(known));
    until("the other answers", async || (body(address).await == "two").then_some(())).await;
    assert!(compiles(&proxy).await <= before + 1.0, "at most the compile of what the sockets told");
    let before = compiles(&proxy).await;
    for _ in 0..5 {
        folder.write("service.yaml", &service("a", None, &[two.address]));
        until("one endpoint", async || (endpoints().await.as_array()?.len() == 1).then_some(())).await;
        assert_eq!(body(address).await, "two");
        folder.write("service.yaml", &service("a", None, &[one.address, two.address]));
        until("two endpoints", async || (endpoints().await.as_array()?.len() == 2).then_some(())).await;
    }
    assert_eq!(compiles(&proxy).await, before);
}

#[tokio::test]
async fn shares_are_the_weights() {
    let (one, nine, never) = (Backend::named("1").await, Backend::named("9").await, Backend::named("0").await);
    let rules = "- backendRefs: [{name: a, port: 80, weight: 1}, {name: b, port: 80, weight: 9}, {name: c, port: 80, weight: 0}]";
    let services = [("a", &one), ("b", &nine), ("c", &never)];
    let services: Vec<_> = services.iter().map(|(name, backend)| service(name, None, &[backend.address])).collect();
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("services.yaml", services.join("---\n")),
        ("route.yaml", http_route("a", &["a.test"], rules)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let mut client = client::Raw::connect(proxy.address(80).await).await;
    let mut count = [0; 10];
    for _ in 0..2_000 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let answer = client.read_until_any(&["\r\n\r\n1", "\r\n\r\n9", "\r\n\r\n0"]).await;
        let name = answer.chars().last().and_then(|last| last.to_digit(10)).expect("a name");
        count[name as usize] += 1;
    }
    assert_eq!(count[0], 0);
    // 200 are expected; six standard deviations are 80.
    assert!((120..=280).contains(&count[1]), "{count:?}");
}

#[tokio::test]
async fn a_slow_endpoint_gets_few_requests() {
    let fast = Backend::named("fast").await;
    let slow = Backend::with(|_| async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        text(200, "slow")
    })
    .await;
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("service.yaml", service("a", None, &[fast.address, slow.address])),
        ("route.yaml", http_route("a", &["a.test"], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    let mut slow_answers = 0;
    for _ in 0..100 {
        slow_answers += usize::from(body(address).await == "slow");
    }
    assert!(slow_answers <= 10, "{slow_answers} of 100");
}

/// One request on an open connection; answers the body, which is one of `names`.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.expect("open");
    let mut answer = Vec::new();
    while !answer.ends_with(b"backend") {
        assert!(stream.read_buf(&mut answer).await.expect("open") > 0, "closed");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_certificate_is_swapped_without_a_restart_and_cuts_nobody() {
    let backend = Backend::named("backend").await;
    let (old, new, other) =
        (Certificate::new(&["a.test"]), Certificate::new(&["a.test"]), Certificate::new(&["b.test"]));
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[https_listener("https", "", &["one", "two"])])),
        ("one.yaml", tls_secret("one", &old.pem, &old.key)),
        ("two.yaml", tls_secret("two", &other.pem, &other.key)),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("a", &[], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(443).await;
    let mut first = old.connect(address, "a.test").await.expect("a handshake");
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"));
    assert!(other.connect(address, "b.test").await.is_some(), "by SNI");
    assert!(new.connect(address, "a.test").await.is_none());
    folder.write("one.yaml", &tls_secret("one", &new.pem, &new.key));
    let mut second = until("the new certificate", async || new.connect(address, "a.test").await).await;
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"), "what was open goes on");
    assert!(other.connect(address, "b.test").await.is_some());
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_served_once_it_is_free() {
    let backend = Backend::named("backend").await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let further = "{name: further, port: 8081, protocol: HTTP}".to_owned();
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[further])),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("a", &[], TO_A)),
    ]);
    let proxy = Proxy::start_with(&folder, &[&format!("--port-map=8081={port}")]).await;
    assert_eq!(body(proxy.address(80).await).await, "backend", "others serve");
    until("a problem that names the port", async || {
        let problems = proxy.json("/problems").await?["problems"].to_string();
        problems.contains(&format!("port {port} (for listener port 8081)")).then_some(())
    })
    .await;
    drop(taken);
    assert_eq!(body(proxy.address(8081).await).await, "backend");
    until("no problem", async || (proxy.json("/problems").await?["problems"].as_array()?.is_empty()).then_some(()))
        .await;
}

#[tokio::test]
async fn a_listener_that_goes_serves_its_connections_to_their_end() {
    let backend = Backend::named("backend").await;
    let further = "{name: further, port: 8080, protocol: HTTP}".to_owned();
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[further])),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("a", &[], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let mut client = client::Raw::connect(proxy.address(8080).await).await;
    folder.write("gateway.yaml", &gateway(&[]));
    for _ in 0..100_000 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let head = client.read_until("backend").await.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        if head.contains("connection: close") {
            return;
        }
    }
    panic!("never told to close");
}
