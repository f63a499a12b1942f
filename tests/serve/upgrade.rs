//! Upgrades: raw bytes both ways after a 101.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::Raw;
use crate::support::{Backend, Edge, TO_A, field, http_route, read_head, within, write};

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n";

/// A backend that switches, says hello at once, then gives back what it gets until its input ends, and says goodbye.
async fn echoing() -> Backend {
    Backend::raw(|mut stream| async move {
        let (head, early) = read_head(&mut stream).await;
        if !head.starts_with("GET /ws ") {
            return write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
        assert_eq!((field(&head, "connection"), field(&head, "upgrade")), (Some("upgrade"), Some("websocket")));
        assert_eq!(field(&head, "sec-websocket-key"), Some("x"));
        write(&mut stream, format!("{SWITCHING}hello")).await;
        write(&mut stream, &early).await;
        let mut space = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut space).await {
            write(&mut stream, &space[..count]).await;
        }
        write(&mut stream, "goodbye").await;
    })
    .await
}

async fn opened(edge: &Edge) -> Raw {
    let mut raw = edge.connect().await;
    raw.send(UPGRADE).await;
    let head = raw.read_until("hello").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!((field(&head, "connection"), field(&head, "upgrade")), (Some("upgrade"), Some("websocket")));
    raw
}

#[tokio::test]
async fn bytes_behind_the_101_and_before_it_arrive_and_half_close_holds() {
    let backend = echoing().await;
    for protocol in [None, Some("kubernetes.io/ws")] {
        let edge = Edge::with_rules(&[("a", protocol, &[backend.address])], TO_A).await;
        let mut raw = edge.connect().await;
        raw.send(format!("{UPGRADE}early ")).await;
        raw.read_until("helloearly ").await;
        raw.send("late").await;
        raw.read_until("late").await;
        raw.stream.shutdown().await.unwrap();
        assert_eq!(raw.read_to_close().await.expect("no reset"), "goodbye");
    }
}

#[tokio::test]
async fn a_half_close_of_the_backend_holds_too() {
    let backend = Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        write(&mut stream, format!("{SWITCHING}hello")).await;
        stream.shutdown().await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "still here");
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut raw = opened(&edge).await;
    let mut rest = Vec::new();
    within("the backend's end", raw.stream.read_to_end(&mut rest)).await.expect("no reset");
    raw.send("still here").await;
    raw.stream.shutdown().await.unwrap();
}

#[tokio::test]
async fn two_hundred_of_two_hundred_are_opened() {
    let backend = echoing().await;
    let edge = Edge::to(backend.address).await;
    let mut open = Vec::new();
    for i in 0..200 {
        let mut raw = opened(&edge).await;
        raw.send(format!("n{i}")).await;
        raw.read_until(&format!("n{i}")).await;
        open.push(raw);
    }
    for mut raw in open {
        raw.send("again").await;
        raw.read_until("again").await;
    }
}

#[tokio::test]
async fn ten_megabytes_go_through_both_ways_at_once() {
    const SIZE: usize = 10_000_000;
    let backend = echoing().await;
    let edge = Edge::to(backend.address).await;
    let stream = opened(&edge).await.stream;
    let (mut read, mut write) = stream.into_split();
    let sender = tokio::spawn(async move {
        write.write_all(&vec![b'x'; SIZE]).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut all = Vec::new();
    within("all of it", read.read_to_end(&mut all)).await.unwrap();
    sender.await.unwrap();
    assert_eq!(all.len(), SIZE + "goodbye".len());
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_an_ordinary_response() {
    let backend = Backend::named("no upgrade").await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    for _ in 0..2 {
        raw.send(UPGRADE).await;
        assert!(raw.read_until("no upgrade").await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_101_that_nobody_asked_for_is_a_bad_gateway() {
    for (request, answer) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", SWITCHING),
        (UPGRADE, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"),
        (UPGRADE, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ] {
        let backend = Backend::raw(move |mut stream| async move {
            read_head(&mut stream).await;
            write(&mut stream, answer).await;
            std::future::pending::<()>().await;
        })
        .await;
        let edge = Edge::to(backend.address).await;
        let mut raw = edge.connect().await;
        raw.send(request).await;
        assert!(raw.read_until("upstream_protocol").await.starts_with("HTTP/1.1 502 "), "{request:?} {answer:?}");
    }
}

#[tokio::test]
async fn the_limits_of_the_route_end_with_the_101_and_that_for_idleness_holds() {
    let backend = echoing().await;
    let rules = format!("{TO_A}\n  timeouts: {{request: 300ms, backendRequest: 300ms}}");
    let services = [("a", None, &[backend.address][..])];
    let edge = Edge::with_arguments(&services, &rules, &["--stream-idle-timeout", "1500ms"]).await;
    let mut raw = opened(&edge).await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        raw.send("ping").await;
        raw.read_until("ping").await;
    }
    // Nothing passes from here on.
    raw.read_to_close().await;
    edge.ended_with("stream_idle", 1).await;
}

#[tokio::test]
async fn an_unrelated_change_does_not_touch_it() {
    let backend = echoing().await;
    let edge = Edge::to(backend.address).await;
    let mut raw = opened(&edge).await;
    for i in 0..5 {
        let host = format!("other-{i}.test");
        let elsewhere = "- filters: [{type: RequestRedirect, requestRedirect: {hostname: new.test}}]";
        edge.folder.write("other.yaml", &http_route("other", &[&host], elsewhere));
        crate::support::until("the change served", async || {
            let answer = crate::support::client::get(edge.address, &host, "/moved").await?;
            (answer.status == 302).then_some(())
        })
        .await;
        raw.send("ping").await;
        raw.read_until("ping").await;
    }
}

#[tokio::test]
async fn a_reset_on_one_side_is_one_on_the_other() {
    let backend = Backend::raw(|mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        write(&mut stream, format!("{SWITCHING}hello")).await;
        let _ = stream.read(&mut [0; 16]).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut raw = opened(&edge).await;
    raw.send("now").await;
    assert_eq!(raw.read_to_close().await, None, "a reset");
}
