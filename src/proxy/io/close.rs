//! Closing a connection so that the peer gets what was sent (RFC 9112, 9.6).
//!
//! A socket that is closed while input is unread, or still to come, answers with a reset, and the reset can destroy what
//! the peer has not read yet. So the write side ends first, and input is read and dropped for a little while.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Inner, Io};

/// Longest time for the last bytes to be taken by the peer's side of the connection.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Longest time that input is read and dropped.
const LINGER_LIMIT: Duration = Duration::from_secs(1);

impl Io {
    /// Sends what is left, ends the write side, and leaves the socket to a task that waits for the peer to end its own.
    pub(crate) async fn close(&mut self) {
        let ended = timeout(FLUSH_LIMIT, AsyncWriteExt::shutdown(self)).await;
        let socket = match std::mem::replace(&mut self.inner, Inner::Gone) {
            Inner::Tcp(socket) => socket,
            Inner::Tls(stream) => match *stream {
                tokio_rustls::TlsStream::Client(stream) => stream.into_inner().0,
                tokio_rustls::TlsStream::Server(stream) => stream.into_inner().0,
            },
            Inner::Gone => return,
        };
        let at_end = matches!(socket.try_read(&mut [0; 1024]), Ok(0));
        if matches!(ended, Ok(Ok(()))) && !at_end {
            tokio::spawn(linger(socket));
        }
    }

    /// Closes with a reset, so that a response that ends with the connection does not look complete.
    pub(crate) fn reset(self) {
        let _ = match &self.inner {
            Inner::Tcp(socket) => socket.set_zero_linger(),
            Inner::Tls(stream) => stream.get_ref().0.set_zero_linger(),
            Inner::Gone => Ok(()),
        };
    }
}

async fn linger(mut socket: TcpStream) {
    let _ = timeout(LINGER_LIMIT, async {
        let mut space = [0; 1024];
        while matches!(socket.read(&mut space).await, Ok(n) if n > 0) {}
    })
    .await;
}
