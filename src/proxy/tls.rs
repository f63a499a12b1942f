//! TLS of a client's connection: the ClientHello's SNI opens a listener, whose certificates and ALPN answer.

use std::io;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, TlsStream};

use super::io::Io;
use super::sniff::Speaks;
use crate::live::Serving;
use crate::snapshot::Socket;
use crate::telemetry::label::TlsFailure;

/// A connection after its handshake.
pub(crate) struct Opened {
    /// The connection.
    pub(crate) io: Io,
    /// The name that the client asked for, lower case; empty: it named none.
    pub(crate) server_name: Box<str>,
    /// What ALPN agreed on; HTTP/1 where it agreed on nothing.
    pub(crate) speaks: Speaks,
}

/// Whether a socket speaks TLS now.
pub(crate) fn is_spoken(serving: &ArcSwap<Serving>, socket: Socket) -> bool {
    serving.load().socket(socket).is_some_and(|socket| socket.tls.is_some())
}

/// Handshakes within `limit`, with the certificates that are served now.
pub(crate) async fn open(
    stream: TcpStream,
    serving: &ArcSwap<Serving>,
    socket: Socket,
    limit: Duration,
) -> Result<Opened, TlsFailure> {
    timeout(limit, handshake(stream, serving, socket)).await.unwrap_or(Err(TlsFailure::Timeout))
}

async fn handshake(stream: TcpStream, serving: &ArcSwap<Serving>, socket: Socket) -> Result<Opened, TlsFailure> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(|error| failure(&error))?;
    let server_name: Box<str> = start.client_hello().server_name().unwrap_or_default().to_ascii_lowercase().into();
    let config = {
        let serving = serving.load();
        let tls = serving.socket(socket).and_then(|socket| socket.tls.as_ref());
        let chosen = tls.and_then(|tls| tls.choose(&server_name)).ok_or(TlsFailure::NoCertificate)?;
        chosen.config.clone()
    };
    let stream = start.into_stream(config).await.map_err(|error| failure(&error))?;
    let speaks = if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Speaks::Http2 } else { Speaks::Http1 };
    Ok(Opened { io: Io::tls(TlsStream::Server(stream)), server_name, speaks })
}

/// Whose doing it is that a handshake failed.
fn failure(error: &io::Error) -> TlsFailure {
    match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(_)) | None => TlsFailure::Client,
        Some(_) => TlsFailure::Protocol,
    }
}
