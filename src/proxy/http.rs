//! A request's steps in order, nothing else.

use super::connection::Connection;
use super::context::Context;
use super::engine::{Downstream, Kept, Opening};
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
            return respond::fail(client, Context::without_head(connection, worker), refusal.into()).await;
        }
    };
    let mut context = Context::new(&head, client.is_http2(), connection, worker);
    match route(&mut head, client.body_done(), &mut context) {
        Routed::Forward(to) => forward(client, head, to, context).await,
        Routed::Redirect(answer, filters) => respond::redirect(client, context, answer, &filters).await,
        Routed::Fail(failure) => respond::fail(client, context, failure).await,
    }
}
