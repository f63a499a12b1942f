//! Our own answers, HTTP and gRPC: short, with the word that says why, and the request's id.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use pingora::http::ResponseHeader;
use tokio::time::timeout;

use super::context::Context;
use super::engine::{Client, ClientError, Kept};
use super::failure::Failure;
use super::forwarded::REQUEST_ID;
use crate::live::LiveRule;
use crate::table::filter::{Filters, HeadEdit};
use crate::table::rule::Action;
use crate::telemetry::outcome::Reason;

const REASON: HeaderName = HeaderName::from_static("x-pingway-reason");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Ends a request with a failure, unless the client has gone.
pub(crate) async fn fail(mut client: Client, mut context: Context<'_>, failure: Failure) -> Kept {
    let reason = failure.reason;
    // What was misread once is not read on; a connection to ourselves is of no use, and would wait at both its ends.
    if matches!(reason, Reason::BadRequest | Reason::Loop) {
        client.close_after();
    }
    if context.grpc {
        context.outcome.grpc_status = Some(failure.reason.grpc_status());
        context.answered(StatusCode::OK.as_u16(), Some(reason));
        let head = grpc_head(&mut context, failure);
        return send(client, context, head, Bytes::new()).await;
    }
    context.answered(failure.status.as_u16(), Some(reason));
    let head = head(&mut context, failure);
    send(client, context, head, Bytes::from_static(reason.as_str().as_bytes())).await
}

/// Ends a request with a redirect.
pub(crate) async fn redirect(
    client: Client,
    mut context: Context<'_>,
    (status, location): (StatusCode, HeaderValue),
    rule: Arc<LiveRule>,
) -> Kept {
    context.answered(status.as_u16(), None);
    let mut head = empty(status);
    head.set(&LOCATION, &location);
    head.set(&REQUEST_ID, context.request_id());
    if let Action::Redirect { filters: Filters { response_headers: Some(edits), .. }, .. } = &rule.rule.action {
        edits.apply(&mut head);
    }
    send(client, context, head, Bytes::new()).await
}

/// After the head of a gRPC response has gone out: the trailers that end the call.
pub(crate) fn grpc_trailers(context: &mut Context<'_>, failure: Failure) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(GRPC_STATUS, HeaderValue::from(failure.reason.grpc_status()));
    trailers.insert(GRPC_MESSAGE, grpc_message(context, failure));
    trailers
}

/// A gRPC status that an endpoint sent, in a head or in trailers.
pub(crate) fn grpc_status(fields: &HeaderMap) -> Option<u16> {
    fields.get(GRPC_STATUS)?.to_str().ok()?.trim().parse().ok()
}

async fn send(mut client: Client, mut context: Context<'_>, mut head: ResponseHeader, body: Bytes) -> Kept {
    if context.connection.is_closing() {
        client.close_after();
    }
    if !client.is_http2() || !context.grpc {
        head.set(&CONTENT_LENGTH, &HeaderValue::from(body.len()));
    }
    let sends_body = !body.is_empty() && context.method != Method::HEAD;
    context.measure(&head);
    if sends_body {
        context.outcome.response_bytes += body.len() as u64;
    }
    let limit = context.worker.settings.stream_idle_timeout;
    let sent = timeout(limit, async {
        client.send_head(Box::new(head), !sends_body).await?;
        if sends_body {
            client.send_body(body).await?;
            client.finish().await?;
        }
        Ok::<_, ClientError>(())
    });
    match sent.await {
        Ok(Ok(())) => {
            context.end(None);
            client.reuse().await
        }
        Ok(Err(_)) | Err(_) => Kept::Closed,
    }
}

fn empty(status: StatusCode) -> ResponseHeader {
    let parts = http::Response::new(()).into_parts().0;
    let mut head = ResponseHeader::from(parts);
    // A status is always a status.
    let _ = head.set_status(status);
    head
}

fn head(context: &mut Context<'_>, failure: Failure) -> ResponseHeader {
    let mut head = empty(failure.status);
    head.set(&CONTENT_TYPE, &HeaderValue::from_static("text/plain; charset=utf-8"));
    head.set(&REASON, &HeaderValue::from_static(failure.reason.as_str()));
    head.set(&REQUEST_ID, context.request_id());
    if failure.status == StatusCode::METHOD_NOT_ALLOWED {
        head.set(
            &http::header::ALLOW,
            &HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"),
        );
    }
    head
}

/// Trailers-Only: the status is in the head, and the stream ends with it.
fn grpc_head(context: &mut Context<'_>, failure: Failure) -> ResponseHeader {
    let mut head = empty(StatusCode::OK);
    head.set(&CONTENT_TYPE, &HeaderValue::from_static("application/grpc"));
    head.set(&GRPC_STATUS, &HeaderValue::from(failure.reason.grpc_status()));
    head.set(&GRPC_MESSAGE, &grpc_message(context, failure));
    head.set(&REASON, &HeaderValue::from_static(failure.reason.as_str()));
    head.set(&REQUEST_ID, context.request_id());
    head
}

/// The word and the request's id. An id that could not stand in a percent-encoded message is left out.
fn grpc_message(context: &mut Context<'_>, failure: Failure) -> HeaderValue {
    let id = context.request_id().to_str().unwrap_or_default();
    let plain = id.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%');
    let id = if plain { id } else { "" };
    let message = [failure.reason.as_str(), "; request id ", id].concat();
    HeaderValue::from_str(&message).unwrap_or_else(|_| HeaderValue::from_static(failure.reason.as_str()))
}
