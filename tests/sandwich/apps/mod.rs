//! What serves in the backends' pods.

mod bytes;
mod http;
mod settings;
mod tls;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use http::Held;
pub(crate) use tls::NAME as TLS_NAME;
use tokio::net::TcpStream;
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
/// One that breaks off in the middle.
pub(crate) const BREAKING: u16 = 9006;
/// Programs of other makes, where a line starts them.
pub(crate) const PYTHON: u16 = 8000;
pub(crate) const NGHTTPD: u16 = 8001;
/// Nobody listens there, nor on the next.
pub(crate) const CLOSED: u16 = 9;

/// What serves in a pod.
pub(crate) struct Apps {
    _servers: Vec<Backend>,
    /// What came there.
    pub(crate) record: Arc<Record>,
    /// What HTTPS shows.
    pub(crate) certificate: Certificate,
}

/// What came to a pod.
#[derive(Default)]
pub(crate) struct Record {
    requests: AtomicUsize,
    /// What clients sent to the hasty server, after its end.
    pub(crate) kept: watch::Sender<Vec<u8>>,
    /// Connections of bytes that a client broke off.
    pub(crate) broken: watch::Sender<usize>,
    /// Connections of HTTP/2 on which a request came before SETTINGS.
    pub(crate) early: AtomicUsize,
}

impl Record {
    /// The number of requests since the last call.
    pub(crate) fn take_requests(&self) -> usize {
        self.requests.swap(0, Ordering::Relaxed)
    }
}

impl Apps {
    /// Starts them.
    pub(crate) async fn start(pod: &'static str, namespace: &Namespace, held: Held) -> Self {
        let record = Arc::<Record>::default();
        let certificate = Certificate::new(&[TLS_NAME]);
        let (shared, tls) = (record.clone(), tls::acceptor(&certificate));
        let start = async move {
            let counted = shared.clone();
            let answer = move |request| {
                counted.requests.fetch_add(1, Ordering::Relaxed);
                http::answer(pod, held.clone(), request)
            };
            vec![
                Backend::on(&at(HTTP), answer).await,
                serve(HTTPS, &shared, move |stream, _| tls::serve(stream, tls.clone())).await,
                serve(GREETER, &shared, move |stream, _| bytes::greet(stream, pod)).await,
                serve(SINK, &shared, |stream, _| bytes::count(stream)).await,
                serve(ECHOING, &shared, |stream, _| bytes::echo(stream)).await,
                serve(HASTY, &shared, bytes::haste).await,
                serve(BREAKING, &shared, |stream, _| bytes::break_off(stream)).await,
                serve(LATE_SETTINGS, &shared, settings::late).await,
            ]
        };
        Self { _servers: namespace.run(start).await, record, certificate }
    }
}

/// Serves each connection to a port, and counts those that a client breaks off.
async fn serve<F>(
    port: u16,
    record: &Arc<Record>,
    serve: impl Fn(TcpStream, Arc<Record>) -> F + Send + 'static,
) -> Backend
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let record = record.clone();
    Backend::raw_on(&at(port), move |stream| {
        let (served, record) = (serve(stream, record.clone()), record.clone());
        async move {
            if served.await.is_err() {
                record.broken.send_modify(|count| *count += 1);
            }
        }
    })
    .await
}

fn at(port: u16) -> String {
    format!("[::]:{port}")
}
