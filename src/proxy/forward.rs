//! A request to one of a backend's endpoints, and its response back: try by try, until one answers.

use http::StatusCode;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Version};
use pingora::http::{RequestHeader, ResponseHeader};

use super::attempt::{Answered, Try, Unanswered};
use super::context::Context;
use super::deadline::Clock;
use super::engine::{Client, Kept, Upstream};
use super::exchange::Exchange;
use super::failure::{Broken, Failure};
use super::hop_by_hop::strip_response;
use super::respond;
use super::response_head::upgrade_fits;
use super::retry::{self, Failed};
use super::route::Forward;
use super::tunnel::Tunnel;
use super::upload::Upload;
use crate::live::{InFlight, RetryPermit};
use crate::table::filter::HeadEdit;
use crate::telemetry::label::ConnectionProtocol;
use crate::telemetry::outcome::Reason;

/// Forwards a request and answers the client.
pub(crate) async fn forward(mut client: Client, head: RequestHeader, to: Forward, context: Context<'_>) -> Kept {
    let settings = &context.worker.settings;
    let upload = Upload::new(client.body_done(), settings.replay_limit);
    let mut clock = Clock::new(context.started, to.rule.rule.timeouts.request);
    if !upload.is_finished() {
        clock.watch_idleness(Some(settings.stream_idle_timeout));
    }
    let mut exchange = Exchange { client, upload, clock, context };
    let answered = Tries::new(head, &to).run(&mut exchange).await;
    exchange.context.outcome.request_bytes = exchange.upload.bytes();
    match answered {
        Ok(answered) if answered.head.status == StatusCode::SWITCHING_PROTOCOLS => {
            if !upgrade_fits(&answered.head, &to.asked) {
                drop(answered);
                return fail(exchange, &Broken::Unasked).await;
            }
            upgrade(exchange, answered, &to).await
        }
        Ok(answered) => deliver(exchange, answered, &to).await,
        Err(broken) => fail(exchange, &broken).await,
    }
}

async fn fail(exchange: Exchange<'_>, broken: &Broken) -> Kept {
    match broken.failure() {
        Some(failure) => respond::fail(exchange.client, exchange.context, failure).await,
        None => {
            exchange.context.end(Some(Reason::ClientAborted));
            Kept::Closed
        }
    }
}

/// Relays a response.
async fn deliver(mut exchange: Exchange<'_>, answered: Answered, to: &Forward) -> Kept {
    let Answered { head, mut upstream, in_flight } = answered;
    let relayed = exchange.relay(head, &mut upstream, to.filters()).await;
    exchange.context.outcome.request_bytes = exchange.upload.bytes();
    match relayed {
        Ok(()) => {
            upstream.finish().await;
            drop(in_flight);
            exchange.context.end(None);
            exchange.client.reuse().await
        }
        Err(broken) => {
            drop(upstream);
            cut(exchange, &broken).await
        }
    }
}

/// The response's head has gone out, and the rest will not: the client is not to take it for whole. A gRPC call ends with a
/// status, so that a deadline is not taken for an outage.
async fn cut(exchange: Exchange<'_>, broken: &Broken) -> Kept {
    let Exchange { mut client, mut context, .. } = exchange;
    let reason = broken.reason_of_cut();
    if context.grpc && !matches!(broken, Broken::Client(_)) {
        let failure = Failure::new(StatusCode::OK, reason);
        context.outcome.grpc_status = Some(failure.grpc_status());
        let trailers = respond::grpc_trailers(&mut context, failure);
        context.end(Some(reason));
        let _ = client.finish_with(trailers).await;
    } else {
        context.end(Some(reason));
        client.reset().await;
    }
    Kept::Closed
}

/// Joins client and endpoint. From here on no limit of the route holds, only that for idleness.
async fn upgrade(exchange: Exchange<'_>, answered: Answered, to: &Forward) -> Kept {
    let Answered { mut head, upstream, in_flight } = answered;
    let Exchange { mut client, mut context, .. } = exchange;
    let mut clock = Clock::default();
    clock.watch_idleness(Some(context.worker.settings.stream_idle_timeout));
    prepare_upgrade(&mut head, to);
    context.answered(head.status.as_u16(), None);
    if Exchange::write(&mut client, &mut clock, |client| client.send_head(head, false)).await.is_err() {
        context.end(Some(Reason::ClientAborted));
        return Kept::Closed;
    }
    context.connection.speaks(ConnectionProtocol::Upgrade);
    let Some((stream, early)) = client.into_tunnel().await else { return Kept::Closed };
    let mut tunnel = Tunnel::new(stream, early, upstream, clock);
    let ended = tunnel.run().await;
    (context.outcome.request_bytes, context.outcome.response_bytes) = (tunnel.sent, tunnel.received);
    context.end(ended.as_ref().err().map(Broken::reason_of_cut));
    tunnel.close(ended.is_err()).await;
    drop(in_flight);
    Kept::Closed
}

fn prepare_upgrade(head: &mut ResponseHeader, to: &Forward) {
    let protocol = head.headers.get(UPGRADE).cloned();
    strip_response(head);
    for edits in to.filters().into_iter().flatten().filter_map(|filters| filters.response_headers.as_ref()) {
        edits.apply(head);
    }
    head.set_version(Version::HTTP_11);
    head.set(&CONNECTION, &HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        head.set(&UPGRADE, &protocol);
    }
}

