//! Time limits of routes and streams.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

use crate::support::{Backend, Edge, TO_A, read_head, text, within, write};

/// A backend that takes requests and never answers.
async fn silent() -> Backend {
    Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await
}

async fn timed(edge: &Edge) -> (String, Duration) {
    let start = Instant::now();
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let answer = raw.read_to_close().await.unwrap_or_default();
    (answer, start.elapsed())
}

#[tokio::test]
async fn a_backend_that_does_not_answer_in_time_is_a_gateway_timeout() {
    let backend = silent().await;
    for (timeouts, word) in [
        ("{request: 300ms}", "request_timeout"),
        ("{backendRequest: 300ms}", "backend_timeout"),
        ("{request: 10s, backendRequest: 300ms}", "backend_timeout"),
    ] {
        let rules = format!("{TO_A}\n  timeouts: {timeouts}");
        let edge = Edge::with_rules(&[("a", None, &[backend.address])], &rules).await;
        let (answer, took) = timed(&edge).await;
        assert!(answer.starts_with("HTTP/1.1 504 ") && answer.ends_with(word), "{timeouts}: {answer:?}");
        assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(9), "{timeouts}: {took:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_through_in_time_is_cut() {
    let backend = Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        // Drips for ever: no single pause is long.
        for _ in 0..600 {
            write(&mut stream, "1\r\nx\r\n").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    for timeouts in ["{request: 400ms}", "{backendRequest: 400ms}"] {
        let rules = format!("{TO_A}\n  timeouts: {timeouts}");
        let edge = Edge::with_rules(&[("a", None, &[backend.address])], &rules).await;
        let (answer, took) = timed(&edge).await;
        assert!(!answer.ends_with("0\r\n\r\n"), "{timeouts}: {answer:?}");
        assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(15), "{timeouts}: {took:?}");
        let word = if timeouts.contains("backend") { "backend_timeout" } else { "request_timeout" };
        edge.ended_with(word, 1).await;
    }
}

#[tokio::test]
async fn the_whole_limit_holds_for_retries_too() {
    let backend = Backend::remembering(|_| text(503, "no")).await;
    let rules =
        format!("{TO_A}\n  timeouts: {{request: 500ms}}\n  retry: {{attempts: 100, codes: [503], backoff: 100ms}}");
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], &rules).await;
    let (answer, took) = timed(&edge).await;
    // The last answer goes on where no time is left for another try.
    assert!(answer.starts_with("HTTP/1.1 503 ") || answer.starts_with("HTTP/1.1 504 "), "{answer:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let tries = backend.take_seen().len();
    assert!((2..10).contains(&tries), "{tries}");
}

#[tokio::test]
async fn a_try_that_takes_too_long_is_followed_by_another_where_the_route_asks() {
    let slow = silent().await;
    let quick = Backend::named("quick").await;
    let rules = format!("{TO_A}\n  timeouts: {{request: 10s, backendRequest: 300ms}}\n  retry: {{attempts: 2}}");
    let edge = Edge::with_rules(&[("a", None, &[slow.address, quick.address])], &rules).await;
    for _ in 0..4 {
        let (answer, _) = timed(&edge).await;
        assert!(answer.ends_with("quick"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_stream_without_a_byte_either_way_is_cut() {
    let backend = Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n").await;
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await;
    let edge =
        Edge::with_arguments(&[("a", None, &[backend.address])], TO_A, &["--stream-idle-timeout", "300ms"]).await;
    let (answer, took) = timed(&edge).await;
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer:?}");
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(15), "{took:?}");
    edge.ended_with("stream_idle", 1).await;
}

#[tokio::test]
async fn a_backend_may_think_longer_than_a_stream_may_be_idle() {
    let backend = Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(900)).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let edge =
        Edge::with_arguments(&[("a", None, &[backend.address])], TO_A, &["--stream-idle-timeout", "300ms"]).await;
    let (answer, _) = timed(&edge).await;
    assert!(answer.ends_with("ok"), "{answer:?}");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_answered() {
    let backend = silent().await;
    let edge =
        Edge::with_arguments(&[("a", None, &[backend.address])], TO_A, &["--stream-idle-timeout", "300ms"]).await;
    let mut raw = edge.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").await;
    let answer = within("an answer", raw.read_to_close()).await.expect("no reset");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("client_timeout"), "{answer:?}");
}
