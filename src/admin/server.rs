//! The thread that serves the pages.

use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::guard::{self, NotLoopback};
use super::route::Pages;
use super::{Ports, Sources};

/// Connections of a port at once; more wait.
const CONNECTIONS: usize = 32;
/// Longest time for a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// Longest time of a connection, so that one that is forgotten gives its place back.
const CONNECTION: Duration = Duration::from_secs(120);

/// Why the pages can't be served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The admin page on an address that others reach.
    #[error(transparent)]
    NotLoopback(#[from] NotLoopback),
    /// A port that can't be opened.
    #[error("{address} cannot be opened for {what} ({why}): {flag} ADDRESS:PORT names another")]
    Bind {
        /// Whose.
        what: &'static str,
        /// The flag that changes it.
        flag: &'static str,
        /// Which.
        address: SocketAddr,
        /// Why.
        why: io::Error,
    },
    /// The system gives no thread.
    #[error("no thread for the metrics and admin pages: {0}")]
    Thread(#[from] io::Error),
}

/// The running pages. Dropped, they end.
#[derive(Debug)]
pub struct Servers {
    /// Where metrics and health are.
    pub metrics: SocketAddr,
    /// Where the admin page is.
    pub admin: Option<SocketAddr>,
    /// Dropped with the rest, which ends the thread.
    _stop: oneshot::Sender<()>,
}

#[derive(Clone, Copy)]
enum Port {
    Metrics,
    Admin,
}

/// Opens the ports and serves them from a thread of its own, until the answer is dropped.
pub fn start(ports: Ports, sources: Sources) -> Result<Servers, StartError> {
    let admin = ports.admin.map(guard::loopback).transpose()?;
    let metrics = open("metrics and health", "--metrics", ports.metrics)?;
    let admin = admin.map(|address| open("the admin page", "--admin", address)).transpose()?;
    let (stop, stopped) = oneshot::channel();
    let servers = Servers {
        metrics: metrics.local_addr()?,
        admin: admin.as_ref().map(net::TcpListener::local_addr).transpose()?,
        _stop: stop,
    };
    let pages = Arc::new(Pages { sources, readiness: Default::default() });
    std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
        if let Err(error) = serve_all(metrics, admin, &pages, stopped) {
            tracing::error!("metrics and admin pages have ended: {error}");
        }
    })?;
    Ok(servers)
}

/// Serves both ports until it is stopped. The runtime is made and dropped here: elsewhere another may be running.
fn serve_all(
    metrics: net::TcpListener,
    admin: Option<net::TcpListener>,
    pages: &Arc<Pages>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let metrics = TcpListener::from_std(metrics)?;
        let admin = admin.map(TcpListener::from_std).transpose()?;
        tokio::select! {
            // Dropped, not sent: either way it is the end.
            _ = stopped => {}
            () = accept(metrics, Port::Metrics, pages.clone()) => {}
            () = async {
                match admin {
                    Some(admin) => accept(admin, Port::Admin, pages.clone()).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
        Ok(())
    });
    // A page that is being written is cut: the process ends.
    runtime.shutdown_background();
    served
}

fn open(what: &'static str, flag: &'static str, address: SocketAddr) -> Result<net::TcpListener, StartError> {
    let bind = || {
        let listener = net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|why| StartError::Bind { what, flag, address, why })
}

/// Accepts for ever.
async fn accept(listener: TcpListener, port: Port, pages: Arc<Pages>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let pages = pages.clone();
                connections.spawn(async move {
                    // A reader that takes too long is let go; there is nobody to tell.
                    let _ = timeout(CONNECTION, serve(stream, port, pages)).await;
                    drop(permit);
                });
            }
            // Out of file descriptors, as a rule: some will be given back.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(stream: TcpStream, port: Port, pages: Arc<Pages>) {
    let service = service_fn(|request: http::Request<Incoming>| {
        let pages = pages.clone();
        async move {
            Ok::<_, std::convert::Infallible>(match port {
                Port::Metrics => pages.metrics(&request),
                Port::Admin => pages.admin(request).await,
            })
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    // A reader that goes away, or speaks something else, costs nobody anything.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}
