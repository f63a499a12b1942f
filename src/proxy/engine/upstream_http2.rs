//! An exchange over a stream of an HTTP/2 connection: Pingora's session, whose body writer is ours, so that sending never
//! holds up reading, and an exchange that is given up resets its stream at once.
//!
//! Pingora's session passes no 1xx heads.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use ::http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use ::http::uri::{Authority, PathAndQuery, Scheme, Uri};
use ::http::{HeaderMap, HeaderName};
use bytes::Bytes;
use h2::{Reason, SendStream};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v2::client::Http2Session;
use pingora::{Error, ErrorType};

use super::upstream_error::{Cause, UpstreamError};

/// How much of a body is taken at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Fields that HTTP/2 does not have (RFC 9113, 8.2.2).
const CONNECTION_SPECIFIC: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// One exchange.
pub(crate) struct Http2Exchange {
    session: Http2Session,
    /// The stream's sending half, once the head is sent.
    body: Option<SendStream<Bytes>>,
    reused: bool,
    request_ended: bool,
    response: Receiving,
}

/// How far the response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiving {
    Head,
    Body,
    /// The body has ended, trailers may come.
    Trailers,
    Done,
    Broken,
}

impl Http2Exchange {
    /// An exchange over a stream about to be opened; `reused`: its connection had streams before.
    pub(super) fn new(session: Http2Session, reused: bool) -> Self {
        Self { session, body: None, reused, request_ended: false, response: Receiving::Head }
    }

    pub(super) fn reused(&self) -> bool {
        self.reused
    }

    pub(super) fn send_head(&mut self, mut head: Box<RequestHeader>, end: bool) -> Result<(), UpstreamError> {
        let sent = prepare(&mut head).and_then(|()| self.session.write_request_header(head, end));
        // Where it fails, nothing has left.
        sent.map_err(|error| {
            self.response = Receiving::Broken;
            UpstreamError::unprocessed(cause(&error, false), error)
        })?;
        self.request_ended = end;
        self.body = self.session.take_request_body_writer();
        Ok(())
    }

    pub(super) async fn ready(&mut self) -> usize {
        let Some(body) = self.body.as_mut().filter(|_| !self.request_ended) else { return 0 };
        if body.capacity() == 0 {
            body.reserve_capacity(PIECE);
        }
        while body.capacity() == 0 {
            match poll_fn(|cx| body.poll_capacity(cx)).await {
                Some(Ok(_)) => {}
                // Reset, or the connection has ended: the response tells.
                Some(Err(_)) | None => return 0,
            }
        }
        body.capacity().min(PIECE)
    }

    pub(super) fn send_body(&mut self, piece: Bytes, end: bool) -> bool {
        let Some(body) = self.body.as_mut().filter(|_| !self.request_ended) else { return false };
        if piece.is_empty() && !end {
            return true;
        }
        let sent = body.send_data(piece, end).is_ok();
        if sent {
            self.request_ended = end;
            // What was set aside and not used is for other streams.
            body.reserve_capacity(0);
        }
        sent
    }

    pub(super) async fn head(&mut self) -> Result<Box<ResponseHeader>, UpstreamError> {
        if self.response != Receiving::Head || self.body.is_none() {
            return Err(UpstreamError::over());
        }
        if let Err(error) = self.session.read_response_header().await {
            return Err(self.broken(error, false));
        }
        let Some(head) = self.session.response_header() else { return Err(UpstreamError::over()) };
        let head = Box::new(ResponseHeader::from(head.as_owned_parts()));
        self.response = Receiving::Body;
        Ok(head)
    }

    pub(super) fn body_done(&mut self) -> bool {
        match self.response {
            Receiving::Body if self.session.response_finished() => {
                // The stream has ended and nothing is left to read: whether cleanly, the next read says.
                let mut cx = Context::from_waker(Waker::noop());
                matches!(self.session.poll_read_response_body(&mut cx), Poll::Ready(None))
            }
            Receiving::Done => true,
            _ => false,
        }
    }

