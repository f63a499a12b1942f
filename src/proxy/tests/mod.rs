//! The request path up to the point where a request can be read, over real sockets. No route is served here: every request
//! is answered 404.

mod drain;
mod http1;
mod http2;
mod listeners;
mod tls;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{Running, start};
use crate::live::tls::SocketTls;
use crate::live::{Serving, SocketServing};
use crate::settings::Settings;
use crate::snapshot::{Observed, Socket};
use crate::table::lookup::PortIndex;
use crate::telemetry::Telemetry;

const PATIENCE: Duration = Duration::from_secs(20);

/// The request path, and both ends of what it is wired to.
struct Bed {
    running: Running,
    serving: Arc<ArcSwap<Serving>>,
    published: watch::Sender<u64>,
    observed: watch::Receiver<Observed>,
}

/// Listener ports of the tests; each is mapped to one that the system chooses.
const PORTS: [u16; 4] = [80, 81, 82, 443];

fn socket(port: u16) -> Socket {
    Socket { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), port }
}

fn settings() -> Settings {
    Settings { workers: 2, port_map: PORTS.iter().map(|port| (*port, 0)).collect(), ..Settings::default() }
}

impl Bed {
    fn start(settings: Settings) -> Self {
        let serving = Arc::new(ArcSwap::from_pointee(Serving::default()));
        let (published, publications) = watch::channel(0);
        let (facts, observed) = watch::channel(Observed::default());
        let telemetry = Arc::new(Telemetry::default());
        let running = start(Arc::new(settings), serving.clone(), publications, telemetry, facts).unwrap();
        Self { running, serving, published, observed }
    }

    /// Publishes sockets without routes.
    fn publish(&self, sockets: Vec<(Socket, Option<SocketTls>)>) {
        let generation = self.serving.load().generation + 1;
        let index = || PortIndex::new(&[], None, |_, _| unreachable!("no host"));
        let bare = |tls| Arc::new(SocketServing { index: index(), tls, denied: None });
        let sockets = sockets.into_iter().map(|(socket, tls)| (socket, bare(tls))).collect();
        self.serving.store(Arc::new(Serving { generation, sockets, ..Serving::default() }));
        self.published.send_replace(generation);
    }

    /// Publishes plain sockets; answers where they are bound.
    async fn listen<const N: usize>(&self, ports: [u16; N]) -> [SocketAddr; N] {
        self.publish(ports.iter().map(|port| (socket(*port), None)).collect());
        let mut addresses = self.running.addresses();
        let wanted = |now: &super::Addresses| now.len() == N && ports.iter().all(|p| now.contains_key(&socket(*p)));
        let now = in_time(addresses.wait_for(wanted)).await.unwrap().clone();
        ports.map(|port| now[&socket(port)])
    }
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// Sends bytes, then reads one response with its body; answers its head, in lower case.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    in_time(response(stream)).await
}

/// Reads one response with its body, and not a byte more; answers its head, in lower case.
async fn response<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a whole response head"));
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    head
}

/// Reads to the end of the stream; answers what came. A reset counts as an end.
async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = in_time(stream.read_to_end(&mut rest)).await;
    rest
}

async fn connect(address: SocketAddr) -> TcpStream {
    in_time(TcpStream::connect(address)).await.unwrap()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";
