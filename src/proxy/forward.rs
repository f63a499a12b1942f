//! A request to one of a backend's endpoints, and its response back: try by try, until one answers.

use http::StatusCode;
use pingora::http::RequestHeader;

use super::attempt::{Answered, Try, Unanswered};
use super::deadline::Expired;
use super::ending::Ending;
use super::engine::{Cause, Processed, Upstream};
use super::exchange::Exchange;
use super::failure::Broken;
use super::response_head::upgrade_fits;
use super::retry::{self, Failed};
use super::route::Forward;
use crate::live::{InFlight, RetryPermit};
use crate::telemetry::label::RetryDenied;

/// Forwards a request, and its response as far as it comes. Answers how the exchange is to end.
pub(crate) async fn forward(exchange: &mut Exchange<'_>, head: Box<RequestHeader>, to: &Forward) -> Ending {
    let answered = Tries::new(head, to).run(exchange).await;
    exchange.context.outcome.request_bytes = exchange.upload.bytes();
    let Answered { head, mut upstream, in_flight } = match answered {
        Ok(answered) if answered.head.status == StatusCode::SWITCHING_PROTOCOLS => {
            return match upgrade_fits(&answered.head, &to.asked) {
                true => Ending::Switched(answered),
                false => Ending::before_head(&Broken::Unasked),
            };
        }
        Ok(answered) => answered,
        Err(broken) => return Ending::before_head(&broken),
    };
    let relayed = exchange.relay(head, &mut upstream, to).await;
    exchange.context.outcome.request_bytes = exchange.upload.bytes();
    match relayed {
        Ok(()) => {
            upstream.finish().await;
            drop(in_flight);
            Ending::Whole
        }
        Err(broken) => {
            broke_off(exchange, &broken, &in_flight);
            Ending::after_head(&broken)
        }
    }
}

/// A response that its endpoint did not bring to its end is a failure of the endpoint, as one that never came.
#[cold]
fn broke_off(exchange: &Exchange<'_>, broken: &Broken, in_flight: &InFlight) {
    if matches!(broken, Broken::Upstream(_) | Broken::Expired(Expired::Try)) {
        in_flight.failed();
        exchange.context.worker.telemetry.upstream_failed(broken.reason_of_cut());
    }
}

/// The tries of one request.
struct Tries<'f> {
    to: &'f Forward,
    head: Box<RequestHeader>,
    /// Made so far, without those that only replaced a dead pooled connection.
    made: u32,
    /// Endpoints that failed.
    tried: Vec<u64>,
    /// A dead pooled connection has been replaced: not twice.
    replaced: bool,
    permit: Option<RetryPermit>,
}

impl<'f> Tries<'f> {
    fn new(head: Box<RequestHeader>, to: &'f Forward) -> Self {
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
                    self.failed(exchange, &broken, &in_flight);
                    let Some(failed) = Failed::of(&broken) else { return Err(broken) };
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
        if exchange.context.grpc {
            exchange.count_messages();
        }
        exchange.clock.begin_try(self.to.rule.rule.timeouts.backend_request);
    }

    /// The head for one try: without the case of its names, which only HTTP/1 clients that are not to be cares about.
    fn copy(&self) -> Box<RequestHeader> {
        Box::new(RequestHeader::from(self.head.as_owned_parts()))
    }

    fn failed(&mut self, exchange: &Exchange<'_>, broken: &Broken, in_flight: &InFlight) {
        if matches!(broken, Broken::Client(_) | Broken::Expired(Expired::Idle)) {
            return;
        }
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
        let dead = unanswered.reused && !self.replaced && error.cause == Cause::Unanswered;
        let safe = error.processed == Processed::No || exchange.context.method.is_idempotent();
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
                telemetry.retry_denied(RetryDenied::Budget);
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
