//! A backend that answers what it got: HTTP/1.1 and HTTP/2, gRPC, WebSocket.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{
    CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};

type Body = BoxBody<Bytes, hyper::Error>;

/// Accepts for ever. `name`: what it calls itself in its answers.
pub(super) async fn serve(listener: TcpListener, name: Arc<str>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, as a rule: some will be given back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let name = name.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, name.clone()));
            // A proxy that goes away in the middle is its own affair.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(mut request: Request<Incoming>, name: Arc<str>) -> Result<Response<Body>, Infallible> {
    let mut heard = heard(&request, &name);
    let is = |header, word: &str| {
        request
            .headers()
            .get(header)
            .is_some_and(|value: &HeaderValue| value.to_str().is_ok_and(|v| v.starts_with(word)))
    };
    if is(CONTENT_TYPE, "application/grpc") {
        return Ok(grpc(request));
    }
    if is(UPGRADE, "websocket")
        && let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY)
    {
        let accept = derive_accept_key(key.as_bytes());
        tokio::spawn(websocket(hyper::upgrade::on(&mut request), format!("{heard:#}\n")));
        return Ok(switching(&accept));
    }
    // All of the request is read before the answer, as most backends do.
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    heard["body_bytes"] = body.len().into();
    let heard = Bytes::from(format!("{heard:#}\n"));
    let mut response = Response::new(Full::new(heard).map_err(|never| match never {}).boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// What came, as JSON for people.
fn heard(request: &Request<Incoming>, name: &str) -> serde_json::Value {
    let mut headers = BTreeMap::<&str, Vec<_>>::new();
    for (header, value) in request.headers() {
        headers.entry(header.as_str()).or_default().push(String::from_utf8_lossy(value.as_bytes()));
    }
    let headers: BTreeMap<_, _> = headers.into_iter().map(|(name, values)| (name, values.join(", "))).collect();
    let host = request.uri().authority().map(ToString::to_string);
    serde_json::json!({
        "backend": name,
        "protocol": format!("{:?}", request.version()),
        "method": request.method().as_str(),
        "host": host.or_else(|| headers.get("host").cloned()),
        "path": request.uri().path_and_query().map(ToString::to_string),
        "headers": headers,
    })
}

/// Any method, unary or streaming: each message that comes goes back.
fn grpc(request: Request<Incoming>) -> Response<Body> {
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let messages = request.into_body().map_frame(|frame| {
        // The client's trailers, if any, are not the answer's.
        frame.into_data().map_or_else(|_| hyper::body::Frame::data(Bytes::new()), hyper::body::Frame::data)
    });
    let mut response = Response::new(messages.with_trailers(async move { Some(Ok(trailers)) }).boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn switching(accept: &str) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// Greets with what it got, then sends back each message, until the client closes.
async fn websocket(upgrade: OnUpgrade, greeting: String) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let mut next = Some(Message::text(greeting));
    while let Some(message) = next {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
        next = socket.next().await.and_then(Result::ok);
    }
}
