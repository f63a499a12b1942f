//! An HTTP/2 client's stream: Pingora's session for the head, and the stream's own flow control for the body, since the
//! request's body has to be read while the response waits for a window.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use ::http::HeaderMap;
use bytes::Bytes;
use h2::SendStream;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v2::server::HttpSession;

use super::downstream::ClientError;

/// An HTTP/2 client's stream.
pub(crate) struct Http2Client {
    session: HttpSession,
    /// Once the response's head has been sent.
    body: Option<SendStream<Bytes>>,
    queued: Bytes,
    ended: bool,
}

impl Http2Client {
    pub(super) fn open(mut session: HttpSession) -> (Box<RequestHeader>, Self) {
        let head = session.req_header_mut();
        // The method and Content-Length tell the session whether a body is to come.
        let mut stub = RequestHeader::from(::http::Request::new(()).into_parts().0);
        stub.set_method(head.method.clone());
        let head = Box::new(std::mem::replace(head, stub));
        (head, Self { session, body: None, queued: Bytes::new(), ended: false })
    }

    pub(super) fn body_done(&self) -> bool {
        self.session.is_body_done()
    }

    pub(super) async fn next_body(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.session.read_body_bytes().await.map_err(|_| ClientError::Gone)
    }

    pub(super) async fn gone(&mut self) {
        match &mut self.body {
            Some(body) => {
                let _ = poll_fn(|cx| body.poll_reset(cx)).await;
            }
            None => {
                let _ = self.session.idle().await;
            }
        }
    }

    /// Informational heads are dropped: Pingora's HTTP/2 sessions can send none.
    pub(super) fn send_head(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<(), ClientError> {
        if head.status.is_informational() {
            return Ok(());
        }
        self.session.write_response_header(head, end).map_err(|_| ClientError::Gone)?;
        self.body = self.session.take_response_body_writer();
        self.ended = end;
        Ok(())
    }

    pub(super) fn queue(&mut self, piece: Bytes) {
        debug_assert!(self.queued.is_empty(), "the last piece was not flushed");
        self.queued = piece;
    }

    pub(super) async fn flush(&mut self) -> Result<(), ClientError> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Err(ClientError::Gone)) };
        while !self.queued.is_empty() {
            body.reserve_capacity(self.queued.len());
            let mut window = body.capacity();
            if window == 0 {
                window = match ready!(body.poll_capacity(cx)) {
                    Some(Ok(window)) => window,
                    Some(Err(_)) | None => return Poll::Ready(Err(ClientError::Gone)),
                };
            }
            let piece = self.queued.split_to(window.min(self.queued.len()));
            if !piece.is_empty() {
                body.send_data(piece, false).map_err(|_| ClientError::Gone)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn finish(&mut self) -> Result<(), ClientError> {
        match &mut self.body {
            Some(body) if !self.ended => {
                self.ended = true;
                body.send_data(Bytes::new(), true).map_err(|_| ClientError::Gone)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn finish_with(&mut self, trailers: HeaderMap) -> Result<(), ClientError> {
        match &mut self.body {
            Some(body) => body.send_trailers(trailers).map_err(|_| ClientError::Gone),
            None => Err(ClientError::Gone),
        }
    }
}
