//! An exchange over an HTTP/1.1 connection: Pingora's session on our own [`Wire`].
//!
//! Pingora parses, frames and checks; the order of events is ours. The session's writes never wait, and every wait for the
//! response also sends what is still to be sent.
//!
//! A connection goes back to its pool only where nothing can be out of step: the request was sent whole, the response was
//! read to its framed end, nothing came behind it, and nobody said close.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use ::http::{HeaderValue, Method, StatusCode, Version};
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession;
use pingora::{Error, ErrorType};

use super::pool_http1::{Home, Idle};
use super::upstream_error::{Cause, Processed, UpstreamError};
use super::wire::{Wire, WireStream};

/// How much of a body is taken at once, in bytes.
const PIECE: usize = 64 * 1024;

/// One exchange.
pub(crate) struct Http1Exchange {
    session: HttpSession,
    wire: Arc<Wire>,
    home: Home,
    reused: bool,
    request: Sending,
    response: Receiving,
}

/// How far the request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Head,
    Body,
    Ended,
    /// After a 101: raw bytes.
    Tunnel,
    /// Our side of the tunnel is closed.
    TunnelEnded,
    /// The endpoint takes no more, or we gave it too little.
    Stopped,
}

/// How far the response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiving {
    Head,
    Body,
    Done,
    Broken,
}

impl Http1Exchange {
    /// An exchange over a connection just made.
    pub(super) fn new(wire: Arc<Wire>, home: Home) -> Self {
        Self::over(Box::new(WireStream(wire.clone())), wire, home, false)
    }

    /// An exchange over a connection from the pool.
    pub(super) fn again(idle: Idle, home: Home) -> Self {
        Self::over(idle.stream, idle.wire, home, true)
    }

    fn over(stream: Stream, wire: Arc<Wire>, home: Home, reused: bool) -> Self {
        wire.start();
        let session = HttpSession::new(stream);
        Self { session, wire, home, reused, request: Sending::Head, response: Receiving::Head }
    }

    pub(super) fn reused(&self) -> bool {
        self.reused
    }

    pub(super) async fn send_head(&mut self, mut head: Box<RequestHeader>, end: bool) -> Result<(), UpstreamError> {
        frame(&mut head, end).map_err(|error| UpstreamError::unprocessed(Cause::Protocol, error))?;
        let written = self.session.write_request_header(head).await;
        written.map_err(|error| match error.etype() {
            ErrorType::InvalidHTTPHeader => UpstreamError::unprocessed(Cause::Protocol, error),
            _ => self.unanswered(error),
        })?;
        if end {
            self.request = Sending::Ended;
            self.push().await;
        } else {
            self.request = Sending::Body;
        }
        Ok(())
    }

    pub(super) async fn ready(&mut self) -> usize {
        if matches!(self.request, Sending::TunnelEnded | Sending::Stopped) {
            return 0;
        }
        match poll_fn(|cx| self.wire.poll_room(cx)).await {
            Ok(()) => PIECE,
            Err(_) => {
                self.request = Sending::Stopped;
                0
            }
        }
    }

    pub(super) async fn send_body(&mut self, piece: Bytes, end: bool) -> bool {
        if matches!(self.request, Sending::TunnelEnded | Sending::Stopped) {
            return false;
        }
        // An empty chunk would be the last one.
        if !piece.is_empty() && !matches!(self.session.write_body(&piece).await, Ok(Some(n)) if n == piece.len()) {
            self.request = Sending::Stopped;
            return false;
        }
        if end && !self.end().await {
            self.request = Sending::Stopped;
            return false;
        }
        self.push().await;
        true
    }

    /// Ends the request's body, once (pg#935), or our side of the tunnel.
    async fn end(&mut self) -> bool {
        match self.request {
            Sending::Body => {
                let finished = self.session.finish_body().await.is_ok();
                self.request = Sending::Ended;
                self.open_tunnel();
                finished
            }
            Sending::Tunnel => {
                self.wire.end();
                self.request = Sending::TunnelEnded;
                true
            }
            _ => true,
        }
    }

    /// Bytes are raw from here on, if the endpoint has switched protocols and the request was sent whole (RFC 9110, 7.8).
    fn open_tunnel(&mut self) {
        if self.request == Sending::Ended && self.session.was_upgraded() {
            self.session.maybe_upgrade_body_writer();
            self.request = Sending::Tunnel;
        }
    }

    /// Sends what the socket takes now. A failure shows at the response: there may be one to read.
    async fn push(&self) {
        poll_fn(|cx| {
            let _ = self.wire.poll_drain(cx);
            std::task::Poll::Ready(())
        })
        .await;
    }

