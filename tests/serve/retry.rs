//! Retries: when, how often, after how long, and where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Request;
use tokio::net::TcpListener;

use crate::support::client::{self, Answer};
use crate::support::h2_wire::h2_backend;
use crate::support::{Backend, Edge, TO_A, read_head, text, write};

/// An address that refuses connections.
async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A backend that answers with these statuses in turn, the last for ever.
async fn in_turn(statuses: &'static [u16]) -> Backend {
    let count = AtomicUsize::new(0);
    Backend::remembering(move |_| {
        let i = count.fetch_add(1, Ordering::Relaxed);
        let status = statuses.get(i).or(statuses.last()).copied().unwrap_or(200);
        text(status, status.to_string())
    })
    .await
}

async fn send(edge: &Edge, method: &str, body: impl Into<bytes::Bytes>) -> Answer {
    let request = Request::builder().method(method).uri("/").header("host", "a").body(body.into()).unwrap();
    client::send(edge.address, request).await.expect("an answer")
}

#[tokio::test]
async fn named_codes_are_tried_again_as_often_as_the_route_says_and_the_last_answer_stands() {
    for (statuses, retry, status, tries) in [
        (&[503, 500, 200][..], "{attempts: 2, codes: [500, 503]}", 200, 3),
        (&[503, 503, 200][..], "{attempts: 1, codes: [503]}", 503, 2),
        (&[502, 200][..], "{attempts: 2, codes: [503]}", 502, 1),
        (&[503, 200][..], "{attempts: 2}", 503, 1),
        (&[503, 200][..], "{attempts: 0, codes: [503]}", 503, 1),
        (&[503, 200][..], "{codes: [503]}", 200, 2),
    ] {
        let backend = in_turn(statuses).await;
        let edge = Edge::with_rules(&[("a", None, &[backend.address])], &format!("{TO_A}\n  retry: {retry}")).await;
        assert_eq!(send(&edge, "GET", "").await.status, status, "{statuses:?} {retry}");
        assert_eq!(backend.take_seen().len(), tries, "{statuses:?} {retry}");
    }
}

#[tokio::test]
async fn without_retry_an_answer_is_an_answer() {
    let backend = in_turn(&[503, 200]).await;
    let edge = Edge::to(backend.address).await;
    assert_eq!(send(&edge, "GET", "").await.status, 503);
}

#[tokio::test]
async fn the_body_is_sent_again_whole() {
    let backend = in_turn(&[503, 503, 200]).await;
    let rules = format!("{TO_A}\n  retry: {{attempts: 2, codes: [503]}}");
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], &rules).await;
    let body = "0123456789".repeat(6_000);
    assert_eq!(send(&edge, "POST", body.clone()).await.status, 200);
    let seen = backend.take_seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.body == body && seen.head.headers["content-length"] == "60000"));
    let ids: std::collections::BTreeSet<_> = seen
        .iter()
        .map(|seen| seen.head.headers["x-request-id"].clone())
        .map(|id| id.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "one request, one id");
}

#[tokio::test]
async fn a_body_too_large_to_keep_is_sent_once_and_the_log_says_so() {
    let backend = in_turn(&[503, 200]).await;
    let rules = format!("{TO_A}\n  retry: {{attempts: 2, codes: [503]}}");
    let edge = Edge::with_arguments(&[("a", None, &[backend.address])], &rules, &["--replay-limit", "1000"]).await;
    assert_eq!(send(&edge, "POST", "x".repeat(1001)).await.status, 503);
    assert_eq!(backend.take_seen().len(), 1);
    edge.proxy.logged("body_too_large").await;
}

