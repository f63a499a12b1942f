//! What serves in the backends' pods.

mod bytes;
mod http;
mod settings;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use http::Held;
pub(crate) use tls::NAME as TLS_NAME;
use tokio::sync::watch;

use crate::namespace::Namespace;
use crate::support::{Backend, Certificate};

/// HTTP/1.1, and HTTP/2 with prior knowledge.
pub(crate) const HTTP: u16 = 8080;
/// HTTP over TLS.
pub(crate) const HTTPS: u16 = 8443;
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
    /// What HTTPS shows.
    pub(crate) certificate: Certificate,
}

impl Apps {
    /// Starts them.
    pub(crate) async fn start(pod: &'static str, namespace: &Namespace, held: Held) -> Self {
        let requests = Arc::<AtomicUsize>::default();
        let count = requests.clone();
        let answer = move |request| {
            count.fetch_add(1, Ordering::Relaxed);
            http::answer(pod, held.clone(), request)
        };
        let certificate = Certificate::new(&[TLS_NAME]);
        let tls = tls::acceptor(&certificate);
        let (keep, kept) = watch::channel(Vec::new());
        let keep = Arc::new(keep);
        let early = Arc::<AtomicUsize>::default();
        let told = early.clone();
        let start = async move {
            let at = |port: u16| format!("[::]:{port}");
            vec![
                Backend::on(&at(HTTP), answer).await,
                Backend::raw_on(&at(GREETER), move |stream| done(bytes::greet(stream, pod))).await,
                Backend::raw_on(&at(HTTPS), move |stream| done(tls::serve(stream, tls.clone()))).await,
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
        Self { _servers: namespace.run(start).await, requests, kept, early, certificate }
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
