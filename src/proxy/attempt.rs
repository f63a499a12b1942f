//! One try: a connection to an endpoint, the request's head, and as much of its body as goes before the response's head.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use http::StatusCode;
use pingora::http::{RequestHeader, ResponseHeader};
use tokio::time::{Sleep, sleep};

use super::engine::{ConnectLimits, Speak, Upstream};
use super::exchange::Exchange;
use super::failure::Broken;
use super::response_head::relays_informational;
use super::upload::poll_now;
use crate::live::InFlight;
use crate::telemetry::label::UpstreamProtocol;

/// How long a client that waits for `100 Continue` is let wait for the endpoint's, before it gets ours. Long enough for the
/// endpoint to refuse the body; clients go on by themselves after about as long (RFC 9110, 10.1.1).
const CONTINUE_AFTER: Duration = Duration::from_secs(1);

/// A response's head, and what it came from.
pub(crate) struct Answered {
    pub(crate) head: Box<ResponseHeader>,
    pub(crate) upstream: Upstream,
    pub(crate) in_flight: InFlight,
}

/// A request to be sent to an endpoint.
pub(crate) struct Try {
    pub(crate) head: Box<RequestHeader>,
    pub(crate) in_flight: InFlight,
    pub(crate) speak: Speak,
    /// Never over a pooled connection.
    pub(crate) fresh: bool,
    /// The client waits for `100 Continue` before it sends its body.
    pub(crate) expects_continue: bool,
}

/// A try that broke before the response's head.
pub(crate) struct Unanswered {
    pub(crate) broken: Broken,
    /// The connection had served another exchange before: its end may have been its idle end.
    pub(crate) reused: bool,
    pub(crate) in_flight: InFlight,
}

/// What comes first from an endpoint, or does not.
enum Event {
    Head(Box<ResponseHeader>),
    /// The client has waited for its `100 Continue` long enough.
    Impatient,
}

impl Exchange<'_> {
    /// Makes one try.
    pub(crate) async fn attempt(&mut self, one: Try) -> Result<Answered, Unanswered> {
        let Try { head, in_flight, speak, fresh, expects_continue } = one;
        let limits = ConnectLimits { connect_timeout: self.context.worker.settings.connect_timeout };
        let began = Instant::now();
        let worker = self.context.worker;
        let endpoint = in_flight.endpoint().clone();
        let mut upstream = match self.wait(worker.pool.take(&endpoint, speak, fresh, limits)).await {
            Ok(upstream) => upstream,
            Err(broken) => return Err(Unanswered { broken, reused: false, in_flight }),
        };
        let reused = upstream.reused();
        let sent = if reused { began } else { Instant::now() };
        self.context.outcome.connect = (!reused).then(|| sent.duration_since(began));
        if !reused {
            worker.telemetry.upstream_connected(match speak {
                Speak::Http1 => UpstreamProtocol::Http1,
                Speak::Http2 => UpstreamProtocol::Http2,
            });
        }
        match self.ask(&mut upstream, head, speak, expects_continue).await {
            Ok(head) => {
                let after = sent.elapsed();
                self.context.outcome.upstream_head = Some(after);
                if head.status != StatusCode::SWITCHING_PROTOCOLS {
                    in_flight.head_received(after);
                }
                Ok(Answered { head, upstream, in_flight })
            }
            Err(broken) => Err(Unanswered { broken, reused, in_flight }),
        }
    }

    /// Sends the request until the response's head comes.
    async fn ask(
        &mut self,
        upstream: &mut Upstream,
        head: Box<RequestHeader>,
        speak: Speak,
        expects_continue: bool,
    ) -> Result<Box<ResponseHeader>, Broken> {
        let empty = self.upload.is_empty();
        self.wait(upstream.send_head(head, empty)).await?;
        let mut patience = None;
        if expects_continue && !self.upload.is_received() {
            match speak {
                Speak::Http1 => patience = Some(Box::pin(sleep(CONTINUE_AFTER))),
                // Pingora's HTTP/2 client would not pass the endpoint's.
                Speak::Http2 => Self::write(&mut self.client, &mut self.clock, |client| client.send_continue()).await?,
            }
        }
        loop {
            match poll_fn(|cx| self.poll_head(cx, upstream, &mut patience)).await? {
                Event::Head(head) if is_interim(&head) => {
                    patience = None;
                    self.relay_interim(head).await?;
                }
                Event::Head(head) => return Ok(head),
                Event::Impatient => {
                    patience = None;
                    Self::write(&mut self.client, &mut self.clock, |client| client.send_continue()).await?;
                }
            }
        }
    }

    fn poll_head(
        &mut self,
        cx: &mut TaskContext<'_>,
        upstream: &mut Upstream,
        patience: &mut Option<Pin<Box<Sleep>>>,
    ) -> Poll<Result<Event, Broken>> {
        if !self.upload.is_finished() {
            let before = self.upload.bytes();
            let sent = self.upload.poll(cx, &mut self.client, upstream);
            if self.upload.bytes() > before {
                *patience = None;
                self.clock.touch();
            }
            match sent {
                Poll::Ready(Err(broken)) => return Poll::Ready(Err(broken)),
                // From here on the endpoint may think as long as the route lets it.
                Poll::Ready(Ok(())) => self.clock.watch_idleness(None),
                Poll::Pending => {}
            }
        }
        if let Poll::Ready(head) = poll_now(cx, upstream.head()) {
            return Poll::Ready(head.map(Event::Head).map_err(Broken::Upstream));
        }
        if patience.as_mut().is_some_and(|patience| patience.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Ok(Event::Impatient));
        }
        self.poll_end(cx).map(Err)
    }

    async fn relay_interim(&mut self, head: Box<ResponseHeader>) -> Result<(), Broken> {
        if !relays_informational(self.context.version) {
            return Ok(());
        }
        Self::write(&mut self.client, &mut self.clock, |client| client.send_head(head, false)).await
    }
}

/// 1xx, but for the 101, which is final.
fn is_interim(head: &ResponseHeader) -> bool {
    head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS
}