#[tokio::test]
async fn backoff_is_kept_and_two_tries_fit_in_half_a_second_without_one() {
    for (retry, at_least, at_most) in
        [("{attempts: 2, codes: [503], backoff: 300ms}", 900, 30_000), ("{attempts: 2, codes: [503]}", 0, 5_000)]
    {
        let backend = in_turn(&[503, 503, 200]).await;
        let edge = Edge::with_rules(&[("a", None, &[backend.address])], &format!("{TO_A}\n  retry: {retry}")).await;
        let start = Instant::now();
        assert_eq!(send(&edge, "GET", "").await.status, 200);
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(at_least) && took < Duration::from_millis(at_most), "{retry}: {took:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_elsewhere_whatever_the_method() {
    let backend = Backend::named("b").await;
    for rules in [TO_A.to_owned(), format!("{TO_A}\n  retry: {{attempts: 2}}")] {
        let edge = Edge::with_rules(&[("a", None, &[refusing().await, backend.address])], &rules).await;
        for _ in 0..10 {
            assert_eq!(send(&edge, "POST", "body").await.text(), "b", "{rules}");
        }
    }
}

#[tokio::test]
async fn where_every_endpoint_refuses_the_service_is_unavailable() {
    let rules = format!("{TO_A}\n  retry: {{attempts: 3, backoff: 1ms}}");
    let edge = Edge::with_rules(&[("a", None, &[refusing().await, refusing().await])], &rules).await;
    let answer = send(&edge, "GET", "").await;
    assert_eq!((answer.status, answer.header("x-pingway-reason")), (503, "connect_failed"));
}

/// A backend that closes its first connections unanswered once a request has come, and counts the requests.
async fn closing(first: usize) -> (Backend, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let backend = Backend::raw(move |mut stream| {
        let counted = counted.clone();
        async move {
            if read_head(&mut stream).await.0.is_empty() {
                return;
            }
            if counted.fetch_add(1, Ordering::Relaxed) >= first {
                write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    })
    .await;
    (backend, count)
}

#[tokio::test]
async fn what_a_backend_may_have_acted_on_is_sent_again_only_where_route_or_method_allows() {
    for (method, retry, status, tries) in
        [("POST", "", 502, 1), ("GET", "", 200, 2), ("PUT", "", 200, 2), ("POST", "\n  retry: {attempts: 1}", 200, 2)]
    {
        let (backend, count) = closing(1).await;
        let edge = Edge::with_rules(&[("a", None, &[backend.address])], &format!("{TO_A}{retry}")).await;
        assert_eq!(send(&edge, method, "").await.status, status, "{method} {retry}");
        assert_eq!(count.load(Ordering::Relaxed), tries, "{method} {retry}");
    }
}

#[tokio::test]
async fn a_pooled_connection_that_has_died_costs_nobody_a_request() {
    // Each connection serves one request, and closes when the next comes, as an idle one does at the wrong moment.
    let backend = Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let mut byte = [0; 1];
        let _ = stream.peek(&mut byte).await;
    })
    .await;
    let rules = format!("{TO_A}\n  retry: {{attempts: 0}}");
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], &rules).await;
    let mut raw = edge.connect().await;
    for _ in 0..20 {
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(raw.read_until("\r\n\r\nok").await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_stream_that_is_refused_is_sent_again_whatever_the_method() {
    let refused = Arc::new(AtomicUsize::new(0));
    let backend = h2_backend(65_535, move |(_, mut respond)| {
        let first = refused.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                return respond.send_reset(h2::Reason::REFUSED_STREAM);
            }
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            crate::support::h2_wire::send(&mut body, "ok", true).await;
        }
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    assert_eq!(send(&edge, "POST", "body").await.text(), "ok");
}

#[tokio::test]
async fn an_http_2_protocol_error_does_not_send_a_post_twice() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let backend = h2_backend(65_535, move |(_, mut respond)| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { respond.send_reset(h2::Reason::PROTOCOL_ERROR) }
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    assert_eq!(send(&edge, "POST", "body").await.status, 502);
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn retries_of_many_at_once_stay_within_a_budget() {
    let backend = Backend::with(|_| async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        text(503, "no")
    })
    .await;
    let rules = format!("{TO_A}\n  retry: {{attempts: 1, codes: [503], backoff: 300ms}}");
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], &rules).await;
    let all: Vec<_> = (0..40)
        .map(|_| {
            let address = edge.address;
            tokio::spawn(async move { client::get(address, "a", "/").await.expect("an answer").status })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), 503);
    }
    let denied = edge.proxy.metric("pingway_retries_denied_total{why=\"budget\"}").await.unwrap_or_default();
    assert!(denied >= 20.0, "{denied}");
}