    pub(super) async fn next_body(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        match self.response {
            Receiving::Body => {}
            Receiving::Trailers | Receiving::Done => return Ok(None),
            Receiving::Head | Receiving::Broken => return Err(UpstreamError::over()),
        }
        loop {
            match self.session.read_response_body().await {
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(piece)) => return Ok(Some(piece)),
                // A reset behind the response's end asks to stop the upload, no more (RFC 9113, 8.1).
                Ok(None) => {
                    self.response = Receiving::Trailers;
                    return Ok(None);
                }
                Err(error) => return Err(self.broken(error, true)),
            }
        }
    }

    pub(super) async fn trailers(&mut self) -> Result<Option<HeaderMap>, UpstreamError> {
        match self.response {
            Receiving::Trailers => {}
            Receiving::Done => return Ok(None),
            _ => return Err(UpstreamError::over()),
        }
        match self.session.read_trailers().await {
            Ok(trailers) => {
                self.response = Receiving::Done;
                Ok(trailers)
            }
            Err(error) => Err(self.broken(error, true)),
        }
    }

    fn broken(&mut self, error: Box<Error>, answered: bool) -> UpstreamError {
        self.response = Receiving::Broken;
        match cause(&error, answered) {
            Cause::Refused => UpstreamError::unprocessed(Cause::Refused, error),
            cause => UpstreamError::maybe(cause, error),
        }
    }
}

impl Drop for Http2Exchange {
    /// Given up before its end: the endpoint learns at once.
    fn drop(&mut self) {
        let ended = self.request_ended && (self.response == Receiving::Done || self.body_done());
        if let Some(body) = self.body.as_mut().filter(|_| !ended) {
            body.send_reset(Reason::CANCEL);
        }
    }
}

/// Makes a head HTTP/2's: `:authority` in place of Host, no connection-specific fields.
fn prepare(head: &mut RequestHeader) -> pingora::Result<()> {
    for name in &CONNECTION_SPECIFIC {
        head.remove_header(name);
    }
    let Some(host) = head.remove_header(&HOST) else { return Ok(()) };
    let invalid = |what| Error::explain(ErrorType::InvalidHTTPHeader, what);
    let authority = Authority::try_from(host.as_bytes()).map_err(|_| invalid("Host that is no authority"))?;
    if head.uri.scheme().is_some() && head.uri.authority() == Some(&authority) {
        return Ok(());
    }
    let mut parts = head.uri.clone().into_parts();
    parts.scheme.get_or_insert(Scheme::HTTP);
    parts.authority = Some(authority);
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    head.set_uri(Uri::from_parts(parts).map_err(|_| invalid("target that makes no URI"))?);
    Ok(())
}

/// What an error of HTTP/2 means; `answered`: the response's head had come.
fn cause(error: &Error, answered: bool) -> Cause {
    let Some(h2) = h2_error(error) else {
        return if *error.etype() == ErrorType::InvalidHTTPHeader { Cause::Protocol } else { broke_off(answered) };
    };
    let refused = h2.is_remote()
        // A stream that fails by the peer's GOAWAY is above its last id (RFC 9113, 6.8).
        && (h2.is_go_away() || h2.is_reset() && h2.reason() == Some(Reason::REFUSED_STREAM));
    match h2 {
        _ if refused && !answered => Cause::Refused,
        h2 if h2.is_io() || h2.is_remote() => broke_off(answered),
        // Ours to say: frames that are none, heads that are malformed, a length that is not met.
        _ => Cause::Protocol,
    }
}

fn broke_off(answered: bool) -> Cause {
    if answered { Cause::Truncated } else { Cause::Unanswered }
}

fn h2_error(error: &Error) -> Option<&h2::Error> {
    error.root_cause().downcast_ref()
}
