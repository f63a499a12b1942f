//! A response on its way to the client, while the request's body may still be on its way to the endpoint.

use std::future::poll_fn;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Version};
use pingora::http::ResponseHeader;

use super::engine::{Speak, Upstream};
use super::exchange::Exchange;
use super::failure::Broken;
use super::respond::grpc_status;
use super::response_head::{HasBody, frame};
use super::route::Forward;
use super::upload::poll_now;
use crate::table::filter::HeadEdit;
use crate::telemetry::label::Direction;

/// Where the two directions stand after a step.
enum Step {
    /// The response's body has ended.
    ResponseEnded,
    /// The request's body has been sent, and no piece of the response waits.
    RequestSent,
}

impl Exchange<'_> {
    /// Relays a response to its end.
    pub(crate) async fn relay(
        &mut self,
        mut head: Box<ResponseHeader>,
        upstream: &mut Upstream,
        to: &Forward,
    ) -> Result<(), Broken> {
        self.upload.settle();
        self.clock.watch_idleness(Some(self.context.worker.settings.stream_idle_timeout));
        let ends = self.prepare(&mut head, upstream, to);
        self.context.answered(head.status.as_u16(), None);
        self.context.measure(&head);
        Self::write(&mut self.client, &mut self.clock, |client| client.send_head(head, ends)).await?;
        if ends {
            return Ok(());
        }
        let mut ended = false;
        if !self.upload.is_finished() {
            let mut writing = false;
            let step = poll_fn(|cx| self.poll_both(cx, upstream, &mut writing)).await?;
            ended = matches!(step, Step::ResponseEnded);
        }
        while !ended {
            match poll_fn(|cx| self.poll_piece(cx, upstream)).await? {
                Some(piece) => self.send(piece).await?,
                None => ended = true,
            }
        }
        self.finish(upstream).await
    }

    /// Makes a head the one that the client gets. Answers whether the response ends with it.
    fn prepare(&mut self, head: &mut ResponseHeader, upstream: &mut Upstream, to: &Forward) -> bool {
        let has_body = frame(head, self.context.version, &self.context.method);
        if self.context.grpc {
            self.context.outcome.grpc_status = grpc_status(&head.headers);
        }
        if to.speak == Speak::Http1 && head.headers.contains_key(TRAILER) {
            self.context.worker.telemetry.trailers_dropped(Direction::Response);
            head.remove_header(&TRAILER);
        }
        to.edit_response(head);
        let ends_with_connection = self.context.version == Version::HTTP_10
            && has_body == HasBody::Yes
            && !head.headers.contains_key(CONTENT_LENGTH);
        if ends_with_connection || self.context.connection.is_closing() {
            self.client.close_after();
        }
        let ends = has_body == HasBody::No || upstream.body_done();
        let http1 = self.context.version != Version::HTTP_2;
        if ends && http1 && has_body == HasBody::Yes && !head.headers.contains_key(CONTENT_LENGTH) {
            head.remove_header(&TRANSFER_ENCODING);
            head.set(&CONTENT_LENGTH, &HeaderValue::from_static("0"));
        }
        ends
    }

    /// The next piece of the response, as long as the client is there and time is left.
    fn poll_piece(&mut self, cx: &mut TaskContext<'_>, upstream: &mut Upstream) -> Poll<Result<Option<Bytes>, Broken>> {
        match poll_now(cx, upstream.next_body()) {
            Poll::Ready(piece) => Poll::Ready(piece.map_err(Broken::Upstream)),
            Poll::Pending => self.poll_end(cx).map(Err),
        }
    }

    async fn send(&mut self, piece: Bytes) -> Result<(), Broken> {
        self.clock.touch();
        self.count(&piece);
        Self::write(&mut self.client, &mut self.clock, |client| client.send_body(piece)).await
    }

    /// Counts a piece of the response.
    fn count(&mut self, piece: &[u8]) {
        self.context.outcome.response_bytes += piece.len() as u64;
        if let Some(messages) = &mut self.messages {
            messages.pass(piece);
        }
    }

    /// Both directions at once, each as far as it can go by itself. `writing`: a piece of the response waits to be sent.
    fn poll_both(
        &mut self,
        cx: &mut TaskContext<'_>,
        upstream: &mut Upstream,
        writing: &mut bool,
    ) -> Poll<Result<Step, Broken>> {
        let before = self.upload.bytes();
        let sent = self.upload.poll(cx, &mut self.client, upstream)?;
        if self.upload.bytes() > before {
            self.clock.touch();
        }
        if let Poll::Ready(ended) = self.poll_response(cx, upstream, writing, sent.is_ready()) {
            return Poll::Ready(ended);
        }
        self.poll_end(cx).map(Err)
    }

    fn poll_response(
        &mut self,
        cx: &mut TaskContext<'_>,
        upstream: &mut Upstream,
        writing: &mut bool,
        request_sent: bool,
    ) -> Poll<Result<Step, Broken>> {
        loop {
            if *writing {
                ready!(poll_now(cx, self.client.flush())).map_err(Broken::Client)?;
                *writing = false;
                self.clock.touch();
            }
            if request_sent {
                return Poll::Ready(Ok(Step::RequestSent));
            }
            match ready!(poll_now(cx, upstream.next_body())).map_err(Broken::Upstream)? {
                Some(piece) => {
                    self.count(&piece);
                    self.client.queue(piece);
                    *writing = true;
                }
                None => return Poll::Ready(Ok(Step::ResponseEnded)),
            }
        }
    }

    /// After the body's end: trailers, and the end of the response.
    async fn finish(&mut self, upstream: &mut Upstream) -> Result<(), Broken> {
        match self.wait(upstream.trailers()).await? {
            Some(trailers) => self.finish_with(trailers).await,
            None => Self::write(&mut self.client, &mut self.clock, |client| client.finish()).await,
        }
    }

    async fn finish_with(&mut self, trailers: HeaderMap) -> Result<(), Broken> {
        if self.context.grpc {
            self.context.outcome.grpc_status = grpc_status(&trailers);
        }
        if !self.client.is_http2() {
            self.context.worker.telemetry.trailers_dropped(Direction::Response);
        }
        Self::write(&mut self.client, &mut self.clock, |client| client.finish_with(trailers)).await
    }
}
