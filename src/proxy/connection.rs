//! A client's connection: from the accepted socket to sessions that a request can be read from.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;

use super::connections::{Connections, Seat, Wait};
use super::drain::Drain;
use super::engine::{Kept, server};
use super::io::Io;
use super::sniff::{self, Speaks};
use super::{http, tls};
use crate::snapshot::Socket;

/// What every request of a connection shares.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Who opened the socket.
    pub(crate) peer: SocketAddr,
    /// Our side of the socket.
    pub(crate) local: SocketAddr,
    /// The socket that accepted it: the key into `Serving::sockets`. Its port is the listener's.
    pub(crate) socket: Socket,
    /// The listener whose certificate TLS was opened with; `None` without TLS.
    pub(crate) tls_listener: Option<Arc<str>>,
    /// Whether its socket's connections are to end.
    pub(crate) drain: Arc<Drain>,
}

impl Connection {
    /// Whether it takes no further request: an HTTP/1 response says `Connection: close`. (HTTP/2 gets GOAWAY without the
    /// help of its streams.) Read it as late as possible, when the response's head is written.
    pub(crate) fn is_closing(&self) -> bool {
        self.drain.has_begun()
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    socket: Socket,
    drain: Arc<Drain>,
    connections: &Arc<Connections>,
    seat: &Seat,
) {
    let Ok(local) = stream.local_addr() else { return };
    // Messages are put together before they are sent: waiting for more (RFC 896) would only delay them.
    let _ = stream.set_nodelay(true);
    let (peer, local) = (plain(peer), plain(local));
    let mut connection = Connection { peer, local, socket, tls_listener: None, drain };
    match open(stream, &mut connection, connections, seat).await {
        Ok((io, Speaks::Http1)) => serve_http1(io, &connection, connections, seat).await,
        Ok((io, Speaks::Http2)) => server::serve_http2(io, connection, connections).await,
        Err(error) => debug!(%peer, port = socket.port, %error, "connection not opened"),
    }
}

/// An IPv4 address as such, where a socket of both families shows it inside IPv6.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// TLS or not, HTTP/1 or HTTP/2: each step within the time that a client has for a request's head.
async fn open(
    stream: TcpStream,
    connection: &mut Connection,
    connections: &Connections,
    seat: &Seat,
) -> io::Result<(Box<Io>, Speaks)> {
    let worker = &connections.worker;
    let limit = worker.settings.client_head_timeout;
    let (mut io, alpn) = if tls::is_spoken(&worker.serving, connection.socket) {
        let opened = timeout(limit, tls::open(stream, &worker.serving, connection.socket)).await??;
        connection.tls_listener = Some(opened.listener);
        (Box::new(opened.io), Some(opened.speaks))
    } else {
        (Box::new(Io::tcp(stream)), None)
    };
    if alpn == Some(Speaks::Http1) {
        return Ok((io, Speaks::Http1));
    }
    if seat.wait(&mut io).await == Wait::Idle {
        io.close().await;
        return Err(io::ErrorKind::TimedOut.into());
    }
    let speaks = timeout(limit, sniff::speaks(&mut io)).await??;
    match alpn {
        Some(agreed) if agreed != speaks => Err(io::Error::new(io::ErrorKind::InvalidData, "not what ALPN agreed on")),
        _ => Ok((io, speaks)),
    }
}

/// HTTP/1: one request after the other, until either side ends it. Between two requests no session is held.
async fn serve_http1(mut io: Box<Io>, connection: &Connection, connections: &Connections, seat: &Seat) {
    let worker = &*connections.worker;
    loop {
        if seat.wait(&mut io).await == Wait::Idle {
            return io.close().await;
        }
        match http::serve(server::http1(io, &worker.settings), connection, worker).await {
            Kept::Open { stream, prefix } => match Io::reclaim(stream, prefix) {
                Some(reclaimed) => io = reclaimed,
                None => return,
            },
            Kept::Closed => return,
        }
    }
}
