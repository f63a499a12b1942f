//! A client's connection: what is known of it before its first request.

use std::net::SocketAddr;
use std::sync::Arc;

use super::drain::Drain;
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
