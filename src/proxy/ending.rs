//! How an exchange ends: whole, broken off, answered by us, or as a tunnel.

use http::StatusCode;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Version};
use pingora::http::ResponseHeader;

use super::attempt::Answered;
use super::context::Context;
use super::deadline::Clock;
use super::engine::{Client, Kept};
use super::exchange::Exchange;
use super::failure::{Broken, Failure};
use super::hop_by_hop::strip_response;
use super::respond;
use super::route::Forward;
use super::tunnel::Tunnel;
use crate::table::filter::HeadEdit;
use crate::telemetry::label::ConnectionProtocol;
use crate::telemetry::outcome::Reason;

/// How an exchange is to end.
pub(crate) enum Ending {
    /// The response was sent whole.
    Whole,
    /// Nothing was sent: this is the answer.
    Fail(Failure),
    /// The client has gone.
    Gone,
    /// The response's head was sent, and the rest will not be.
    Cut(Reason),
    /// The endpoint has switched protocols.
    Switched(Answered),
}

impl Ending {
    /// Of an exchange that broke before the response's head.
    pub(crate) fn before_head(broken: &Broken) -> Self {
        broken.failure().map_or(Self::Gone, Self::Fail)
    }

    /// Of an exchange that broke after the response's head.
    pub(crate) fn after_head(broken: &Broken) -> Self {
        match broken {
            Broken::Client(_) => Self::Gone,
            _ => Self::Cut(broken.reason_of_cut()),
        }
    }

    /// Ends an exchange. What is rare is boxed, to keep what waits for an endpoint small.
    pub(crate) async fn conclude(self, exchange: Exchange<'_>, to: &Forward) -> Kept {
        let Exchange { client, context, .. } = exchange;
        match self {
            Self::Whole => {
                context.end(None);
                client.reuse().await
            }
            Self::Fail(failure) => Box::pin(respond::fail(client, context, failure)).await,
            Self::Gone => {
                context.end(Some(Reason::ClientAborted));
                Box::pin(client.reset()).await;
                Kept::Closed
            }
            Self::Cut(reason) => Box::pin(cut(client, context, reason)).await,
            Self::Switched(answered) => Box::pin(upgrade(client, context, answered, to)).await,
        }
    }
}

/// The client is not to take a response for whole that is not. A gRPC call ends with a status, so that a deadline is not
/// taken for an outage.
async fn cut(mut client: Client, mut context: Context<'_>, reason: Reason) -> Kept {
    if context.grpc {
        let failure = Failure::new(StatusCode::OK, reason);
        context.outcome.grpc_status = Some(failure.reason.grpc_status());
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
async fn upgrade(mut client: Client, mut context: Context<'_>, answered: Answered, to: &Forward) -> Kept {
    let Answered { mut head, upstream, in_flight } = answered;
    let mut clock = Clock::default();
    clock.watch_idleness(Some(context.worker.settings.stream_idle_timeout));
    prepare(&mut head, to);
    context.answered(head.status.as_u16(), None);
    context.measure(&head);
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
    tunnel.close(ended.is_err());
    drop(in_flight);
    Kept::Closed
}

/// The head of a 101 for the client: with the fields that make it one.
fn prepare(head: &mut ResponseHeader, to: &Forward) {
    let protocol = head.headers.get(UPGRADE).cloned();
    strip_response(head);
    to.edit_response(head);
    head.set_version(Version::HTTP_11);
    head.set(&CONNECTION, &HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        head.set(&UPGRADE, &protocol);
    }
}
