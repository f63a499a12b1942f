//! One exchange: a client, the request's body, and the time that is left. Its steps are in `attempt` (to the response's
//! head), `relay` (the response's body) and `tunnel` (after a 101).

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use super::context::Context;
use super::deadline::Clock;
use super::engine::{Client, ClientError, UpstreamError};
use super::failure::Broken;
use super::messages::Messages;
use super::upload::{Upload, poll_now};

/// One exchange.
pub(crate) struct Exchange<'w> {
    pub(crate) client: Client,
    pub(crate) upload: Upload,
    pub(crate) clock: Clock,
    pub(crate) context: Context<'w>,
    /// Of a gRPC call behind ztunnel: counts what comes from the endpoint.
    pub(crate) messages: Option<Messages>,
}

impl<'w> Exchange<'w> {
    /// Begins an exchange, within the route's time for the whole.
    pub(crate) fn new(mut client: Client, context: Context<'w>, limit: Option<Duration>) -> Self {
        let settings = &context.worker.settings;
        let upload = Upload::new(client.body_done(), settings.replay_limit);
        let mut clock = Clock::new(context.started, limit);
        if !upload.is_finished() {
            clock.watch_idleness(Some(settings.stream_idle_timeout));
        }
        Self { client, upload, clock, context, messages: None }
    }

    /// Waits for the endpoint's side, as long as the client is there and time is left.
    pub(crate) async fn wait<T>(
        &mut self,
        future: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, Broken> {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(Broken::Upstream)),
            Poll::Pending => self.poll_end(cx).map(Err),
        })
        .await
    }

    /// Ready when the client has gone, or time has run out.
    pub(crate) fn poll_end(&mut self, cx: &mut TaskContext<'_>) -> Poll<Broken> {
        if poll_now(cx, self.client.gone()).is_ready() {
            return Poll::Ready(Broken::Client(ClientError::Gone));
        }
        self.clock.poll(cx).map(Broken::Expired)
    }

    /// Waits for the client's side, as long as time is left. After an error the client can be written to no more.
    pub(crate) async fn write<'c, T, F>(
        client: &'c mut Client,
        clock: &mut Clock,
        write: impl FnOnce(&'c mut Client) -> F,
    ) -> Result<T, Broken>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut write = pin!(write(client));
        poll_fn(|cx| match write.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(Broken::Client)),
            Poll::Pending => clock.poll(cx).map(|expired| Err(Broken::Expired(expired))),
        })
        .await
    }
}
