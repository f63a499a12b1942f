//! What one client of HTTP/2 can make the proxy hold: where nothing flows on, little is taken.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::SendStream;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::h2_wire::{H2Client, h2_backend};
use crate::support::{Backend, Edge, TO_A, client, read_head, until, within, write};

/// Streams that the client would like to have.
const WANTED: usize = 1_000;
/// Streams that it may have (docs/limits.md).
const STREAMS: f64 = 256.0;

/// Sends for ever, as far as windows let it; counts what was taken.
async fn pour(mut stream: SendStream<Bytes>, taken: Arc<AtomicUsize>) {
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    loop {
        stream.reserve_capacity(piece.len());
        while stream.capacity() == 0 {
            let Some(Ok(_)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        }
        let part = piece.slice(..stream.capacity().min(piece.len()));
        taken.fetch_add(part.len(), Ordering::Relaxed);
        if stream.send_data(part, false).is_err() {
            return;
        }
    }
}

/// Waits until so much was taken that no more is for two seconds; answers it.
async fn settled(taken: &AtomicUsize) -> usize {
    let (mut last, mut since) = (0, Instant::now());
    until("a standstill", || {
        let now = taken.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        std::future::ready((last > 0 && since.elapsed() > Duration::from_secs(2)).then_some(last))
    })
    .await
}

/// What the streams of a standstill have come to, compared with `before`, in KiB: bytes taken, and memory.
async fn measure(edge: &Edge, taken: &AtomicUsize, before: u64) -> (usize, u64) {
    let taken = settled(taken).await / 1024;
    let in_flight = edge.proxy.metric("pingway_requests_in_flight").await.unwrap();
    let held = edge.proxy.resident().saturating_sub(before);
    println!("{in_flight} streams: {taken} KiB taken, {held} KiB more memory");
    assert!(in_flight <= STREAMS, "{in_flight} streams");
    (taken, held)
}

/// A request with HTTP/2, so that what is warmed up is not counted.
async fn warm(edge: &Edge) -> u64 {
    let request = Request::get("http://a/warm").body(Bytes::new()).unwrap();
    assert_eq!(client::send_h2(edge.address, request).await.unwrap().status, 200);
    edge.proxy.resident()
}

#[tokio::test]
async fn a_client_that_reads_nothing_stops_its_backend() {
    let taken = Arc::<AtomicUsize>::default();
    let poured = taken.clone();
    let backend = h2_backend(65_535, move |(request, mut respond)| {
        let poured = poured.clone();
        async move {
            let warm = request.uri().path() == "/warm";
            let body = respond.send_response(Response::new(()), warm).unwrap();
            if !warm {
                pour(body, poured).await;
            }
        }
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let before = warm(&edge).await;
    let mut client = H2Client::connect_with(edge.address, 1).await;
    let mut streams = Vec::new();
    for _ in 0..WANTED {
        streams.push(client.open(Request::get("http://a/").body(()).unwrap(), true).await);
    }
    let (taken, held) = measure(&edge, &taken, before).await;
    assert!(taken <= 64 * 1024, "{taken} KiB");
    assert!(held <= 80 * 1024, "{held} KiB");
}

#[tokio::test]
async fn a_backend_that_reads_nothing_stops_its_client() {
    let backend = Backend::raw(|mut stream| async move {
        let (head, _) = read_head(&mut stream).await;
        match head.starts_with("GET /warm ") {
            true => write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await,
            false => std::future::pending().await,
        }
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let before = warm(&edge).await;
    let taken = Arc::<AtomicUsize>::default();
    let mut client = H2Client::connect(edge.address).await;
    let (mut answers, mut uploads) = (Vec::new(), JoinSet::new());
    for _ in 0..WANTED {
        let (answer, body) = client.open(Request::post("http://a/").body(()).unwrap(), false).await;
        answers.push(answer);
        uploads.spawn(pour(body, taken.clone()));
    }
    let (taken, held) = measure(&edge, &taken, before).await;
    // What the system's own buffers take is counted too.
    assert!(taken <= 160 * 1024, "{taken} KiB");
    assert!(held <= 64 * 1024, "{held} KiB");
}

#[tokio::test]
async fn streams_that_are_reset_as_soon_as_they_are_opened_leave_nothing() {
    let backend = Backend::named("a").await;
    let edge = Edge::to(backend.address).await;
    let before = warm(&edge).await;
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (0..20_000_u32).map(|number| number * 2 + 1) {
        // HEADERS (GET / at http://a), then RST_STREAM with CANCEL.
        flood.extend(b"\0\0\x06\x01\x05".iter().chain(&stream.to_be_bytes()).chain(b"\x82\x86\x84\x41\x01a"));
        flood.extend(b"\0\0\x04\x03\0".iter().chain(&stream.to_be_bytes()).chain(&8_u32.to_be_bytes()));
    }
    for _ in 0..3 {
        let stream = within("a connection", TcpStream::connect(edge.address)).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let drained = tokio::spawn(async move {
            let mut space = vec![0; 64 * 1024];
            while matches!(read.read(&mut space).await, Ok(count) if count > 0) {}
        });
        // It may be refused in the middle.
        let _ = within("the flood", write.write_all(&flood)).await;
        drop(write);
        within("its end", drained).await.unwrap();
    }
    until("nothing in flight", async || {
        edge.proxy.metric("pingway_requests_in_flight").await.filter(|now| *now == 0.0)
    })
    .await;
    warm(&edge).await;
    let held = edge.proxy.resident().saturating_sub(before);
    println!("{held} KiB more memory");
    assert!(held <= 32 * 1024, "{held} KiB");
}
