//! A client that goes away, or only half, in every phase.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{Backend, Edge, PATIENCE, TO_A, read_head, read_to_end, within, write};

/// A backend that sends these bytes once it has a request's head, then tells when its connection ends.
async fn watching(answer: &'static str) -> (Backend, mpsc::UnboundedReceiver<&'static str>) {
    let (tell, told) = mpsc::unbounded_channel();
    let backend = Backend::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            if read_head(&mut stream).await.0.is_empty() {
                return;
            }
            write(&mut stream, answer).await;
            let _ = tell.send("asked");
            read_to_end(&mut stream).await;
            let _ = tell.send("ended");
        }
    })
    .await;
    (backend, told)
}

async fn told(from: &mut mpsc::UnboundedReceiver<&'static str>) -> &'static str {
    within("word from the backend", from.recv()).await.expect("the backend runs")
}

#[tokio::test]
async fn a_client_that_ends_its_side_before_the_answer_has_gone() {
    let (backend, mut from) = watching("").await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(told(&mut from).await, "asked");
    raw.stream.shutdown().await.unwrap();
    assert_eq!(told(&mut from).await, "ended");
    edge.ended_with("client_aborted", 1).await;
}

#[tokio::test]
async fn a_client_that_may_end_its_side_gets_its_answer() {
    let backend = Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        // Waits for the half-close to have been seen, had it been taken for an abort.
        let aborted = timeout(Duration::from_millis(300), read_to_end(&mut stream)).await.is_ok();
        assert!(!aborted);
        write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let edge = Edge::with_arguments(&[("a", None, &[backend.address])], TO_A, &["--allow-half-close"]).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.stream.shutdown().await.unwrap();
    assert!(raw.read_to_close().await.expect("no reset").ends_with("ok"));
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_of_its_body_takes_the_request_with_it() {
    let (backend, mut from) = watching("").await;
    let edge = Edge::to(backend.address).await;
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let mut raw = edge.connect().await;
        raw.send(request).await;
        assert_eq!(told(&mut from).await, "asked");
        drop(raw);
        assert_eq!(told(&mut from).await, "ended");
    }
    edge.ended_with("client_aborted", 2).await;
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_of_the_answer_ends_it_upstream() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let (backend, mut from) = watching(answer).await;
        let edge = Edge::to(backend.address).await;
        let mut raw = edge.connect().await;
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(told(&mut from).await, "asked");
        let mut seen = Vec::new();
        within("the first half", async {
            while !seen.windows(4).any(|four| four == b"half") {
                raw.stream.read_buf(&mut seen).await.unwrap();
            }
        })
        .await;
        drop(raw);
        assert_eq!(told(&mut from).await, "ended");
        edge.ended_with("client_aborted", 1).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_while_the_endpoint_is_connected_to_ends_it() {
    // A queue of one that is full: the system drops who asks next.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(500), tokio::net::TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
        assert!(queued.len() < 10, "the queue never fills");
    }
    let edge = Edge::with_arguments(&[("a", None, &[address])], TO_A, &["--connect-timeout", "60s"]).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    crate::support::until("a request in flight", async || {
        edge.proxy.metric("pingway_requests_in_flight").await.filter(|now| *now == 1.0)
    })
    .await;
    drop(raw);
    edge.ended_with("client_aborted", 1).await;
}

#[tokio::test]
async fn a_client_that_goes_during_the_backoff_of_a_retry_ends_it() {
    let backend = Backend::remembering(|_| crate::support::text(503, "no")).await;
    let rules = "- backendRefs: [{name: a, port: 80}]\n  retry: {attempts: 1, codes: [503], backoff: 20s}";
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], rules).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    crate::support::until("the first try", async || (!backend.take_seen().is_empty()).then_some(())).await;
    drop(raw);
    edge.ended_with("client_aborted", 1).await;
}

#[tokio::test]
async fn a_client_that_stops_reading_stops_the_backend() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let backend = Backend::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            read_head(&mut stream).await;
            write(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let mut piece = format!("{:x}\r\n", 64 * 1024).into_bytes();
            piece.extend(vec![b'x'; 64 * 1024]);
            piece.extend(b"\r\n");
            let mut sent = 0_usize;
            while timeout(Duration::from_secs(1), stream.write_all(&piece)).await.is_ok_and(|sent| sent.is_ok()) {
                sent += piece.len();
                assert!(sent < 200_000_000, "nothing holds it back");
            }
            let _ = tell.send(sent);
            std::future::pending::<()>().await;
        }
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let sent = tokio::time::timeout(PATIENCE, told.recv()).await.expect("in time").expect("the backend runs");
    // What the system's own buffers take, and no more than a piece of ours.
    assert!(sent < 50_000_000, "{sent}");
}

#[tokio::test]
async fn a_cut_exchange_gives_no_connection_back() {
    let (backend, mut from) = watching("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let edge = Edge::to(backend.address).await;
    for _ in 0..3 {
        let mut raw = edge.connect().await;
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(told(&mut from).await, "asked");
        drop(raw);
        // Each has a connection of its own, and each ends.
        assert_eq!(told(&mut from).await, "ended");
    }
}
