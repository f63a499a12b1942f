//! The stand-in for ztunnel of one pod: what leaves the pod is accepted before anything is dialled, and goes on by HBONE; what
//! comes by HBONE is handed to the pod, or to its waypoint with the PROXY protocol's header ahead.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Method, Request, Response, StatusCode};
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Registry;
use super::certificates::{Credentials, identity};
use super::hbone::{self, CONNECTION_WINDOW, Pool, WINDOW, ends};
use super::mark::{OUTBOUND, connect_marked, original_destination, rules};
use super::proxy_header::header;
use super::splice::{Stream, reset, splice, splice_tcp};
use crate::namespace::Namespace;

/// The port of the inbound binding.
pub(crate) const BINDING: u16 = 15088;

/// Destinations that are refused, whatever the pod: ztunnel's own ports.
const OWN: [u16; 3] = [15001, 15006, 15008];

/// A pod's ztunnel.
pub(crate) struct Ztunnel {
    registry: Arc<Registry>,
    /// Whether the pod is a waypoint's, with the binding PROXY/15088.
    is_waypoint: bool,
    /// What the pod is to the mesh.
    pub(crate) credentials: Credentials,
    pool: Pool,
    dialled: Mutex<Vec<SocketAddr>>,
    came: Mutex<Vec<(String, SocketAddr)>>,
}

impl Ztunnel {
    /// Captures what leaves this namespace, and listens there.
    pub(crate) async fn start(
        namespace: &Namespace,
        registry: Arc<Registry>,
        credentials: Credentials,
        is_waypoint: bool,
    ) -> Arc<Self> {
        let (pool, dialled, came) = (Pool::default(), Mutex::default(), Mutex::default());
        let ztunnel = Arc::new(Self { registry, is_waypoint, credentials, pool, dialled, came });
        for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
            let ports = [OUTBOUND, hbone::PORT];
            let [outbound, inbound] = namespace.run(async move { ports.map(|port| listen((any, port).into())) }).await;
            namespace.spawn(ztunnel.clone().capture(outbound));
            namespace.spawn(ztunnel.clone().serve(inbound));
        }
        namespace.nft(&rules());
        ztunnel
    }

    /// What the pod dialled since the last call.
    pub(crate) fn take_dialled(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.dialled.lock().expect("no panic"))
    }

    /// Who asked for what of the pod, since the last call.
    pub(crate) fn take_came(&self) -> Vec<(String, SocketAddr)> {
        std::mem::take(&mut self.came.lock().expect("no panic"))
    }

    /// Breaks off all that left the pod by HBONE.
    pub(crate) async fn break_off(&self) {
        self.pool.break_off().await;
    }

    async fn capture(self: Arc<Self>, listener: TcpListener) {
        while let Ok((tcp, _)) = listener.accept().await {
            let ztunnel = self.clone();
            tokio::spawn(async move { ztunnel.leave(tcp).await });
        }
    }

    /// What left the pod, and is accepted already. Where nobody is, it is reset.
    async fn leave(&self, tcp: TcpStream) {
        let Ok(destination) = original_destination(&tcp) else { return reset(tcp) };
        let _ = tcp.set_nodelay(true);
        self.dialled.lock().expect("no panic").push(destination);
        match self.registry.next(destination.ip()) {
            Some(hop) => {
                let tls = self.credentials.client(&hop.identity);
                match self.pool.open((hop.address, hbone::PORT).into(), &tls, destination).await {
                    Ok((stream, _lease)) => splice(tcp, stream).await,
                    Err(_) => reset(tcp),
                }
            }
            None => match connect_marked(destination).await {
                Ok(plain) => splice_tcp(tcp, plain).await,
                Err(_) => reset(tcp),
            },
        }
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        let tls = TlsAcceptor::from(self.credentials.server());
        while let Ok((tcp, _)) = listener.accept().await {
            let (ztunnel, tls) = (self.clone(), tls.clone());
            tokio::spawn(async move {
                // Whoever is not of the mesh ends here.
                let _ = ztunnel.connection(tcp, tls).await;
            });
        }
    }

    async fn connection(self: Arc<Self>, tcp: TcpStream, tls: TlsAcceptor) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        let (peer, local) = ends(&tcp)?;
        let stream = tls.accept(tcp).await?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let identity = certificates.first().and_then(identity).ok_or(io::ErrorKind::PermissionDenied)?;
        let caller = Arc::new(Caller { peer, local, identity });
        let mut builder = h2::server::Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        let mut connection = builder.handshake::<_, Bytes>(stream).await.map_err(io::Error::other)?;
        while let Some(Ok((request, respond))) = connection.accept().await {
            let (ztunnel, caller) = (self.clone(), caller.clone());
            tokio::spawn(async move {
                // A peer that goes away in the middle is its own affair.
                let _ = ztunnel.arrive(&caller, request, respond).await;
            });
        }
        Ok(())
    }

    async fn arrive(
        &self,
        caller: &Caller,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) -> Result<(), h2::Error> {
        let answer = |status| Response::builder().status(status).body(()).expect("a response");
        let destination = request.uri().authority().and_then(|it| it.as_str().parse::<SocketAddr>().ok());
        let destination = destination.filter(|it| request.method() == Method::CONNECT && !OWN.contains(&it.port()));
        let Some(destination) = destination else {
            respond.send_response(answer(StatusCode::BAD_REQUEST), true)?;
            return Ok(());
        };
        self.came.lock().expect("no panic").push((caller.identity.clone(), destination));
        let Ok(mut tcp) = self.hand_to(caller.local.ip(), destination).await else {
            respond.send_response(answer(StatusCode::SERVICE_UNAVAILABLE), true)?;
            return Ok(());
        };
        let send = respond.send_response(answer(StatusCode::OK), false)?;
        let ahead = header(caller.peer, destination, Some(&caller.identity));
        if self.is_waypoint && tcp.write_all(&ahead).await.is_err() {
            return Ok(());
        }
        splice(tcp, Stream { send, receive: request.into_body() }).await;
        Ok(())
    }

    /// Connects to what serves in the pod: the waypoint, whatever was dialled, on the loopback of the family by which the pod
    /// was reached; else what was dialled, if that is the pod's.
    async fn hand_to(&self, own: IpAddr, destination: SocketAddr) -> io::Result<TcpStream> {
        let loopback = if own.is_ipv4() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { Ipv6Addr::LOCALHOST.into() };
        let to = if self.is_waypoint { SocketAddr::new(loopback, BINDING) } else { destination };
        if !self.is_waypoint && destination.ip() != own {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let tcp = connect_marked(to).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }
}

/// The other end of a connection of HBONE.
struct Caller {
    peer: SocketAddr,
    /// The pod's address that it connected to.
    local: SocketAddr,
    identity: String,
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() };
    let socket = socket.expect("a socket");
    if address.is_ipv6() {
        SockRef::from(&socket).set_only_v6(true).expect("an option");
    }
    socket.bind(address).expect("a port of an empty namespace");
    socket.listen(4096).expect("a socket")
}
