//! The endpoint's side of an exchange.

use std::time::Duration;

use ::http::HeaderMap;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};

/// A connection (HTTP/1) or stream (HTTP/2) to an endpoint, for one exchange. Dropped before its end, it never gives its
/// connection back to a pool.
pub(crate) enum Upstream {}

/// Why an exchange with an endpoint broke, and what that says about sending it again.
#[derive(Debug, thiserror::Error)]
#[error("{cause}: {source}")]
pub(crate) struct UpstreamError {
    /// What broke.
    pub(crate) cause: Cause,
    /// Whether the endpoint can have acted on the request.
    pub(crate) processed: Processed,
    /// The engine's words.
    #[source]
    pub(crate) source: Box<pingora::Error>,
}

/// What broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, derive_more::Display)]
pub(crate) enum Cause {
    /// No connection: refused, unreachable.
    #[display("connect failed")]
    Connect,
    /// No connection in time, or no SETTINGS in time.
    #[display("connect timed out")]
    ConnectTimeout,
    /// The endpoint closed or reset before the first byte of a response.
    #[display("closed unanswered")]
    Unanswered,
    /// A response broke off: reset, cut, no final chunk.
    #[display("response truncated")]
    Truncated,
    /// What came is not HTTP.
    #[display("protocol error")]
    Protocol,
    /// The peer refused the stream (REFUSED_STREAM, or above GOAWAY's last id).
    #[display("stream refused")]
    Refused,
}

/// Whether the endpoint can have acted on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processed {
    /// Certainly not: it may be sent again whatever its method.
    No,
    /// It may have.
    Maybe,
}

impl Upstream {
    /// Sends the request's head; `end`: no body follows.
    pub(crate) async fn send_head(&mut self, head: Box<RequestHeader>, end: bool) -> Result<(), UpstreamError> {
        let _ = (head, end);
        match *self {}
    }

    /// Whether the connection served another exchange before this one: then its end may have been its idle end.
    pub(crate) fn reused(&self) -> bool {
        match *self {}
    }

    /// Waits until the endpoint takes more of the body, and answers how many bytes [`Upstream::send_body`] takes at once,
    /// without waiting. Cancel-safe, so the response can be read meanwhile: both directions flow on their own.
    ///
    /// 0: the endpoint takes no more (it has answered and closed its side): go on to the response.
    pub(crate) async fn ready(&mut self) -> Result<usize, UpstreamError> {
        match *self {}
    }

    /// Sends a piece of the body (may be empty with `end`), no longer than [`Upstream::ready`] last answered; never waits.
    ///
    /// Answers `Ok(false)` when the endpoint has answered and takes no more: go on to the response. After a 101 the pieces
    /// are raw bytes both ways, and `end` closes our side only.
    pub(crate) async fn send_body(&mut self, piece: Bytes, end: bool) -> Result<bool, UpstreamError> {
        let _ = (piece, end);
        match *self {}
    }

    /// Sends trailers and ends the request (HTTP/1: they are dropped, and the body ended).
    pub(crate) async fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), UpstreamError> {
        let _ = trailers;
        match *self {}
    }

    /// The next response head, 1xx included. Cancel-safe. Goes on sending what [`Upstream::send_body`] has taken.
    pub(crate) async fn head(&mut self) -> Result<Box<ResponseHeader>, UpstreamError> {
        match *self {}
    }

    /// The next piece of the response's body; `None` at its clean end. A body that is cut is an error. Cancel-safe.
    ///
    /// Goes on sending what [`Upstream::send_body`] has taken.
    pub(crate) async fn next_body(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        match *self {}
    }

    /// Trailers, after the body's end.
    pub(crate) async fn trailers(&mut self) -> Result<Option<HeaderMap>, UpstreamError> {
        match *self {}
    }

    /// Gives the connection back to its pool, if the exchange ended cleanly both ways.
    pub(crate) async fn finish(self) {
        match self {}
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
