//! Getting a connection to an endpoint: TCP, and HTTP/2 with prior knowledge up to the peer's SETTINGS.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use pingora::{Error, ErrorType};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::upstream_error::{Cause, UpstreamError};
use crate::proxy::io::Io;

/// Most streams on one HTTP/2 connection; the peer may allow fewer.
pub(super) const MAX_STREAMS: usize = 250;

/// Receive window of a stream, in bytes: what a client that stops reading makes us hold, for each of its streams. At a
/// round trip of a millisecond a stream still carries a gigabit a second.
const STREAM_WINDOW: u32 = 128 * 1024;

/// Receive window of a connection: every stream's window at once, so that clients that stop reading never hold up the others.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS as u32;

/// Largest frame that the endpoint may send, in bytes.
const MAX_FRAME: u32 = 64 * 1024;

/// Bytes that the system takes of us beyond what the endpoint is ready for: without a limit it takes megabytes for each
/// upload that is stuck.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// Longest time that the endpoint's side may leave sent bytes unacknowledged: beyond it the connection is broken, so that a
/// node that vanished costs this long, and not the system's quarter of an hour.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// A node that vanished after it had acknowledged a request is noticed after this much silence, and probes this far apart
/// until [`UNACKNOWLEDGED`] is over: an answer may take as long as the route lets it.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3));

/// Both ends of an HTTP/2 connection: where streams begin, and what has to be polled for anything to happen.
pub(super) type Http2 = (SendRequest<Bytes>, Connection<Io, Bytes>);

/// Connects, within a time limit.
pub(crate) async fn tcp(address: SocketAddr, limit: Duration) -> Result<TcpStream, UpstreamError> {
    within(limit, dial(address)).await
}

/// Connects and speaks HTTP/2, until the peer's SETTINGS allow a stream, within a time limit.
///
/// Pingora's own handshake hands the connection over before SETTINGS have come: the first requests then run into a limit not
/// yet known, and a peer that never answers is found out by none of them.
pub(super) async fn http2(address: SocketAddr, limit: Duration) -> Result<Http2, UpstreamError> {
    within(limit, async {
        let io = Io::tcp(dial(address).await?);
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            // None before SETTINGS; they raise it (to no limit, where they name none).
            .initial_max_send_streams(0)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(MAX_FRAME);
        let (requests, mut connection) = builder.handshake(io).await.map_err(broken)?;
        poll_fn(|cx| poll_settings(&mut connection, cx)).await?;
        Ok((requests, connection))
    })
    .await
}

fn poll_settings(connection: &mut Connection<Io, Bytes>, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
    match Pin::new(&mut *connection).poll(cx) {
        Poll::Ready(Err(error)) => Poll::Ready(Err(broken(error))),
        Poll::Ready(Ok(())) => Poll::Ready(Err(UpstreamError::connect(Cause::Connect, "closed before SETTINGS"))),
        Poll::Pending if connection.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, UpstreamError>>) -> Result<T, UpstreamError> {
    match timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(UpstreamError::connect(Cause::ConnectTimeout, "no connection in time")),
    }
}

async fn dial(address: SocketAddr) -> Result<TcpStream, UpstreamError> {
    let connected = match TcpStream::connect(address).await {
        Ok(socket) => prepare(&socket).map(|()| socket),
        Err(error) => Err(error),
    };
    connected.map_err(|error| match error.kind() {
        std::io::ErrorKind::TimedOut => {
            let source = Error::because(ErrorType::ConnectTimedout, "while connecting", error);
            UpstreamError::unprocessed(Cause::ConnectTimeout, source)
        }
        _ => UpstreamError::unprocessed(
            Cause::Connect,
            Error::because(ErrorType::ConnectError, "while connecting", error),
        ),
    })
}

/// Lets sent bytes stay unacknowledged for as long as the system would by itself, or for no longer than [`UNACKNOWLEDGED`]: the
/// system counts bytes too that it holds back because the endpoint does not read.
pub(super) fn tolerate_unread(socket: &TcpStream, tolerate: bool) {
    #[cfg(target_os = "linux")]
    {
        // Where it fails, the connection has ended.
        let _ = socket2::SockRef::from(socket).set_tcp_user_timeout((!tolerate).then_some(UNACKNOWLEDGED));
    }
}

fn prepare(socket: &TcpStream) -> std::io::Result<()> {
    let options = SockRef::from(socket);
    options.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1))?;
    #[cfg(target_os = "linux")]
    {
        options.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        options.set_tcp_notsent_lowat(UNSENT)?;
    }
    socket.set_nodelay(true)
}

/// What broke in a handshake: the connection, or what came over it is no HTTP/2.
fn broken(error: h2::Error) -> UpstreamError {
    let cause = if error.is_io() { Cause::Connect } else { Cause::Protocol };
    UpstreamError::unprocessed(cause, Error::because(ErrorType::HandshakeError, "in the HTTP/2 handshake", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_vanishes_is_noticed_with_a_request_underway_and_without() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = tcp(listener.local_addr().unwrap(), Duration::from_secs(20)).await.unwrap();
        let options = SockRef::from(&socket);
        assert!(options.keepalive().unwrap() && socket.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(options.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
            assert_eq!((options.tcp_keepalive_time().unwrap(), options.tcp_keepalive_interval().unwrap()), KEEPALIVE);
            // Or silence alone would outlive what unacknowledged bytes may.
            assert!(KEEPALIVE.0 < UNACKNOWLEDGED);
        }
    }
}
