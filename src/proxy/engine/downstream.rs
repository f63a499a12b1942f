//! The client's side of an exchange: a request's head first, then its body and the response.

use std::time::Duration;

use ::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::server::HttpSession as Http1;
use pingora::protocols::http::v2::server::HttpSession as Http2;

use super::downstream_http1::{self, Http1Client};
use super::downstream_http2::Http2Client;

/// A request to be read, and its response to be written.
pub(crate) enum Downstream {
    /// HTTP/1.0 or HTTP/1.1; the head has not been read yet. `half_close`: the client may end its side before the answer.
    H1 { session: Box<Http1>, half_close: bool },
    /// One stream of an HTTP/2 connection; the head is there.
    H2(Box<Http2>),
}

/// What is left of a client's connection after an exchange.
pub(crate) enum Kept {
    /// HTTP/1: the next request may be read from this stream.
    Open {
        /// The stream.
        stream: Stream,
        /// What the client has sent of its next request already (pipelined): give it to the next session with
        /// `set_pipelined_prefix`.
        prefix: Option<BytesMut>,
    },
    /// Nothing (HTTP/1 closed; of HTTP/2 only the stream ended).
    Closed,
}

/// What came of reading a request's head.
pub(crate) enum Opening {
    /// A request.
    Request(Box<RequestHeader>, Client),
    /// No request: the client closed, or broke off within the head.
    Nothing,
    /// Something that cannot be served: it is to be answered, and the connection closed.
    Refused(Refusal, Client),
}

/// Why a request's head cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not HTTP, or its framing is ambiguous.
    Malformed,
    /// It is larger than Pingora's limits (1 MiB, 256 fields).
    TooLarge,
    /// It did not come in time.
    TooSlow,
}

/// Why the client's side broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientError {
    /// It closed or reset.
    Gone,
    /// The framing of its body is broken.
    Malformed,
}

/// The client's side once its head has been read: body in, response out. Dropped before [`Client::finish`], the
/// connection (HTTP/1) or stream (HTTP/2) breaks off, so that no response looks complete that is not.
pub(crate) enum Client {
    /// HTTP/1.0 or HTTP/1.1.
    H1(Http1Client),
    /// HTTP/2.
    H2(Box<Http2Client>),
}

impl Downstream {
    /// Reads a request's head (HTTP/2: it is there) and takes it out of the session.
    ///
    /// `limit`: longest time for that.
    pub(crate) async fn open(self, limit: Duration) -> Opening {
        match self {
            Self::H1 { session, half_close } => downstream_http1::open(session, half_close, limit).await,
            Self::H2(session) => {
                let (head, client) = Http2Client::open(*session);
                Opening::Request(head, Client::H2(Box::new(client)))
            }
        }
    }
}

impl Client {
    /// Whether the client speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::H2(_))
    }

    /// Whether no more of the request's body is to come.
    pub(crate) fn body_done(&mut self) -> bool {
        match self {
            Self::H1(client) => client.body_done(),
            Self::H2(client) => client.body_done(),
        }
    }

    /// The next piece of the request's body; `None` at its end, after which it is not to be called again. Cancel-safe.
    pub(crate) async fn next_body(&mut self) -> Result<Option<Bytes>, ClientError> {
        match self {
            Self::H1(client) => client.next_body().await,
            Self::H2(client) => client.next_body().await,
        }
    }

    /// Completes when the client has gone. Cancel-safe.
    pub(crate) async fn gone(&mut self) {
        match self {
            Self::H1(client) => client.gone().await,
            Self::H2(client) => client.gone().await,
        }
    }

    /// Sends `100 Continue` (HTTP/1.1; Pingora's HTTP/2 sessions can send no 1xx).
    pub(crate) async fn send_continue(&mut self) -> Result<(), ClientError> {
        match self {
            Self::H1(client) => client.send_continue().await,
            Self::H2(_) => Ok(()),
        }
    }

    /// Sends a response's head, 1xx included; `end`: no body follows. Waits only while the client reads nothing.
    pub(crate) async fn send_head(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<(), ClientError> {
        match self {
            Self::H1(client) => client.send_head(head, end).await,
            Self::H2(client) => client.send_head(head, end),
        }
    }

    /// Sends a piece of the response's body. Cancelling it breaks the response: then drop the client.
    pub(crate) async fn send_body(&mut self, piece: Bytes) -> Result<(), ClientError> {
        match self {
            Self::H1(client) => client.send_body(piece).await,
            Self::H2(client) => {
                client.queue(piece);
                client.flush().await
            }
        }
    }

    /// Takes a piece of the response's body, to be sent by [`Client::flush`].
    pub(crate) fn queue(&mut self, piece: Bytes) {
        match self {
            Self::H1(client) => client.queue(piece),
            Self::H2(client) => client.queue(piece),
        }
    }

    /// Sends what was queued. Cancel-safe: the request's body can be read meanwhile.
    pub(crate) async fn flush(&mut self) -> Result<(), ClientError> {
        match self {
            Self::H1(client) => client.flush().await,
            Self::H2(client) => client.flush().await,
        }
    }

    /// Ends the response after its body.
    pub(crate) async fn finish(&mut self) -> Result<(), ClientError> {
        match self {
            Self::H1(client) => client.finish().await,
            Self::H2(client) => client.finish(),
        }
    }

    /// Ends the response with trailers; HTTP/1 loses them.
    pub(crate) async fn finish_with(&mut self, trailers: HeaderMap) -> Result<(), ClientError> {
        match self {
            Self::H1(client) => client.finish().await,
            Self::H2(client) => client.finish_with(trailers),
        }
    }

    /// No further request is read from the connection (HTTP/1: the response says `Connection: close`).
    pub(crate) fn close_after(&mut self) {
        if let Self::H1(client) = self {
            client.close_after();
        }
    }

    /// After [`Client::finish`]: what the connection may go on with.
    pub(crate) async fn reuse(self) -> Kept {
        match self {
            Self::H1(client) => client.reuse().await,
            Self::H2(_) => Kept::Closed,
        }
    }

    /// Breaks the response off, so that it does not look complete: a reset of the stream (HTTP/2) or connection.
    pub(crate) async fn reset(self) {
        match self {
            Self::H1(client) => client.reset().await,
            // Dropped before its end, a stream is reset after its head, and data that are still queued are thrown away:
            // let them go out first, as far as they can.
            Self::H2(client) => {
                tokio::task::yield_now().await;
                drop(client);
            }
        }
    }

    /// After a 101 was sent: the raw stream, and the bytes that were read beyond the request. `None`: HTTP/2.
    pub(crate) async fn into_tunnel(self) -> Option<(Stream, Option<BytesMut>)> {
        match self {
            Self::H1(client) => client.into_stream().await,
            Self::H2(_) => None,
        }
    }
}
