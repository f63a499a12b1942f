//! Upgrades: raw bytes both ways after a 101, from the first byte on.

use bytes::Bytes;
use tokio::io::AsyncReadExt;

use super::super::{Cause, Upstream, UpstreamPool};
use super::scripts::{Scripted, get, head, read_head, read_text, write};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

fn upgrade() -> Box<pingora::http::RequestHeader> {
    head("GET", "/chat", &[("Connection", "Upgrade"), ("Upgrade", "echo")])
}

/// Reads exactly these raw bytes.
async fn expect(upstream: &mut Upstream, expected: &[u8]) {
    let mut all = Vec::new();
    while all.len() < expected.len() {
        all.extend_from_slice(&upstream.next_body().await.expect("bytes").expect("bytes"));
    }
    assert_eq!(all, expected);
}

/// pg#946: a thousand of a thousand, with bytes in the same segment as the 101, and the empty body's end told before or
/// after it.
#[tokio::test]
async fn raw_bytes_flow_both_ways_a_thousand_times() {
    let server = Scripted::new(|mut socket, _| async move {
        let head = read_head(&mut socket).await;
        assert!(head.starts_with("GET /chat HTTP/1.1\r\n"), "{head}");
        write(&mut socket, &format!("{SWITCH}hello")).await;
        assert_eq!(read_text(&mut socket, 6).await, "ping\r\n");
        write(&mut socket, "pong").await;
        // Our side closes: the other goes on.
        assert!(socket.read_u8().await.is_err());
        write(&mut socket, "bye").await;
    })
    .await;
    let pool = UpstreamPool::default();
    for i in 0..1_000 {
        let mut upstream = server.http1(&pool).await;
        let length_zero = i % 2 == 0;
        if length_zero {
            let mut head = upgrade();
            head.insert_header("Content-Length", "0").expect("a field");
            upstream.send_head(head, false).await.expect("sent");
        } else {
            upstream.send_head(upgrade(), true).await.expect("sent");
        }
        assert_eq!(upstream.head().await.expect("a head").status, 101);
        if length_zero {
            assert!(upstream.send_body(Bytes::new(), true).await.expect("the request's end"));
        }
        expect(&mut upstream, b"hello").await;
        assert!(upstream.ready().await.expect("ready") >= 6);
        assert!(upstream.send_body(Bytes::from_static(b"ping\r\n"), false).await.expect("sent"));
        expect(&mut upstream, b"pong").await;
        assert!(upstream.send_body(Bytes::new(), true).await.expect("our side closed"));
        expect(&mut upstream, b"bye").await;
        assert!(upstream.next_body().await.expect("its side closed").is_none());
        upstream.finish().await;
    }
    assert_eq!(pool.counts(&server.endpoint).0, 0, "never pooled");
    assert_eq!(server.connections(), 1_000);
}

#[tokio::test]
async fn bytes_of_the_tunnel_wait_for_the_end_of_the_request() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        write(&mut socket, SWITCH).await;
        assert_eq!(read_text(&mut socket, 13).await, "2\r\nab\r\n0\r\n\r\n"[..].to_owned() + "c");
        write(&mut socket, "end").await;
    })
    .await;
    let mut upstream = server.http1(&UpstreamPool::default()).await;
    upstream.send_head(upgrade(), false).await.expect("sent");
    assert_eq!(upstream.head().await.expect("a head").status, 101);
    assert!(upstream.send_body(Bytes::from_static(b"ab"), true).await.expect("the request's body"));
    assert!(upstream.send_body(Bytes::from_static(b"c"), false).await.expect("raw"));
    expect(&mut upstream, b"end").await;
}

#[tokio::test]
async fn an_upgrade_that_is_declined_is_an_exchange_like_any_other() {
    let server = Scripted::answering("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno").await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(upgrade(), true).await.expect("sent");
    assert_eq!(upstream.head().await.expect("a head").status, 426);
    expect(&mut upstream, b"no").await;
    assert!(upstream.body_done());
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 1);
}

#[tokio::test]
async fn a_101_that_nobody_asked_for_is_a_protocol_error() {
    let server = Scripted::answering(SWITCH).await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    assert_eq!(upstream.head().await.expect_err("unasked").cause, Cause::Protocol);
    upstream.next_body().await.expect_err("broken for good");
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 0);
}

#[tokio::test]
async fn a_tunnel_that_is_cut_by_a_reset_is_an_error() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        write(&mut socket, SWITCH).await;
        assert_eq!(read_text(&mut socket, 1).await, "x");
        super::scripts::reset(socket);
    })
    .await;
    let mut upstream = server.http1(&UpstreamPool::default()).await;
    upstream.send_head(upgrade(), true).await.expect("sent");
    upstream.head().await.expect("a head");
    assert!(upstream.send_body(Bytes::from_static(b"x"), false).await.expect("sent"));
    assert_eq!(upstream.next_body().await.expect_err("reset").cause, Cause::Truncated);
}
