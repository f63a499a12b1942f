//! Why an exchange with an endpoint broke, and what that says about sending the request again.

use pingora::{Error, ErrorType};

/// Why an exchange with an endpoint broke.
#[derive(Debug, thiserror::Error)]
#[error("{cause}: {source}")]
pub(crate) struct UpstreamError {
    /// What broke.
    pub(crate) cause: Cause,
    /// Whether the endpoint can have acted on the request.
    pub(crate) processed: Processed,
    /// The engine's words.
    #[source]
    pub(crate) source: Box<Error>,
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
    /// What came is not HTTP, or its framing is ambiguous.
    #[display("protocol error")]
    Protocol,
    /// The peer refused the stream (REFUSED_STREAM, or above GOAWAY's last id; RFC 9113, 8.7).
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

impl UpstreamError {
    /// The endpoint may have acted on the request.
    pub(super) fn maybe(cause: Cause, source: Box<Error>) -> Self {
        Self { cause, processed: Processed::Maybe, source }
    }

    /// The endpoint has certainly not acted on the request.
    pub(super) fn unprocessed(cause: Cause, source: Box<Error>) -> Self {
        Self { cause, processed: Processed::No, source }
    }

    /// No connection was made.
    pub(super) fn connect(cause: Cause, what: &'static str) -> Self {
        let etype = match cause {
            Cause::ConnectTimeout => ErrorType::ConnectTimedout,
            _ => ErrorType::ConnectError,
        };
        Self::unprocessed(cause, Error::explain(etype, what))
    }

    /// A step of an exchange that has broken before.
    pub(super) fn over() -> Self {
        Self::maybe(Cause::Truncated, Error::explain(ErrorType::ConnectionClosed, "the exchange has broken off"))
    }
}
