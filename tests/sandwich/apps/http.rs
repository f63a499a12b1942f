//! The backends' HTTP: it tells each request, holds some, and sends some back as they come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONNECTION, TE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use crate::support::{Body, text};

/// Requests that wait for each other, in whichever pod, by name.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<HashMap<String, watch::Sender<usize>>>>);

impl Held {
    /// Waits until so many have come by this name.
    async fn wait(&self, name: &str, all: usize) {
        let mut count = self.come(name);
        let _ = count.wait_for(|count| *count >= all).await;
    }

    /// One more comes by this name. Answers how many have.
    pub(crate) fn come(&self, name: &str) -> watch::Receiver<usize> {
        let mut held = self.0.lock().expect("no panic");
        let sender = held.entry(name.to_owned()).or_insert_with(|| watch::Sender::new(0));
        sender.send_modify(|count| *count += 1);
        sender.subscribe()
    }
}

/// Tells the request, in JSON. `/hold/NAME/NUMBER`: once so many have come. `/echo`: sends back its body as it comes, with
/// trailers where they are taken. An upgrade: sends back what comes then.
pub(super) async fn answer(pod: &str, held: Held, mut request: Request<Incoming>) -> Response<Body> {
    if let Some(protocol) = request.headers().get(UPGRADE).cloned() {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move { echo(upgrade.await?).await });
        let response = Response::builder().status(101).header(CONNECTION, "upgrade").header(UPGRADE, protocol);
        return response.body(Full::default().map_err(|never| match never {}).boxed()).expect("a response");
    }
    let (head, body) = request.into_parts();
    if head.uri.path() == "/echo" {
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from(0))]);
        let body = body.map_err(Into::into);
        return Response::new(match head.headers.contains_key(TE) {
            true => body.with_trailers(async { Some(Ok(trailers)) }).boxed(),
            false => body.boxed(),
        });
    }
    if let Some((name, all)) = head.uri.path().strip_prefix("/hold/").and_then(|rest| rest.split_once('/')) {
        held.wait(name, all.parse().expect("a number")).await;
    }
    let body = body.collect().await.map_or(Bytes::new(), http_body_util::Collected::to_bytes);
    let told = json!({
        "pod": pod, "method": head.method.as_str(), "path": head.uri.path(), "version": format!("{:?}", head.version),
        "headers": fields(&head.headers), "body": String::from_utf8_lossy(&body),
    });
    text(200, told.to_string())
}

async fn echo(upgraded: Upgraded) -> hyper::Result<()> {
    let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
    // A client that goes away in the middle is its own affair.
    let _ = tokio::io::copy(&mut read, &mut write).await;
    let _ = write.shutdown().await;
    Ok(())
}

fn fields(headers: &HeaderMap) -> Map<String, Value> {
    let mut fields = Map::new();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        fields.insert(name.to_string(), values.join(", ").into());
    }
    fields
}
