//! The process's end: what still goes on, what is told, and how it exits.

use tokio::io::AsyncReadExt;

use crate::support::client::Raw;
use crate::support::h2_wire::{H2Client, read};
use crate::support::{Backend, Edge, Ended, TO_A, client, field, read_head, read_to_end, until, within, write};

/// A backend that switches protocols where it is asked to, and answers `ok` elsewhere; `/late` never.
async fn backend() -> Backend {
    Backend::raw(|mut stream| async move {
        loop {
            let (head, _) = read_head(&mut stream).await;
            match head.split(' ').nth(1) {
                None => return,
                Some("/late") => std::future::pending().await,
                Some("/ws") => {
                    let switching =
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello";
                    write(&mut stream, switching).await;
                    return read_to_end(&mut stream).await;
                }
                Some(_) => write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await,
            }
        }
    })
    .await
}

async fn edge(backend: &Backend, delay: &str, deadline: &str) -> Edge {
    let arguments = ["--drain-delay", delay, "--drain-deadline", deadline];
    Edge::with_arguments(&[("a", None, &[backend.address])], TO_A, &arguments).await
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// An open HTTP/1 connection that has served a request.
async fn http1(edge: &Edge) -> Raw {
    let mut raw = edge.connect().await;
    raw.send(GET).await;
    raw.read_until("ok").await;
    raw
}

/// An open HTTP/2 connection that has served a request.
async fn http2(edge: &Edge) -> H2Client {
    let mut client = H2Client::connect(edge.address).await;
    let request = http::Request::get("http://a/").body(()).expect("a request");
    assert_eq!(read(client.open(request, true).await.0).await.expect("an answer").body, b"ok");
    client
}

async fn upgrade(edge: &Edge) -> Raw {
    let mut raw = edge.connect().await;
    raw.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
    raw.read_until("hello").await;
    raw
}

#[tokio::test]
async fn what_ends_and_what_is_cut_is_counted_by_kind_and_logged() {
    let backend = backend().await;
    let edge = edge(&backend, "0s", "4s").await;
    let (idle, streams, mut upgraded) = (http1(&edge).await, http2(&edge).await, upgrade(&edge).await);
    let mut stuck = edge.connect().await;
    stuck.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("all underway", async || edge.proxy.metric("pingway_requests_in_flight").await.filter(|now| *now == 2.0))
        .await;
    edge.proxy.terminate();
    let leaving = edge.proxy.logged("leaving").await;
    assert!(leaving.contains("signal=\"SIGTERM\""), "{leaving}");
    edge.proxy.logged("draining: accepting no more connections").await;
    // What is idle ends by itself, and can be seen to while the rest goes on.
    for protocol in ["http1", "http2"] {
        let series = format!("pingway_connections_drained_total{{protocol=\"{protocol}\"}}");
        until(&series, async || edge.proxy.metric(&series).await.filter(|count| *count == 1.0)).await;
    }
    assert_eq!(client::get(edge.proxy.metrics, "localhost", "/healthz").await.expect("healthy").status, 200);
    assert_eq!(client::get(edge.proxy.metrics, "localhost", "/readyz").await.expect("not ready").status, 503);
    // The upgrade and the request that waits are cut at the deadline.
    let cut = edge.proxy.logged("the drain deadline has passed").await;
    assert!(cut.contains("ended=\"http1 1, http2 1\"") && cut.contains("cut=\"http1 1, upgrade 1\""), "{cut}");
    let mut rest = Vec::new();
    let _ = within("the upgrade's end", upgraded.stream.read_to_end(&mut rest)).await;
    assert_eq!(edge.proxy.ended().await, Ended { code: Some(0) });
    drop((idle, streams, stuck));
}

#[tokio::test]
async fn during_the_delay_it_is_not_ready_and_still_accepts() {
    let backend = backend().await;
    let edge = edge(&backend, "60s", "60s").await;
    let mut open = http1(&edge).await;
    edge.proxy.terminate();
    until("not ready", async || {
        (client::get(edge.proxy.metrics, "localhost", "/readyz").await?.status == 503).then_some(())
    })
    .await;
    open.send(GET).await;
    let answer = open.read_until("ok").await;
    assert_ne!(field(&answer, "connection"), Some("close"), "{answer}");
    drop(http1(&edge).await);
    drop(http2(&edge).await);
    // A second signal does not wait for the delay, nor for what is open.
    edge.proxy.signal("-INT");
    edge.proxy.logged("second signal: exiting at once").await;
    assert_eq!(edge.proxy.ended().await, Ended { code: Some(1) });
}

#[tokio::test]
async fn it_exits_with_the_last_connection() {
    let backend = backend().await;
    let edge = edge(&backend, "0s", "60s").await;
    let upgraded = upgrade(&edge).await;
    edge.proxy.terminate();
    edge.proxy.logged("draining: accepting no more connections").await;
    drop(upgraded);
    let drained = edge.proxy.logged(" drained").await;
    assert!(drained.contains("ended=\"upgrade 1\""), "{drained}");
    assert_eq!(edge.proxy.ended().await, Ended { code: Some(0) });
}
