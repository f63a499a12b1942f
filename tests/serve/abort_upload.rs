//! A client of HTTP/1 that goes away while its upload is stuck, because the endpoint does not read.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::support::client::Raw;
use crate::support::{Backend, Edge, TO_A, read_head, until, within, write};

const UPLOAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";

/// A backend that sends these bytes once it has a request's head, reads nothing more until it is told to, and then tells
/// how much came until the end.
async fn stuck(answer: &'static str) -> (Backend, mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<usize>) {
    let (go_on, mut may_read) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::unbounded_channel();
    let (streams, mut stream) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(mut stream) = stream.recv().await {
            read_head(&mut stream).await;
            write(&mut stream, answer).await;
            may_read.recv().await;
            let (mut space, mut all) = (vec![0; 65_536], 0);
            while let Ok(count @ 1..) = stream.read(&mut space).await {
                all += count;
            }
            let _ = tell.send(all);
        }
    });
    let backend = Backend::raw(move |stream| {
        let _ = streams.send(stream);
        async {}
    })
    .await;
    (backend, go_on, told)
}

/// How many bytes of a client the proxy has not read, by the system's tables of sockets.
fn unread(proxy: SocketAddr, client: SocketAddr) -> Option<u64> {
    let (local, remote) = (format!(":{:04X}", proxy.port()), format!(":{:04X}", client.port()));
    // A socket of both families is in the table of IPv6.
    ["/proc/net/tcp6", "/proc/net/tcp"].iter().find_map(|path| {
        let table = std::fs::read_to_string(path).ok()?;
        let line = table.lines().find(|line| {
            let mut words = line.split_whitespace().skip(1);
            words.next().is_some_and(|word| word.ends_with(&local))
                && words.next().is_some_and(|word| word.ends_with(&remote))
        })?;
        let queues = line.split_whitespace().nth(4)?;
        u64::from_str_radix(queues.split_once(':')?.1, 16).ok()
    })
}

/// Sends piece by piece until the proxy reads no more, so that little is left unread and nothing unsent.
async fn fill(raw: &mut Raw, edge: &Edge) {
    let client = raw.stream.local_addr().unwrap();
    raw.send(UPLOAD).await;
    for _ in 0..2_000 {
        raw.send(vec![b'x'; 32_768]).await;
        let read = async || (unread(edge.address, client) == Some(0)).then_some(());
        if tokio::time::timeout(Duration::from_millis(1_500), until("it was read", read)).await.is_err() {
            return;
        }
    }
    panic!("nothing holds the upload back");
}

async fn goes_while_its_upload_is_stuck(answer: &'static str, reset: bool) {
    let (backend, go_on, mut told) = stuck(answer).await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    fill(&mut raw, &edge).await;
    if reset {
        socket2::SockRef::from(&raw.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
    drop(raw);
    // The endpoint has read nothing so far.
    edge.ended_with("client_aborted", 1).await;
    go_on.send(()).unwrap();
    assert!(within("the connection's end", told.recv()).await.unwrap() < 100_000_000);
}

#[tokio::test]
async fn a_client_that_goes_while_its_upload_is_stuck_takes_the_request_with_it() {
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    tokio::join!(
        goes_while_its_upload_is_stuck("", true),
        goes_while_its_upload_is_stuck("", false),
        goes_while_its_upload_is_stuck(begun, true),
        goes_while_its_upload_is_stuck(begun, false),
    );
}

#[tokio::test]
async fn a_client_that_may_end_its_side_uploads_through_a_slow_endpoint() {
    let (backend, go_on, mut told) = stuck("").await;
    let edge = Edge::with_arguments(&[("a", None, &[backend.address])], TO_A, &["--allow-half-close"]).await;
    let mut raw = edge.connect().await;
    fill(&mut raw, &edge).await;
    raw.stream.shutdown().await.unwrap();
    // Longer than it takes to notice.
    let ended = tokio::time::timeout(Duration::from_millis(2_500), told.recv()).await;
    assert!(ended.is_err(), "the request was given up");
    assert_eq!(edge.proxy.metric("pingway_requests_in_flight").await, Some(1.0));
    go_on.send(()).unwrap();
    // Now the end within the body is seen.
    within("the end", told.recv()).await;
    edge.ended_with("client_aborted", 1).await;
}
