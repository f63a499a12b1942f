//! HTTP/1: what may go back to a pool, and what never does.

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::super::{Speak, UpstreamPool};
use super::scripts::{LIMITS, Scripted, body, fetch, get, head, look_at_sockets, read_head, until, write};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn one_connection_serves_one_exchange_after_another() {
    let server = Scripted::answering(OK).await;
    let pool = UpstreamPool::default();
    for i in 0..100 {
        let mut upstream = server.http1(&pool).await;
        assert_eq!(upstream.reused(), i > 0);
        assert_eq!(fetch(&mut upstream, get()).await.expect("a response"), (200, b"ok".to_vec()));
        upstream.finish().await;
    }
    assert_eq!((server.connections(), pool.counts(&server.endpoint).0), (1, 1));
    let fresh = pool.take(&server.endpoint, Speak::Http1, true, LIMITS).await.expect("a connection");
    assert!(!fresh.reused());
}

#[tokio::test]
async fn a_body_may_be_known_to_have_ended_without_being_read_to_none() {
    let server = Scripted::answering(OK).await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    upstream.head().await.expect("a head");
    assert!(!upstream.body_done());
    assert_eq!(upstream.next_body().await.expect("a piece").expect("a piece"), "ok");
    assert!(upstream.body_done());
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 1);
}

#[tokio::test]
async fn the_connection_used_last_is_taken_first() {
    let server = Scripted::new(|mut socket, number| async move {
        while !read_head(&mut socket).await.is_empty() {
            write(&mut socket, &format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}")).await;
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let (mut first, mut second) = (server.http1(&pool).await, server.http1(&pool).await);
    let last = fetch(&mut second, get()).await.expect("a response");
    fetch(&mut first, get()).await.expect("a response");
    first.finish().await;
    second.finish().await;
    assert_eq!(fetch(&mut server.http1(&pool).await, get()).await.expect("a response"), last);
}

/// Reads a chunked request, and panics where anything is out of step.
async fn read_chunked(socket: &mut TcpStream) -> Option<String> {
    let head = read_head(socket).await;
    if head.is_empty() {
        return None;
    }
    assert!(head.starts_with("POST /"), "{head:?}");
    let mut body = String::new();
    loop {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push(char::from(socket.read_u8().await.expect("a chunk's head")));
        }
        let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's size");
        let mut chunk = vec![0; size + 2];
        socket.read_exact(&mut chunk).await.expect("a chunk");
        assert!(chunk.ends_with(b"\r\n"), "{chunk:?}");
        if size == 0 {
            return Some(body);
        }
        body += std::str::from_utf8(&chunk[..size]).expect("ASCII");
    }
}

/// pg#935: from HTTP/2, the end of a body is told once with the last piece and once alone.
#[tokio::test]
async fn a_thousand_chunked_requests_are_in_step_on_one_connection() {
    let server = Scripted::new(|mut socket, _| async move {
        while let Some(body) = read_chunked(&mut socket).await {
            write(&mut socket, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
        }
    })
    .await;
    let pool = UpstreamPool::default();
    for i in 0..1_000 {
        let mut upstream = server.http1(&pool).await;
        upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
        let text = format!("body {i}");
        let ends_with_piece = i % 2 == 0;
        assert!(upstream.send_body(Bytes::from(text.clone()), ends_with_piece).await.expect("sent"));
        assert!(upstream.send_body(Bytes::new(), true).await.expect("sent"));
        assert_eq!(upstream.head().await.expect("a head").status, 200);
        assert_eq!(body(&mut upstream).await.expect("a body"), text.as_bytes());
        upstream.finish().await;
    }
    assert_eq!(server.connections(), 1);
}

/// pg#852: the body of a bodyless answer never becomes the next answer.
#[tokio::test]
async fn bodyless_answers_keep_the_connection_in_step() {
    for (method, answer, reusable) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", true),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", false),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", true),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc", false),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", true),
    ] {
        let server = Scripted::answering(answer).await;
        let pool = UpstreamPool::default();
        for _ in 0..3 {
            let mut upstream = server.http1(&pool).await;
            let (status, body) = fetch(&mut upstream, head(method, "/", &[])).await.expect(answer);
            assert_eq!((status, body.len()), (answer[9..12].parse().expect("a status"), 0), "{answer:?}");
            upstream.finish().await;
        }
        assert_eq!(server.connections(), if reusable { 1 } else { 3 }, "{answer:?}");
    }
}

