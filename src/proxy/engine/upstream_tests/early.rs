//! HTTP/1: both directions at once, and endpoints that answer before they have read everything.

use bytes::Bytes;
use pingora::http::ResponseHeader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::{Upstream, UpstreamPool};
use super::scripts::{Scripted, body, head, read_head, reset, write};

const PIECE: Bytes = Bytes::from_static(&[b'x'; 32 * 1024]);

/// Sends pieces without end until the head comes; answers it and whether the endpoint took no more before that.
async fn upload_until_head(upstream: &mut Upstream) -> (Box<ResponseHeader>, bool) {
    let mut stopped = false;
    loop {
        // One after the other, as a caller with both in one loop does: each is cancelled at each turn.
        tokio::select! { biased;
            head = upstream.head() => return (head.expect("a head"), stopped),
            () = tokio::task::yield_now() => {}
        }
        if stopped {
            continue;
        }
        let room = tokio::select! { biased;
            room = upstream.ready() => room.expect("ready"),
            () = tokio::task::yield_now() => continue,
        };
        stopped = room < PIECE.len() || !upstream.send_body(PIECE, false).await.expect("send_body");
    }
}

#[tokio::test]
async fn an_answer_arrives_while_the_upload_is_stuck() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        // It reads nothing more, until its peer closes.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        write(&mut socket, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch").await;
        std::future::pending::<()>().await;
    })
    .await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    let (head, _) = upload_until_head(&mut upstream).await;
    assert_eq!(head.status, 413);
    assert_eq!(body(&mut upstream).await.expect("a body"), b"much");
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 0);
}

#[tokio::test]
async fn an_answer_arrives_though_the_endpoint_closes_amid_the_upload() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        write(&mut socket, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno").await;
        socket.shutdown().await.expect("open");
        // Takes what comes until its peer gives up.
        let _ = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    })
    .await;
    let mut upstream = server.http1(&UpstreamPool::default()).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    let (head, _) = upload_until_head(&mut upstream).await;
    assert_eq!(head.status, 401);
    assert_eq!(body(&mut upstream).await.expect("a body"), b"no");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_takes_no_more() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        reset(socket);
    })
    .await;
    let mut upstream = server.http1(&UpstreamPool::default()).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    let mut sent = 0;
    while upstream.ready().await.expect("ready") > 0 && upstream.send_body(PIECE, false).await.expect("send_body") {
        sent += 1;
        assert!(sent < 10_000, "it takes for ever");
        tokio::task::yield_now().await;
    }
    assert!(!upstream.send_body(PIECE, true).await.expect("send_body"));
    assert_eq!(upstream.ready().await.expect("ready"), 0);
    upstream.head().await.expect_err("reset");
}

/// A caller with one loop for both directions never comes to a standstill with an endpoint that writes as it reads.
#[tokio::test]
async fn an_echo_larger_than_every_buffer_flows() {
    const TOTAL: usize = 24 * 1024 * 1024;
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        write(&mut socket, &format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n")).await;
        let (mut input, mut output) = socket.split();
        tokio::io::copy(&mut (&mut input).take(TOTAL as u64), &mut output).await.expect("an echo");
        std::future::pending::<()>().await;
    })
    .await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    let length = TOTAL.to_string();
    upstream.send_head(head("POST", "/", &[("Content-Length", length.as_str())]), false).await.expect("sent");
    assert_eq!(upstream.head().await.expect("an early head").status, 200);
    let (mut sent, mut received) = (0, 0);
    while received < TOTAL {
        let room = tokio::select! { biased;
            piece = upstream.next_body() => {
                received += piece.expect("a piece").expect("a piece").len();
                continue;
            }
            () = tokio::task::yield_now(), if sent < TOTAL => {
                tokio::select! { biased;
                    room = upstream.ready() => room.expect("ready"),
                    () = tokio::task::yield_now() => continue,
                }
            }
        };
        assert!(room >= PIECE.len());
        sent += PIECE.len();
        assert!(upstream.send_body(PIECE, sent == TOTAL).await.expect("send_body"));
    }
    assert!(upstream.body_done());
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 1);
}
