//! The endpoint's side of an exchange.
//!
//! Both directions flow on their own: [`Upstream::ready`], [`Upstream::head`] and [`Upstream::next_body`] may each be polled
//! and dropped at any time, and [`Upstream::send_body`] never waits.

use std::time::Duration;

use ::http::HeaderMap;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};

use super::upstream_error::UpstreamError;
use super::upstream_http1::Http1Exchange;
use super::upstream_http2::Http2Exchange;

/// A connection (HTTP/1) or stream (HTTP/2) to an endpoint, for one exchange.
///
/// Dropped before its end, it never gives its connection back to a pool; an HTTP/2 stream is reset with CANCEL.
pub(crate) enum Upstream {
    /// An HTTP/1.1 connection.
    H1(Box<Http1Exchange>),
    /// A stream of an HTTP/2 connection.
    H2(Box<Http2Exchange>),
}

impl Upstream {
    /// Sends the request's head; `end`: no body follows.
    ///
    /// Framing is the engine's: HTTP/1 gets `Transfer-Encoding: chunked` where a body follows without a length, and none
    /// where none follows; HTTP/2 gets `:authority` from Host, and no connection-specific fields (RFC 9113, 8.2.2).
    pub(crate) async fn send_head(&mut self, head: Box<RequestHeader>, end: bool) -> Result<(), UpstreamError> {
        match self {
            Self::H1(exchange) => exchange.send_head(head, end).await,
            Self::H2(exchange) => exchange.send_head(head, end),
        }
    }

    /// Whether the connection served another exchange before this one: then its end may have been its idle end.
    pub(crate) fn reused(&self) -> bool {
        match self {
            Self::H1(exchange) => exchange.reused(),
            Self::H2(exchange) => exchange.reused(),
        }
    }

    /// Waits until the endpoint takes more of the body, and answers how many bytes [`Upstream::send_body`] takes at once,
    /// without waiting. Cancel-safe, so the response can be read meanwhile.
    ///
    /// 0: the endpoint takes no more (it has answered and closed its side): go on to the response. Call it with a piece at
    /// hand: over HTTP/2 it sets window aside that other streams then lack.
    pub(crate) async fn ready(&mut self) -> Result<usize, UpstreamError> {
        match self {
            Self::H1(exchange) => Ok(exchange.ready().await),
            Self::H2(exchange) => Ok(exchange.ready().await),
        }
    }

    /// Sends a piece of the body (may be empty with `end`), no longer than [`Upstream::ready`] last answered; never waits.
    ///
    /// Answers `Ok(false)` when the endpoint has answered and takes no more: go on to the response. After a 101 and the
    /// request's own end, the pieces are raw bytes both ways, and `end` closes our side only. Requests have no trailers:
    /// Pingora's sessions read none from clients.
    pub(crate) async fn send_body(&mut self, piece: Bytes, end: bool) -> Result<bool, UpstreamError> {
        match self {
            Self::H1(exchange) => Ok(exchange.send_body(piece, end).await),
            Self::H2(exchange) => Ok(exchange.send_body(piece, end)),
        }
    }

    /// The next response head, 1xx included (HTTP/1; Pingora's HTTP/2 client passes none). Cancel-safe. Goes on sending what
    /// [`Upstream::send_body`] has taken.
    pub(crate) async fn head(&mut self) -> Result<Box<ResponseHeader>, UpstreamError> {
        match self {
            Self::H1(exchange) => exchange.head().await,
            Self::H2(exchange) => exchange.head().await,
        }
    }

    /// Whether the response has ended cleanly, without trailers to come: known with the head where there is no body.
    pub(crate) fn body_done(&mut self) -> bool {
        match self {
            Self::H1(exchange) => exchange.body_done(),
            Self::H2(exchange) => exchange.body_done(),
        }
    }

    /// The next piece of the response's body, never empty; `None` at its clean end. A body that is cut is an error.
    /// Cancel-safe.
    ///
    /// Goes on sending what [`Upstream::send_body`] has taken.
    pub(crate) async fn next_body(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        match self {
            Self::H1(exchange) => exchange.next_body().await,
            Self::H2(exchange) => exchange.next_body().await,
        }
    }

    /// Trailers, after the body's end (HTTP/1: none, Pingora's sessions drop them). Cancel-safe.
    pub(crate) async fn trailers(&mut self) -> Result<Option<HeaderMap>, UpstreamError> {
        match self {
            Self::H1(_) => Ok(None),
            Self::H2(exchange) => exchange.trailers().await,
        }
    }

    /// Gives the connection back to its pool, if the exchange ended cleanly both ways.
    pub(crate) async fn finish(self) {
        match self {
            Self::H1(exchange) => exchange.finish().await,
            Self::H2(exchange) => drop(exchange),
        }
    }
}

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Speak {
    /// HTTP/1.1
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// Limits of getting a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectLimits {
    /// Longest time to connect, HTTP/2 handshake and SETTINGS included.
    pub(crate) connect_timeout: Duration,
}
