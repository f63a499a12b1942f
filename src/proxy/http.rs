//! A request's steps in order, nothing else.

use super::connection::Connection;
use super::context::Context;
use super::engine::{Downstream, Kept, Opening};
use super::exchange::Exchange;
use super::forward::forward;
use super::respond;
use super::route::{Routed, route};
use super::worker::Worker;

/// Serves one request: reads it, routes it, forwards or answers it, records it.
///
/// Answers what the connection may go on with: HTTP/1 keep-alive continues on the stream in [`Kept`].
pub(crate) async fn serve(downstream: Downstream, connection: &Connection, worker: &Worker) -> Kept {
    let (mut head, mut client) = match downstream.open(worker.settings.client_head_timeout).await {
        Opening::Request(head, client) => (head, client),
        Opening::Nothing => return Kept::Closed,
        Opening::Refused(refusal, client) => {
            let context = Context::without_head(connection, worker);
            return Box::pin(respond::fail(client, context, refusal.into())).await;
        }
    };
    let mut context = Context::new(&head, client.is_http2(), connection, worker);
    match route(&mut head, client.body_done(), &mut context) {
        Routed::Forward(to) => {
            let mut exchange = Exchange::new(client, context, to.rule.rule.timeouts.request);
            let ending = forward(&mut exchange, head, &to).await;
            ending.conclude(exchange, &to).await
        }
        Routed::Redirect(answer, rule) => Box::pin(respond::redirect(client, context, answer, rule)).await,
        Routed::Fail(failure) => Box::pin(respond::fail(client, context, failure)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a future takes, by the function that makes it.
    fn size_of_future<F, A, B, C>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// Every connection holds the future of its requests, between two of them too.
    #[test]
    fn what_a_connection_holds_for_a_request_is_small() {
        let size = size_of_future(|downstream, connection: &'static Connection, worker: &'static Worker| {
            serve(downstream, connection, worker)
        });
        assert!(size <= 4096, "{size} bytes");
    }
}
