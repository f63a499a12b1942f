//! Clients: whole requests by hyper, and bytes by hand.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: u16,
    /// Header fields.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
    /// Trailers.
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first value of a field; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

/// GET over HTTP/1.1, on a connection of its own. `None`: no whole answer came.
pub(crate) async fn get(address: SocketAddr, host: &str, path: &str) -> Option<Answer> {
    let request = Request::get(path).header("host", host).body(Bytes::new()).expect("a valid request");
    send(address, request).await
}

/// One request over HTTP/1.1, on a connection of its own. `None`: no whole answer came.
pub(crate) async fn send(address: SocketAddr, request: Request<Bytes>) -> Option<Answer> {
    within("an answer over HTTP/1.1", async {
        let stream = TcpStream::connect(address).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let connection = tokio::spawn(connection.with_upgrades());
        let answer = collect(sender.send_request(request.map(Full::new)).await.ok()?).await;
        connection.abort();
        answer
    })
    .await
}

/// One request over HTTP/2 with prior knowledge, on a connection of its own; its URI is absolute. `None`: no whole
/// answer came.
pub(crate) async fn send_h2(address: SocketAddr, request: Request<Bytes>) -> Option<Answer> {
    within("an answer over HTTP/2", async {
        let stream = TcpStream::connect(address).await.ok()?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
        let connection = tokio::spawn(connection);
        let answer = collect(sender.send_request(request.map(Full::new)).await.ok()?).await;
        connection.abort();
        answer
    })
    .await
}

async fn collect(response: http::Response<hyper::body::Incoming>) -> Option<Answer> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().cloned();
    Some(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes(), trailers })
}

/// A connection on which bytes are sent and read by hand.
pub(crate) struct Raw {
    /// The connection.
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("it accepts"), read: Vec::new() }
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("bytes sent", self.stream.write_all(bytes.as_ref())).await.expect("the connection is open");
    }

    /// Reads until what came ends in `end`; answers all of it.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        self.read_until_any(&[end]).await
    }

    /// Reads until what came ends in one of `ends`; answers all of it.
    pub(crate) async fn read_until_any(&mut self, ends: &[&str]) -> String {
        let what = format!("bytes that end in one of {ends:?}");
        let all = within(&what, async {
            while !ends.iter().any(|end| self.read.ends_with(end.as_bytes())) {
                let count = self.stream.read_buf(&mut self.read).await.expect("the connection is open");
                assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&self.read));
            }
            std::mem::take(&mut self.read)
        });
        String::from_utf8_lossy(&all.await).into_owned()
    }

    /// Reads until the connection closes; answers all that came. A reset is `None`.
    pub(crate) async fn read_to_close(&mut self) -> Option<String> {
        let mut all = std::mem::take(&mut self.read);
        let closed = within("the connection's close", self.stream.read_to_end(&mut all)).await;
        closed.ok().map(|_| String::from_utf8_lossy(&all).into_owned())
    }
}