    pub(super) async fn head(&mut self) -> Result<Box<ResponseHeader>, UpstreamError> {
        if self.response != Receiving::Head {
            return Err(UpstreamError::over());
        }
        let read = {
            let (wire, mut read) = (&self.wire, pin!(self.session.read_response()));
            poll_fn(|cx| {
                let _ = wire.poll_drain(cx);
                read.as_mut().poll(cx)
            })
            .await
        };
        let head = match (read, self.session.resp_header()) {
            // Without the names' own case, which no one may rely on (RFC 9110, 5.1), and half as dear.
            (Ok(_), Some(head)) => Box::new(ResponseHeader::from(head.as_owned_parts())),
            (Err(error), _) => return Err(self.no_head(error)),
            (Ok(_), None) => return Err(UpstreamError::over()),
        };
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            if !self.session.was_upgraded() {
                self.response = Receiving::Broken;
                let error = Error::explain(ErrorType::InvalidHTTPHeader, "101 that was not asked for");
                return Err(UpstreamError::maybe(Cause::Protocol, error));
            }
            self.open_tunnel();
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS || !head.status.is_informational() {
            self.response = Receiving::Body;
        }
        Ok(head)
    }

    fn no_head(&mut self, error: Box<Error>) -> UpstreamError {
        self.response = Receiving::Broken;
        match error.etype() {
            ErrorType::InvalidHTTPHeader => UpstreamError::maybe(Cause::Protocol, error),
            _ if self.wire.has_received() => UpstreamError::maybe(Cause::Truncated, error),
            _ => self.unanswered(error),
        }
    }

    fn unanswered(&self, error: Box<Error>) -> UpstreamError {
        let processed = if self.wire.has_sent() { Processed::Maybe } else { Processed::No };
        UpstreamError { cause: Cause::Unanswered, processed, source: error }
    }

    pub(super) fn body_done(&mut self) -> bool {
        match self.response {
            Receiving::Head | Receiving::Broken => false,
            Receiving::Body => self.session.is_body_done(),
            Receiving::Done => true,
        }
    }

    pub(super) async fn next_body(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        match self.response {
            Receiving::Body => {}
            Receiving::Done => return Ok(None),
            Receiving::Head | Receiving::Broken => return Err(UpstreamError::over()),
        }
        loop {
            let read = {
                let (wire, mut read) = (&self.wire, pin!(self.session.read_body_bytes()));
                poll_fn(|cx| {
                    let _ = wire.poll_drain(cx);
                    read.as_mut().poll(cx)
                })
                .await
            };
            match read {
                // What Pingora reads of trailers comes as an empty piece.
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(piece)) => return Ok(Some(piece)),
                Ok(None) => {
                    self.response = Receiving::Done;
                    return Ok(None);
                }
                Err(error) => {
                    self.response = Receiving::Broken;
                    let malformed = matches!(error.etype().as_str(), "InvalidChunk" | "InvalidTrailerEnd");
                    return Err(UpstreamError::maybe(
                        if malformed { Cause::Protocol } else { Cause::Truncated },
                        error,
                    ));
                }
            }
        }
    }

    pub(super) async fn finish(mut self) {
        if self.request != Sending::Ended || !self.body_done() {
            return;
        }
        self.session.respect_keepalive();
        if !self.session.will_keepalive() || !self.wire.is_idle() {
            return;
        }
        let limit = self.session.get_header("keep-alive").and_then(keep_alive_timeout);
        // Bytes behind the response make the session refuse.
        if let Some(stream) = self.session.reuse().await {
            self.home.put(stream, self.wire, limit);
        }
    }
}

/// Makes the head's framing say what will be sent.
fn frame(head: &mut RequestHeader, end: bool) -> pingora::Result<()> {
    head.set_version(Version::HTTP_11);
    if !head.headers.contains_key(HOST)
        && let Some(authority) = head.uri.authority().map(|authority| authority.as_str().to_owned())
    {
        head.insert_header(HOST, authority)?;
    }
    if end {
        head.remove_header(&TRANSFER_ENCODING);
        // RFC 9110, 8.6: these methods expect content.
        let expects = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
        if expects && !head.headers.contains_key(CONTENT_LENGTH) {
            head.insert_header(CONTENT_LENGTH, "0")?;
        }
    } else if head.headers.contains_key(TRANSFER_ENCODING) {
        head.remove_header(&CONTENT_LENGTH);
    } else if !head.headers.contains_key(CONTENT_LENGTH) {
        head.insert_header(TRANSFER_ENCODING, "chunked")?;
    }
    Ok(())
}

/// How long the endpoint keeps an idle connection, by `Keep-Alive: timeout=N`, less a second for what is on the way.
fn keep_alive_timeout(value: &HeaderValue) -> Option<Duration> {
    let parameters = value.to_str().ok()?.split(',');
    let seconds =
        parameters.filter_map(|p| p.trim().strip_prefix("timeout=")).find_map(|n| n.trim().parse::<u64>().ok());
    seconds.map(|n| Duration::from_secs(n.saturating_sub(1)))
}