#[tokio::test]
async fn what_ends_a_connection_keeps_it_from_the_pool() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n!",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    ] {
        let server = Scripted::answering(answer).await;
        let pool = UpstreamPool::default();
        let mut upstream = server.http1(&pool).await;
        assert_eq!(fetch(&mut upstream, get()).await.expect(answer).1, b"ok", "{answer:?}");
        upstream.finish().await;
        assert_eq!(pool.counts(&server.endpoint).0, 0, "{answer:?}");
    }
    let server = Scripted::answering_once("HTTP/1.1 200 OK\r\n\r\nok").await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    assert_eq!(fetch(&mut upstream, get()).await.expect("a response").1, b"ok");
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 0, "it was delimited by its end");
}

#[tokio::test]
async fn an_exchange_that_is_not_whole_keeps_its_connection_from_the_pool() {
    let server = Scripted::answering(OK).await;
    let pool = UpstreamPool::default();
    // Cancelled before and after the head.
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    drop(upstream);
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    upstream.head().await.expect("a head");
    drop(upstream);
    // Finished with an unread body, without an answer, without a request, and without the request's end.
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    upstream.head().await.expect("a head");
    upstream.finish().await;
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    upstream.finish().await;
    server.http1(&pool).await.finish().await;
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    upstream.head().await.expect("an early head");
    assert_eq!(body(&mut upstream).await.expect("a body"), b"ok");
    upstream.finish().await;
    // Less body than was said.
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(head("POST", "/", &[("Content-Length", "9")]), false).await.expect("sent");
    assert!(!upstream.send_body(Bytes::from_static(b"a"), true).await.expect("sent"));
    upstream.head().await.expect("a head");
    assert_eq!(body(&mut upstream).await.expect("a body"), b"ok");
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 0);
}

/// An endpoint that answers one request, and then does what it is told to.
async fn idle_then(act: fn(TcpStream) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let done = std::sync::Arc::new(tokio::sync::Notify::new());
    let (on, tell) = (go.clone(), done.clone());
    let server = Scripted::new(move |mut socket, number| {
        let (on, tell) = (on.clone(), tell.clone());
        async move {
            read_head(&mut socket).await;
            write(&mut socket, OK).await;
            if number == 0 {
                on.notified().await;
                act(socket).await;
                tell.notify_one();
            }
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    fetch(&mut upstream, get()).await.expect("a response");
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 1);
    go.notify_one();
    done.notified().await;
    look_at_sockets().await;
    let mut upstream = server.http1(&pool).await;
    assert!(!upstream.reused());
    assert_eq!(fetch(&mut upstream, get()).await.expect("a response").1, b"ok");
}

#[tokio::test]
async fn a_connection_that_closed_while_idle_is_not_handed_out() {
    idle_then(|socket| Box::pin(async move { drop(socket) })).await;
}

#[tokio::test]
async fn a_connection_that_was_reset_while_idle_is_not_handed_out() {
    idle_then(|socket| Box::pin(async move { super::scripts::reset(socket) })).await;
}

#[tokio::test]
async fn a_connection_with_stray_bytes_is_not_handed_out() {
    idle_then(|mut socket| {
        Box::pin(async move {
            write(&mut socket, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n").await;
            tokio::spawn(async move { socket.read_u8().await });
        })
    })
    .await;
}

#[tokio::test]
async fn a_pooled_connection_that_closes_as_a_request_is_sent_says_that_it_was_reused() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        write(&mut socket, OK).await;
        read_head(&mut socket).await;
    })
    .await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    fetch(&mut upstream, get()).await.expect("a response");
    upstream.finish().await;
    let mut upstream = server.http1(&pool).await;
    let error = fetch(&mut upstream, get()).await.expect_err("closed");
    assert!(upstream.reused() && error.cause == super::super::Cause::Unanswered, "{error}");
    until("the connection is gone", || pool.counts(&server.endpoint).0 == 0).await;
}
