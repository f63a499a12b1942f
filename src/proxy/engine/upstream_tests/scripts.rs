//! Scripted endpoints and short ways to speak to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pingora::http::RequestHeader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::{ConnectLimits, Speak, Upstream, UpstreamError, UpstreamPool};
use crate::live::Endpoint;

/// Generous: no test waits for it.
pub(super) const LIMITS: ConnectLimits = ConnectLimits { connect_timeout: Duration::from_secs(20) };

/// An endpoint that runs a script on each connection, and how many connections it has accepted.
pub(super) struct Scripted {
    pub(super) endpoint: Arc<Endpoint>,
    accepted: Arc<AtomicUsize>,
}

impl Scripted {
    /// Runs `script(connection, its number from 0)` on each connection.
    pub(super) async fn new<F, R>(script: F) -> Self
    where
        F: Fn(TcpStream, usize) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let endpoint = Arc::new(Endpoint::new(listener.local_addr().expect("bound")));
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).expect("a socket");
                tokio::spawn(script(socket, count.fetch_add(1, Ordering::SeqCst)));
            }
        });
        Self { endpoint, accepted }
    }

    /// Answers each request of each connection with the same bytes, and keeps the connection.
    pub(super) async fn answering(answer: &'static str) -> Self {
        Self::new(move |mut socket, _| async move {
            while !read_head(&mut socket).await.is_empty() {
                write(&mut socket, answer).await;
            }
        })
        .await
    }

    /// Answers the first request with these bytes, and closes.
    pub(super) async fn answering_once(answer: &'static str) -> Self {
        Self::new(move |mut socket, _| async move {
            read_head(&mut socket).await;
            write(&mut socket, answer).await;
        })
        .await
    }

    /// Connections accepted so far.
    pub(super) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) async fn http1(&self, pool: &UpstreamPool) -> Upstream {
        pool.take(&self.endpoint, Speak::Http1, false, LIMITS).await.expect("a connection")
    }

    pub(super) async fn http2(&self, pool: &UpstreamPool) -> Upstream {
        pool.take(&self.endpoint, Speak::Http2, false, LIMITS).await.expect("a stream")
    }
}

/// A request's head; `fields` are `name: value` pairs.
pub(super) fn head(method: &str, path: &str, fields: &[(&'static str, &str)]) -> Box<RequestHeader> {
    let mut head = RequestHeader::build(method, path.as_bytes(), None).expect("a head");
    head.insert_header("Host", "shop.test").expect("a field");
    for (name, value) in fields {
        head.append_header(*name, *value).expect("a field");
    }
    Box::new(head)
}

pub(super) fn get() -> Box<RequestHeader> {
    head("GET", "/", &[])
}

/// The rest of a response's body.
pub(super) async fn body(upstream: &mut Upstream) -> Result<Vec<u8>, UpstreamError> {
    let mut all = Vec::new();
    while let Some(piece) = upstream.next_body().await? {
        assert!(!piece.is_empty(), "a piece is never empty");
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

/// A whole bodyless exchange: status and body.
pub(super) async fn fetch(upstream: &mut Upstream, head: Box<RequestHeader>) -> Result<(u16, Vec<u8>), UpstreamError> {
    upstream.send_head(head, true).await?;
    let status = upstream.head().await?.status.as_u16();
    Ok((status, body(upstream).await?))
}

/// Sends a body as fast as it is taken; answers whether all of it was.
pub(super) async fn upload(upstream: &mut Upstream, mut rest: Bytes) -> bool {
    while !rest.is_empty() {
        let room = upstream.ready().await.expect("ready");
        let piece = rest.split_to(room.min(rest.len()));
        if room == 0 || !upstream.send_body(piece, rest.is_empty()).await.expect("send_body") {
            return false;
        }
    }
    true
}

/// Reads up to the end of a head; empty at the end of the input.
pub(super) async fn read_head(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(text).expect("ASCII")
}

/// Reads exactly this many bytes, as text.
pub(super) async fn read_text(socket: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    socket.read_exact(&mut bytes).await.expect("as many bytes");
    String::from_utf8(bytes).expect("ASCII")
}

pub(super) async fn write(socket: &mut TcpStream, text: &str) {
    let _ = socket.write_all(text.as_bytes()).await;
}

/// Closes with a reset.
pub(super) fn reset(socket: TcpStream) {
    socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("a socket");
}

/// Lets the runtime look at its sockets: what the peer did before has then been seen.
pub(super) async fn look_at_sockets() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Waits for a condition.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..5_000 {
        if holds() {
            return;
        }
        look_at_sockets().await;
    }
    panic!("never: {what}");
}
