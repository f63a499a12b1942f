//! An HTTP/1 client: Pingora's session, and what has to be done around it.
//!
//! The request's head is moved out and a stub left behind, which keeps what the session needs to frame the response: the
//! method and the version. The stub has no `Upgrade`, so the session never takes a 101 for its own business: the
//! stream is taken out instead ([`Http1Client::into_stream`]).

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::header::TRANSFER_ENCODING;
use ::http::request::Parts;
use bytes::{Bytes, BytesMut};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::v1::server::HttpSession;
use pingora::{Error, ErrorType};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::downstream::{Client, ClientError, Kept, Opening, Refusal};
use crate::proxy::io::{Io, PeerEnd};

/// How often to look whether a client has gone whose body nobody reads.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An HTTP/1 client, its head read.
pub(crate) struct Http1Client {
    session: Box<HttpSession>,
    /// Said by the client, or by us.
    close: bool,
    /// Whether the client may end its side before the answer.
    half_close: bool,
    /// When to look next whether it has gone, while nobody reads.
    look: Option<Pin<Box<Sleep>>>,
}

/// Reads a request's head, within a time.
pub(super) async fn open(mut session: Box<HttpSession>, half_close: bool, limit: Duration) -> Opening {
    match timeout(limit, session.read_request()).await {
        Ok(Ok(Some(_))) => {}
        Ok(Ok(None)) => return Opening::Nothing,
        Err(_) => return Opening::Refused(Refusal::TooSlow, refused(session)),
        Ok(Err(error)) => match refusal(&error) {
            Some(refusal) => return Opening::Refused(refusal, refused(session)),
            None => return Opening::Nothing,
        },
    }
    if !is_framed_plainly(&session) {
        return Opening::Refused(Refusal::Malformed, refused(session));
    }
    // The session learns the body's framing from the head, before the head leaves it.
    session.is_body_done();
    let close = !session.will_keepalive();
    let Ok(mut stub) = RequestHeader::build_no_case(session.req_header().method.clone(), b"/", Some(0)) else {
        return Opening::Nothing;
    };
    stub.set_version(session.req_header().version);
    let head = without_case(mem::replace(session.req_header_mut(), stub));
    Opening::Request(Box::new(head), Client::H1(Http1Client { session, close, half_close, look: None }))
}

fn refused(session: Box<HttpSession>) -> Client {
    Client::H1(Http1Client { session, close: true, half_close: false, look: None })
}

/// A head without its names' own case, which does not go on: with it, every edit of a field would be made twice. Targets
/// that Pingora keeps beside the URI would be lost with it, so other forms than the usual one stay as they are.
fn without_case(head: RequestHeader) -> RequestHeader {
    match head.raw_path_is_utf8() && head.raw_path().starts_with(b"/") {
        true => Parts::from(head).into(),
        false => head,
    }
}

/// What to answer to a head that could not be read; `None`: nobody is there to read an answer.
fn refusal(error: &Error) -> Option<Refusal> {
    match error.etype() {
        ErrorType::InvalidHTTPHeader => {
            let text = error.to_string();
            let too_large = text.contains("larger than") || text.contains("too many headers");
            Some(if too_large { Refusal::TooLarge } else { Refusal::Malformed })
        }
        _ => None,
    }
}

/// Whether a body is framed in a way that everyone on its way reads alike: by one coding, `chunked`, and not by a length too.
/// Pingora takes the coding and forgets the length; whoever sends both means harm (RFC 9112, 6.1 and 6.3).
fn is_framed_plainly(session: &HttpSession) -> bool {
    let mut codings = session.req_header().headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(one), None) => {
            one.as_bytes().eq_ignore_ascii_case(b"chunked") && !has_content_length(&session.get_headers_raw_bytes())
        }
        (Some(_), Some(_)) => false,
    }
}

/// Whether a raw head has a Content-Length field.
fn has_content_length(head: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length";
    head.split(|byte| *byte == b'\n').any(|line| {
        line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME))
            && line.get(NAME.len()).is_some_and(|next| matches!(next, b':' | b' ' | b'\t'))
    })
}

impl Http1Client {
    pub(super) fn body_done(&mut self) -> bool {
        self.session.is_body_done()
    }

    pub(super) async fn next_body(&mut self) -> Result<Option<Bytes>, ClientError> {
        let read = self.session.read_body_bytes().await;
        // Where a body breaks off, nobody knows where the next request begins.
        self.close |= read.is_err();
        read.map_err(|error| client_error(&error))
    }

