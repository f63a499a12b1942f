//! The client's side of an exchange.

use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::protocols::http::v1::server::HttpSession as Http1;
use pingora::protocols::http::v2::server::HttpSession as Http2;

/// A request to be read, and its response to be written.
pub(crate) enum Downstream {
    /// HTTP/1.0 or HTTP/1.1; the head has not been read yet, its first byte is there. The session has no timeouts of its
    /// own: whoever reads the head does so within `Settings::client_head_timeout`.
    H1(Box<Http1>),
    /// One stream of an HTTP/2 connection; the head is there.
    H2(Box<Http2>),
}

/// What is left of a client's connection after an exchange.
pub(crate) enum Kept {
    /// HTTP/1: the next request may be read from this stream.
    Open {
        /// The stream.
        stream: Stream,
        /// What the client has sent of its next request already (pipelined): it is put back into the stream.
        prefix: Option<BytesMut>,
    },
    /// Nothing (HTTP/1 closed; of HTTP/2 only the stream ended).
    Closed,
}
