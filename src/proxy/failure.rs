//! Why an exchange broke, whose fault it was, and what is answered.

use http::StatusCode;

use super::deadline::Expired;
use super::engine::{Cause, ClientError, Refusal, UpstreamError};
use super::request_head::BadHead;
use crate::table::lookup::NotFound;
use crate::telemetry::outcome::Reason;

/// Why an exchange broke.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client's side.
    Client(ClientError),
    /// The endpoint's side.
    Upstream(UpstreamError),
    /// Time ran out.
    Expired(Expired),
    /// The endpoint switched to a protocol that nobody asked for.
    Unasked,
    /// The backend has no endpoint.
    NoEndpoint,
}

/// What is answered in place of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// The word for it.
    pub(crate) reason: Reason,
}

impl Failure {
    pub(crate) const fn new(status: StatusCode, reason: Reason) -> Self {
        Self { status, reason }
    }
}

impl Broken {
    /// Before the response's head has gone out: the answer. `None`: nobody is there to read one.
    pub(crate) fn failure(&self) -> Option<Failure> {
        Some(match self {
            Self::Client(ClientError::Gone) => return None,
            Self::Client(ClientError::Malformed) => Failure::new(StatusCode::BAD_REQUEST, Reason::BadRequest),
            Self::Upstream(error) => of_cause(error.cause),
            Self::Unasked => Failure::new(StatusCode::BAD_GATEWAY, Reason::UpstreamProtocol),
            Self::NoEndpoint => Failure::new(StatusCode::SERVICE_UNAVAILABLE, Reason::NoEndpoint),
            Self::Expired(Expired::Request) => Failure::new(StatusCode::GATEWAY_TIMEOUT, Reason::RequestTimeout),
            Self::Expired(Expired::Try) => Failure::new(StatusCode::GATEWAY_TIMEOUT, Reason::BackendTimeout),
            Self::Expired(Expired::Idle) => Failure::new(StatusCode::REQUEST_TIMEOUT, Reason::ClientTimeout),
        })
    }

    /// After the response's head has gone out: the word for why it broke off.
    pub(crate) fn reason_of_cut(&self) -> Reason {
        match self {
            Self::Client(_) => Reason::ClientAborted,
            Self::Upstream(_) | Self::Unasked | Self::NoEndpoint => Reason::UpstreamTruncated,
            Self::Expired(Expired::Request) => Reason::RequestTimeout,
            Self::Expired(Expired::Try) => Reason::BackendTimeout,
            Self::Expired(Expired::Idle) => Reason::StreamIdle,
        }
    }
}

fn of_cause(cause: Cause) -> Failure {
    let (status, reason) = match cause {
        Cause::Connect => (StatusCode::SERVICE_UNAVAILABLE, Reason::ConnectFailed),
        Cause::ConnectTimeout => (StatusCode::SERVICE_UNAVAILABLE, Reason::ConnectTimeout),
        Cause::Unanswered => (StatusCode::BAD_GATEWAY, Reason::UpstreamClosed),
        Cause::Truncated => (StatusCode::BAD_GATEWAY, Reason::UpstreamTruncated),
        Cause::Protocol => (StatusCode::BAD_GATEWAY, Reason::UpstreamProtocol),
        Cause::Refused => (StatusCode::SERVICE_UNAVAILABLE, Reason::UpstreamRefused),
    };
    Failure { status, reason }
}

impl From<NotFound> for Failure {
    fn from(why: NotFound) -> Self {
        match why {
            NotFound::NoListener | NotFound::NoRule => Self::new(StatusCode::NOT_FOUND, Reason::NoRoute),
            NotFound::Misdirected => Self::new(StatusCode::MISDIRECTED_REQUEST, Reason::Misdirected),
        }
    }
}

impl From<BadHead> for Failure {
    fn from(why: BadHead) -> Self {
        match why {
            BadHead::Host | BadHead::Path => Self::new(StatusCode::BAD_REQUEST, Reason::BadRequest),
            BadHead::Connect => Self::new(StatusCode::METHOD_NOT_ALLOWED, Reason::MethodRefused),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(why: Refusal) -> Self {
        match why {
            Refusal::Malformed => Self::new(StatusCode::BAD_REQUEST, Reason::BadRequest),
            Refusal::TooLarge => Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Reason::HeadersTooLarge),
            Refusal::TooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, Reason::ClientTimeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_runs_out_is_deadline_exceeded_and_a_missing_route_unimplemented() {
        let grpc = |broken: Broken| broken.failure().unwrap().reason.grpc_status();
        assert_eq!(grpc(Broken::Expired(Expired::Request)), 4);
        assert_eq!(grpc(Broken::Expired(Expired::Try)), 4);
        assert_eq!(Failure::from(NotFound::NoRule).reason.grpc_status(), 12);
        assert_eq!(of_cause(Cause::Connect).reason.grpc_status(), 14);
    }

    #[test]
    fn nobody_answers_a_client_that_has_gone() {
        assert_eq!(Broken::Client(ClientError::Gone).failure(), None);
    }
}
