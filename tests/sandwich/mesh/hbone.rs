//! HBONE: CONNECT over HTTP/2 over mTLS, on port 15008. Connections are pooled, with at most 100 streams each, as ztunnel's are.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request, StatusCode};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::mark::connect_marked;
use super::splice::Stream;

/// The port.
pub(crate) const PORT: u16 = 15008;

/// The most streams of a connection.
const STREAMS: usize = 100;
/// What a peer may send before it is read, of a stream and of a connection.
pub(super) const WINDOW: u32 = 4 << 20;
pub(super) const CONNECTION_WINDOW: u32 = 16 << 20;

/// The connections to each peer.
#[derive(Default)]
pub(crate) struct Pool(Mutex<HashMap<SocketAddr, Vec<Arc<Connection>>>>);

/// A connection, and how many streams it has.
struct Connection {
    requests: SendRequest<Bytes>,
    streams: AtomicUsize,
    driver: AbortHandle,
}

/// One of a connection's streams, while it lives.
pub(crate) struct Lease(Arc<Connection>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// Asks the ztunnel at `peer` to connect to `authority`.
    ///
    /// # Errors
    /// It cannot be reached, is not who it should be, or refuses.
    pub(crate) async fn open(
        &self,
        peer: SocketAddr,
        tls: &Arc<ClientConfig>,
        authority: SocketAddr,
    ) -> io::Result<(Stream, Lease)> {
        let lease = self.lease(peer, tls).await?;
        let stream = ask(lease.0.requests.clone(), authority).await?;
        Ok((stream, lease))
    }

    /// Breaks off all connections, as a ztunnel does that is restarted.
    pub(super) async fn break_off(&self) {
        let connections = std::mem::take(&mut *self.0.lock().await);
        connections.into_values().flatten().for_each(|connection| connection.driver.abort());
    }

    async fn lease(&self, peer: SocketAddr, tls: &Arc<ClientConfig>) -> io::Result<Lease> {
        let mut pool = self.0.lock().await;
        let connections = pool.entry(peer).or_default();
        let free = connections.iter().find(|connection| connection.streams.load(Ordering::Relaxed) < STREAMS);
        let connection = match free {
            Some(connection) => connection.clone(),
            None => {
                let (requests, driver) = connect(peer, tls.clone()).await?;
                connections.push(Arc::new(Connection { requests, streams: AtomicUsize::new(0), driver }));
                connections.last().expect("pushed").clone()
            }
        };
        connection.streams.fetch_add(1, Ordering::Relaxed);
        Ok(Lease(connection))
    }
}

/// A connection of HBONE to a ztunnel, and what drives it.
///
/// # Errors
/// It cannot be reached, or one of both is not who the other expects.
pub(crate) async fn connect(peer: SocketAddr, tls: Arc<ClientConfig>) -> io::Result<(SendRequest<Bytes>, AbortHandle)> {
    let tcp = connect_marked(peer).await?;
    tcp.set_nodelay(true)?;
    // The identity is what is verified: no name is asked for.
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::UNSPECIFIED));
    let stream = TlsConnector::from(tls).connect(name, tcp).await?;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
    let (requests, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok((requests, driver.abort_handle()))
}

/// CONNECT.
///
/// # Errors
/// It is refused.
pub(crate) async fn ask(requests: SendRequest<Bytes>, authority: SocketAddr) -> io::Result<Stream> {
    let request = Request::builder().method(Method::CONNECT).uri(authority.to_string()).body(());
    let mut requests = requests.ready().await.map_err(io::Error::other)?;
    let (response, send) = requests.send_request(request.expect("an authority"), false).map_err(io::Error::other)?;
    let response = response.await.map_err(io::Error::other)?;
    match response.status() {
        StatusCode::OK => Ok(Stream { send, receive: response.into_body() }),
        status => Err(io::Error::other(format!("CONNECT {authority}: {status}"))),
    }
}

/// What is known of a peer that connected: its address, and ours that it connected to.
pub(super) fn ends(tcp: &TcpStream) -> io::Result<(SocketAddr, SocketAddr)> {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Ok((canonical(tcp.peer_addr()?), canonical(tcp.local_addr()?)))
}
