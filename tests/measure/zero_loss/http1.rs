//! HTTP/1 by hand, so that the load itself costs little: a backend, and clients that keep their connections.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Answer, Asked, REQUESTS_OF_HANDSHAKE, Target};
use super::world::World;
use crate::support::{Backend, within};

/// Answers each request with its name and the request's path.
pub(crate) async fn backend(name: &'static str) -> Backend {
    Backend::raw(move |stream| async move {
        let _ = stream.set_nodelay(true);
        let mut stream = Framed::new(stream);
        while let Ok(head) = stream.head().await {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let body = format!("{name} {path}");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if stream.inner.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// One connection for all requests.
pub(super) async fn client(world: &World, client: usize, stopped: &impl Fn() -> bool) {
    let stream = TcpStream::connect(world.plain).await.expect("it accepts");
    let mut connection = Connection::new(stream);
    for request in (0..).take_while(|_| !stopped()) {
        connection.request(Asked::new(world, Target::of(request), client, request)).await;
    }
}

/// A TLS connection for some requests, then the next.
pub(super) async fn tls_client(world: &World, client: usize, stopped: &impl Fn() -> bool) {
    for handshake in (0..).take_while(|_| !stopped()) {
        let mut connection = Connection::new(world.open_tls(&[]).await.expect("a handshake"));
        for request in (0..REQUESTS_OF_HANDSHAKE).map(|request| handshake * REQUESTS_OF_HANDSHAKE + request) {
            connection.request(Asked::new(world, Target::of(request), client, request)).await;
        }
    }
}

/// A connection on which requests are sent one after the other.
pub(super) struct Connection<S> {
    stream: Framed<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// On an open stream.
    pub(super) fn new(stream: S) -> Self {
        Self { stream: Framed::new(stream) }
    }

    /// One request, counted by its answer.
    pub(super) async fn request(&mut self, asked: Asked<'_>) {
        let answer = self.get(asked.host(), &asked.path).await;
        asked.answered(answer);
    }

    /// One request. Errors: the connection broke before the answer was whole.
    pub(super) async fn get(&mut self, host: &str, path: &str) -> io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: measure\r\nAccept: */*\r\n\r\n");
        within("an answer over HTTP/1", async {
            self.stream.inner.write_all(request.as_bytes()).await?;
            self.stream.answer().await
        })
        .await
    }
}

/// Messages out of a stream.
struct Framed<S> {
    inner: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Framed<S> {
    fn new(inner: S) -> Self {
        Self { inner, read: Vec::with_capacity(1024) }
    }

    /// A head, with its empty line.
    async fn head(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                return self.take(end + 4);
            }
            self.more().await?;
        }
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let head = self.head().await?;
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let mut answer = Answer { status, ..Answer::default() };
        let mut length = None;
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().ok(),
                "x-version" => answer.version = value.parse().ok(),
                "connection" => answer.closes = value == "close",
                _ => {}
            }
        }
        let length: usize = length.ok_or(ErrorKind::InvalidData)?;
        while self.read.len() < length {
            self.more().await?;
        }
        answer.body = self.take(length)?;
        Ok(answer)
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.inner.read_buf(&mut self.read).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn take(&mut self, length: usize) -> io::Result<String> {
        let rest = self.read.split_off(length);
        let taken = std::mem::replace(&mut self.read, rest);
        String::from_utf8(taken).map_err(|_| ErrorKind::InvalidData.into())
    }
}
