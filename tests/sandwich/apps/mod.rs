//! What serves in the backends' pods.

mod bytes;
mod settings;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ::bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::namespace::Namespace;
use crate::support::{Backend, Body, text};

/// HTTP/1.1, and HTTP/2 with prior knowledge.
pub(crate) const HTTP: u16 = 8080;
/// A server that speaks first.
pub(crate) const GREETER: u16 = 9001;
/// One that waits for its client's end.
pub(crate) const SINK: u16 = 9002;
/// One that ends its own direction first.
pub(crate) const HASTY: u16 = 9003;
/// One that sends back what it is sent.
pub(crate) const ECHOING: u16 = 9004;
/// HTTP/2, whose SETTINGS come late.
pub(crate) const LATE_SETTINGS: u16 = 9005;
/// Nobody listens there, nor on the next.
pub(crate) const CLOSED: u16 = 9;

/// What serves in a pod.
pub(crate) struct Apps {
    _servers: Vec<Backend>,
    requests: Arc<AtomicUsize>,
    /// What clients sent to those that end their own direction first.
    pub(crate) kept: watch::Receiver<Vec<u8>>,
    /// Connections of HTTP/2 on which a request came before SETTINGS.
    pub(crate) early: Arc<AtomicUsize>,
}

/// Requests that wait for each other, in whichever pod, by name.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<HashMap<String, watch::Sender<usize>>>>);

impl Apps {
    /// Starts them.
    pub(crate) async fn start(pod: &'static str, namespace: &Namespace, held: Held) -> Self {
        let requests = Arc::<AtomicUsize>::default();
        let count = requests.clone();
        let answer = move |request: Request<Incoming>| {
            count.fetch_add(1, Ordering::Relaxed);
            http(pod, held.clone(), request)
        };
        let (keep, kept) = watch::channel(Vec::new());
        let keep = Arc::new(keep);
        let early = Arc::<AtomicUsize>::default();
        let told = early.clone();
        let start = async move {
            let at = |port: u16| format!("[::]:{port}");
            vec![
                Backend::on(&at(HTTP), answer).await,
                Backend::raw_on(&at(GREETER), move |stream| done(bytes::greet(stream, pod))).await,
                Backend::raw_on(&at(SINK), |stream| done(bytes::count(stream))).await,
                Backend::raw_on(&at(ECHOING), |stream| done(bytes::echo(stream))).await,
                Backend::raw_on(&at(HASTY), move |stream| {
                    let keep = keep.clone();
                    async move {
                        keep.send_replace(bytes::haste(stream).await.unwrap_or_default());
                    }
                })
                .await,
                Backend::raw_on(&at(LATE_SETTINGS), move |stream| {
                    let told = told.clone();
                    async move {
                        let _ = settings::late(stream, &told).await;
                    }
                })
                .await,
            ]
        };
        Self { _servers: namespace.run(start).await, requests, kept, early }
    }

    /// The number of requests since the last call.
    pub(crate) fn take_requests(&self) -> usize {
        self.requests.swap(0, Ordering::Relaxed)
    }
}

/// A client that goes away in the middle is its own affair.
async fn done(serving: impl Future<Output = std::io::Result<()>>) {
    let _ = serving.await;
}

impl Held {
    /// Waits until so many have come by this name.
    async fn wait(&self, name: &str, all: usize) {
        let mut count = {
            let mut held = self.0.lock().expect("no panic");
            let sender = held.entry(name.to_owned()).or_insert_with(|| watch::Sender::new(0));
            sender.send_modify(|count| *count += 1);
            sender.subscribe()
        };
        let _ = count.wait_for(|count| *count >= all).await;
    }
}

/// Tells the request, in JSON. `/hold/NAME/NUMBER`: once so many have come.
async fn http(pod: &str, held: Held, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
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

fn fields(headers: &HeaderMap) -> Map<String, Value> {
    let mut fields = Map::new();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        fields.insert(name.to_string(), values.join(", ").into());
    }
    fields
}
