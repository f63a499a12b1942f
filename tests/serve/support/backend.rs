//! Backends: small servers on ports of the system's choice.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Where backends are unless they say otherwise.
const LOOPBACK: &str = "127.0.0.1:0";

/// A body of an answer.
pub(crate) type Body = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A request that came.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its head.
    pub(crate) head: Parts,
    /// Its body.
    pub(crate) body: Bytes,
}

/// A server on loopback; HTTP/1 and HTTP/2 with prior knowledge. Ends with its drop.
pub(crate) struct Backend {
    /// Where it is.
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

/// An answer with a body.
pub(crate) fn text(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
    Response::builder().status(status).body(body).expect("valid")
}

impl Backend {
    /// Answers every request 200 with its own name, and remembers the request.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::remembering(move |_| text(200, name)).await
    }

    /// Answers by the request, and remembers it.
    pub(crate) async fn remembering(answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let answer = Arc::new(answer);
        let remembered = seen.clone();
        let mut backend = Self::with(move |request| {
            let (answer, remembered) = (answer.clone(), remembered.clone());
            async move {
                let (head, body) = request.into_parts();
                let Ok(body) = body.collect().await else { return text(400, "the body broke off") };
                let request = Seen { head, body: body.to_bytes() };
                let response = answer(&request);
                remembered.lock().expect("no panic").push(request);
                response
            }
        })
        .await;
        backend.seen = seen;
        backend
    }

    /// Answers by a function of the request as it comes; its connection can be upgraded.
    pub(crate) async fn with<F>(answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::on(LOOPBACK, answer).await
    }

    /// The same, on an address.
    pub(crate) async fn on<F>(
        address: &str,
        answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::raw_on(address, move |stream| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let response = answer(request);
                    async move { Ok::<_, Infallible>(response.await) }
                });
                let builder = Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    /// Does as it likes with each connection.
    pub(crate) async fn raw<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::raw_on(LOOPBACK, serve).await
    }

    /// The same, on an address.
    pub(crate) async fn raw_on<F>(address: &str, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
            }
        });
        Self { address, seen: Arc::default(), task }
    }

    /// The requests that came since the last call, where it remembers.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}