    /// While the body is to come, its reading tells; but where the endpoint takes no more of it, nobody reads, and the
    /// client's end lies behind bytes that nobody fetches. There the system is asked.
    pub(super) async fn gone(&mut self) {
        if self.session.is_body_done() {
            let _ = self.session.read_body_or_idle(true).await;
        } else {
            poll_fn(|cx| self.poll_gone_amid_body(cx)).await;
        }
    }

    fn poll_gone_amid_body(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let end = self.session.stream().as_any().downcast_ref().and_then(Io::peer_end);
            if end == Some(PeerEnd::Both) || end == Some(PeerEnd::Sending) && !self.half_close {
                return Poll::Ready(());
            }
            let look = self.look.get_or_insert_with(|| Box::pin(sleep(LOOK_EVERY)));
            ready!(look.as_mut().poll(cx));
            look.as_mut().reset(Instant::now() + LOOK_EVERY);
        }
    }

    pub(super) async fn send_continue(&mut self) -> Result<(), ClientError> {
        // The session would close a connection that any head goes out on before the body is there: this one asks for it.
        self.session.set_close_on_response_before_downstream_finish(false);
        let sent = self.session.write_continue_response().await.map_err(|error| client_error(&error));
        self.session.set_close_on_response_before_downstream_finish(true);
        sent
    }

    pub(super) async fn send_head(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<(), ClientError> {
        let interim = head.status.is_informational();
        if self.close && !interim {
            self.session.set_server_keepalive(None);
        }
        self.session.set_close_on_response_before_downstream_finish(!interim);
        self.session.write_response_header(head).await.map_err(|error| client_error(&error))?;
        if end { self.finish().await } else { Ok(()) }
    }

    pub(super) async fn send_body(&mut self, piece: Bytes) -> Result<(), ClientError> {
        self.session.write_body(&piece).await.map(|_| ()).map_err(|error| client_error(&error))
    }

    pub(super) fn queue(&mut self, piece: Bytes) {
        self.session.send_proxy_task(HttpTask::Body(Some(piece), false));
    }

    pub(super) async fn flush(&mut self) -> Result<(), ClientError> {
        self.session.write_proxy_tasks().await.map(|_| ()).map_err(|error| client_error(&error))
    }

    pub(super) async fn finish(&mut self) -> Result<(), ClientError> {
        self.session.finish_body().await.map(|_| ()).map_err(|error| client_error(&error))
    }

    pub(super) fn close_after(&mut self) {
        self.close = true;
    }

    pub(super) async fn reuse(self) -> Kept {
        match self.session.reuse().await {
            Ok(Some(kept)) => {
                let (stream, prefix) = kept.into_parts();
                Kept::Open { stream, prefix }
            }
            Ok(None) | Err(_) => Kept::Closed,
        }
    }

    /// The stream, where nothing of the request's body is left in it.
    pub(super) async fn into_stream(mut self) -> Option<(Stream, Option<BytesMut>)> {
        if !self.session.is_body_done() {
            return None;
        }
        self.session.set_server_keepalive(Some(0));
        self.session.reuse().await.ok().flatten().map(|kept| kept.into_parts())
    }

    /// A response that ends with the connection would look complete if it were only closed.
    pub(super) async fn reset(self) {
        if let Some((stream, _)) = self.into_stream().await
            && let Some(io) = Io::reclaim(stream, None)
        {
            io.reset();
        }
    }
}

fn client_error(error: &Error) -> ClientError {
    match error.etype() {
        ErrorType::InvalidHTTPHeader => ClientError::Malformed,
        etype if etype.as_str().to_ascii_lowercase().contains("chunk") => ClientError::Malformed,
        _ => ClientError::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_length_is_found_in_a_raw_head() {
        for head in ["A: b\r\ncontent-length: 3\r\n\r\n", "POST / HTTP/1.1\nCONTENT-LENGTH : 3\n\n"] {
            assert!(has_content_length(head.as_bytes()), "{head:?}");
        }
        for head in
            ["A: content-length: 3\r\n\r\n", "GET / HTTP/1.1\r\nX-Content-Length: 3\r\n\r\n", "content-lengthy: 1"]
        {
            assert!(!has_content_length(head.as_bytes()), "{head:?}");
        }
    }
}