/// The tries of one request.
struct Tries<'f> {
    to: &'f Forward,
    head: RequestHeader,
    /// Made so far, without those that only replaced a dead pooled connection.
    made: u32,
    /// Endpoints that failed.
    tried: Vec<u64>,
    /// A dead pooled connection has been replaced: not twice.
    replaced: bool,
    permit: Option<RetryPermit>,
}

impl<'f> Tries<'f> {
    fn new(head: RequestHeader, to: &'f Forward) -> Self {
        Self { to, head, made: 0, tried: Vec::new(), replaced: false, permit: None }
    }

    async fn run(mut self, exchange: &mut Exchange<'_>) -> Result<Answered, Broken> {
        let mut same = None;
        loop {
            let fresh = same.is_some();
            let in_flight = match same.take() {
                Some(in_flight) => in_flight,
                None => self.to.backend.pick(&self.tried).ok_or(Broken::NoEndpoint)?,
            };
            self.begin(exchange, &in_flight, fresh);
            let one = Try {
                head: self.copy(),
                in_flight,
                speak: self.to.speak,
                fresh,
                expects_continue: self.to.asked.expects_continue,
            };
            match exchange.attempt(one).await {
                Ok(answered) => {
                    let failed = Failed::Status(answered.head.status.as_u16());
                    if !self.again(exchange, failed).await? {
                        return Ok(answered);
                    }
                    self.tried.push(answered.in_flight.endpoint().id);
                    discard(answered.upstream).await;
                }
                Err(unanswered) if self.replaces(exchange, &unanswered) => same = Some(unanswered.in_flight),
                Err(Unanswered { broken, in_flight, .. }) => {
                    let Some(failed) = Failed::of(&broken) else { return Err(broken) };
                    self.failed(exchange, &broken, &in_flight);
                    if !self.again(exchange, failed).await? {
                        return Err(broken);
                    }
                }
            }
        }
    }

    fn begin(&mut self, exchange: &mut Exchange<'_>, in_flight: &InFlight, fresh: bool) {
        if !fresh {
            self.made += 1;
        }
        exchange.context.outcome.attempts = self.made;
        exchange.context.endpoint = Some(in_flight.endpoint().clone());
        exchange.clock.begin_try(self.to.rule.rule.timeouts.backend_request);
    }

    /// The head for one try: without the case of its names, which only HTTP/1 clients that are not to be cares about.
    fn copy(&self) -> Box<RequestHeader> {
        Box::new(RequestHeader::from(self.head.as_owned_parts()))
    }

    fn failed(&mut self, exchange: &Exchange<'_>, broken: &Broken, in_flight: &InFlight) {
        in_flight.failed();
        self.tried.push(in_flight.endpoint().id);
        if let Some(failure) = broken.failure() {
            exchange.context.worker.telemetry.upstream_failed(failure.reason);
        }
    }

    /// Whether a pooled connection that turned out to be dead is replaced by a new one to the same endpoint: an idle
    /// connection may end just as a request is sent. Only where that cannot make the backend act twice.
    fn replaces(&mut self, exchange: &mut Exchange<'_>, unanswered: &Unanswered) -> bool {
        let Broken::Upstream(error) = &unanswered.broken else { return false };
        let dead = unanswered.reused && !self.replaced && error.cause == super::engine::Cause::Unanswered;
        let safe = error.processed == super::engine::Processed::No || exchange.context.method.is_idempotent();
        self.replaced = dead && safe && exchange.upload.restart();
        self.replaced
    }

    /// Whether the request is sent again; waits for the backoff. An error: the client did not wait.
    async fn again(&mut self, exchange: &mut Exchange<'_>, failed: Failed) -> Result<bool, Broken> {
        let policy = &self.to.rule.rule.retry;
        if !retry::allowed(policy, self.made, failed, &exchange.context.method) {
            return Ok(false);
        }
        let wait = retry::backoff(policy, self.made, failed);
        let telemetry = &exchange.context.worker.telemetry;
        if let Some(denied) = retry::denied(exchange.upload.is_replayable(), exchange.clock.has(wait)) {
            telemetry.retry_denied(denied);
            tracing::info!(route = %self.to.rule.rule.route, why = denied.as_str(), "not tried again");
            return Ok(false);
        }
        if retry::needs_budget(failed) && self.permit.is_none() {
            self.permit = RetryPermit::of(&self.to.backend);
            if self.permit.is_none() {
                telemetry.retry_denied(crate::telemetry::label::RetryDenied::Budget);
                return Ok(false);
            }
        }
        exchange.clock.begin_try(None);
        if !wait.is_zero() {
            exchange
                .wait(async {
                    tokio::time::sleep(wait).await;
                    Ok(())
                })
                .await?;
        }
        Ok(exchange.upload.restart())
    }
}

/// A response that is not passed on: its connection is kept where nothing of it is left to read.
async fn discard(mut upstream: Upstream) {
    if upstream.body_done() {
        upstream.finish().await;
    }
}
