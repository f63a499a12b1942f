//! A client's connection: what is known of it before its first request.

use std::net::SocketAddr;
use std::sync::Arc;

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
}
