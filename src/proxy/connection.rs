//! A client's connection: from the accepted socket to sessions that a request can be read from.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ::http::HeaderValue;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connections::{Accepted, Connections, Seat, Wait};
use super::drain::Drain;
use super::engine::{Kept, server};
use super::inbound::{self, Handed, Identity, To, Way};
use super::io::Io;
use super::sniff::{self, Speaks};
use super::worker::{Phase, Worker};
use super::{forwarded, http, tcp, tls};
use crate::api::Pod;
use crate::live::Workloads;
use crate::snapshot::Socket;
use crate::telemetry::OpenConnection;
use crate::telemetry::access_log::SentTo;
use crate::telemetry::label::{ConnectionProtocol, InboundRefusal};

/// What every request of a connection shares.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Who opened the socket.
    pub(crate) peer: SocketAddr,
    /// Our side of the socket.
    pub(crate) local: SocketAddr,
    /// The socket that accepted it, or the listener's that was dialled: the key into `Serving::sockets`.
    pub(crate) socket: Socket,
    /// What is known of it where ztunnel handed it over; `None`: it came by itself.
    pub(crate) handed: Option<Handed>,
    /// The server name that TLS was opened with, lower case, empty where the client sent none; `None` without TLS.
    pub(crate) server_name: Option<Box<str>>,
    drain: Arc<Drain>,
    open: Mutex<OpenConnection>,
    forwarded_for: OnceLock<HeaderValue>,
}

impl Connection {
    /// A connection of which nothing else is known yet.
    pub(crate) fn new(
        peer: SocketAddr,
        local: SocketAddr,
        socket: Socket,
        drain: Arc<Drain>,
        open: OpenConnection,
    ) -> Self {
        Self {
            peer: plain(peer),
            local: plain(local),
            socket,
            handed: None,
            server_name: None,
            drain,
            open: Mutex::new(open),
            forwarded_for: OnceLock::new(),
        }
    }

    /// Whether it takes no further request: an HTTP/1 response says `Connection: close`. (HTTP/2 gets GOAWAY without the
    /// help of its streams.) Read it as late as possible, when the response's head is written.
    pub(crate) fn is_closing(&self) -> bool {
        self.drain.has_begun()
    }

    /// The peer's address as endpoints are told it.
    pub(crate) fn forwarded_for(&self) -> &HeaderValue {
        self.forwarded_for.get_or_init(|| forwarded::peer_value(self.peer.ip()))
    }

    /// The port that the client dialled, before any mapping of the command line.
    pub(crate) fn port(&self) -> u16 {
        if self.is_to_service() { self.local.port() } else { self.socket.port }
    }

    /// Where the client sent it, before any mapping of the command line.
    pub(crate) fn sent_to(&self) -> SentTo {
        match &self.handed {
            Some(handed) if handed.to != To::Listener => SentTo::Dialled(self.local),
            _ => SentTo::Listener(self.socket.port),
        }
    }

    /// The client, by mTLS.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.handed.as_ref()?.identity.as_ref()
    }

    /// The namespace of that identity.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.identity().map(Identity::namespace)
    }

    /// The client, by mTLS, as applications are told it; `None`: they are not.
    pub(crate) fn client_cert(&self) -> Option<&HeaderValue> {
        self.handed.as_ref()?.client_cert.as_ref()
    }

    /// The client's pod, where ztunnel handed it over; `None`: none that is seen, or not yet. A pod may call before its address is told.
    pub(crate) fn source(&self, workloads: &Workloads) -> Option<&Arc<Pod>> {
        let source = &self.handed.as_ref()?.source;
        if source.get().is_none()
            && let Some(pod) = workloads.at(self.peer.ip())
        {
            let _ = source.set(pod);
        }
        source.get()
    }

    /// Whether the client dialled an enrolled Service.
    fn is_to_service(&self) -> bool {
        self.handed.as_ref().is_some_and(|handed| handed.to == To::Service)
    }

    /// How it learns that it is to end.
    pub(crate) fn drain(&self) -> &Drain {
        &self.drain
    }

    /// It is now known to speak this: what it is counted as while it is open, and when it is cut.
    pub(crate) fn speaks(&self, protocol: ConnectionProtocol) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).speaks(protocol);
    }

    fn protocol(&self) -> ConnectionProtocol {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).protocol()
    }
}

/// An IPv4 address as such, where a socket of both families shows it inside IPv6.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Serves a connection to its end.
pub(crate) async fn serve(accepted: Accepted, connections: &Arc<Connections>, seat: &Seat) {
    let Accepted { stream, peer, socket, drain, ticket: _ticket } = accepted;
    let worker = &*connections.worker;
    let Ok(local) = stream.local_addr() else { return };
    // Messages are put together before they are sent: waiting for more (RFC 896) would only delay them.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::new(peer, local, socket, drain, worker.telemetry.connection_opened());
    let Some((mut io, alpn)) = transport(stream, &mut connection, worker).await else { return };
    let dialled = match Box::pin(take_over(&mut io, &mut connection, worker)).await {
        Ok(dialled) => dialled,
        Err(refusal) => return worker.telemetry.inbound_refused(refusal),
    };
    let connection = Arc::new(connection);
    let _end = End { connection: &connection, worker };
    if let Some(to) = passes(&mut io, dialled, &connection).await {
        connection.speaks(ConnectionProtocol::Tcp);
        return Box::pin(tcp::pass(io, to, &connection, worker)).await;
    }
    match speaks(io, alpn, worker.settings.client_head_timeout, seat).await {
        Some((io, Speaks::Http1)) => {
            connection.speaks(ConnectionProtocol::Http1);
            serve_http1(io, &connection, worker, seat).await;
        }
        Some((io, Speaks::Http2)) => {
            connection.speaks(ConnectionProtocol::Http2);
            server::serve_http2(io, &connection, connections).await;
        }
        None => {}
    }
}

/// Where bytes are passed on to as they come; `None`: HTTP is spoken.
async fn passes(io: &mut Io, way: Option<Way>, connection: &Connection) -> Option<tcp::To> {
    match way? {
        Way::Listener(_) => None,
        Way::Metrics => Some(tcp::To::Metrics),
        Way::Service(port) => {
            let routed = port.takes_bytes(connection.namespace());
            (routed || sniff::is_tcp(io, port.port.spoken).await).then(|| tcp::To::Service(port))
        }
    }
}

/// Takes over what ztunnel hands over at this socket, if it does; answers where it leads.
async fn take_over(io: &mut Io, connection: &mut Connection, worker: &Worker) -> Result<Option<Way>, InboundRefusal> {
    let mesh = worker.serving.load().inbound.get(&connection.socket).cloned();
    let Some(mesh) = mesh else { return Ok(None) };
    let opened = inbound::open(io, connection.peer, &mesh, &worker.settings).await?;
    let by = connection.socket;
    (connection.peer, connection.local) = (opened.source, opened.destination);
    if let Way::Listener(socket) = opened.way {
        connection.socket = socket;
    }
    let to = match &opened.way {
        _ if opened.is_loop => To::Loop,
        Way::Service(_) => To::Service,
        Way::Listener(_) | Way::Metrics => To::Listener,
    };
    let pod = match &opened.way {
        Way::Service(port) if port.service().is_none() => Some(port.clone()),
        _ => None,
    };
    let (identity, client_cert, source) = (opened.identity, opened.client_cert, OnceLock::new());
    connection.handed = Some(Handed { by, identity, source, parties: Default::default(), client_cert, to, pod });
    Ok(Some(opened.way))
}

/// Opens TLS where the socket speaks it; answers what ALPN agreed on. `None`: the handshake failed.
async fn transport(
    stream: TcpStream,
    connection: &mut Connection,
    worker: &Worker,
) -> Option<(Box<Io>, Option<Speaks>)> {
    if !tls::is_spoken(&worker.serving, connection.socket) {
        return Some((Box::new(Io::tcp(stream)), None));
    }
    let limit = worker.settings.client_head_timeout;
    match Box::pin(tls::open(stream, &worker.serving, connection.socket, limit)).await {
        Ok(opened) => {
            connection.server_name = Some(opened.server_name);
            Some((Box::new(opened.io), Some(opened.speaks)))
        }
        Err(failure) => {
            worker.telemetry.tls_handshake_failed(failure);
            None
        }
    }
}

/// HTTP/1 or HTTP/2: without TLS the first bytes tell. `None`: none came in time, or not what ALPN agreed on.
async fn speaks(mut io: Box<Io>, alpn: Option<Speaks>, limit: Duration, seat: &Seat) -> Option<(Box<Io>, Speaks)> {
    if alpn == Some(Speaks::Http1) {
        return Some((io, Speaks::Http1));
    }
    if seat.wait(&mut io).await != Wait::Input {
        io.close().await;
        return None;
    }
    let seen = timeout(limit, sniff::speaks(&mut io)).await.ok()?.ok()?;
    alpn.is_none_or(|agreed| agreed == seen).then_some((io, seen))
}

/// HTTP/1: one request after the other, until either side ends it. Between two requests no session is held.
async fn serve_http1(mut io: Box<Io>, connection: &Connection, worker: &Worker, seat: &Seat) {
    loop {
        if seat.wait(&mut io).await != Wait::Input {
            return io.close().await;
        }
        // Boxed for its time only: inside this task it would make every idle connection six kilobytes larger.
        match Box::pin(http::serve(server::http1(io, &worker.settings), connection, worker)).await {
            Kept::Open { stream, prefix } => match Io::reclaim(stream, prefix) {
                Some(reclaimed) => io = reclaimed,
                None => return,
            },
            Kept::Closed => return,
        }
    }
}

/// Counts how a connection ended that had been told to.
struct End<'c> {
    connection: &'c Connection,
    worker: &'c Worker,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let telemetry = &self.worker.telemetry;
        if *self.worker.phase.borrow() == Phase::Cutting {
            telemetry.connection_cut(self.connection.protocol());
        } else if self.connection.is_closing() {
            telemetry.connection_drained(self.connection.protocol());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_output<A, B, C, O>(_: impl Fn(A, B, C) -> O) -> usize {
        size_of::<O>()
    }

    /// The task of a connection is what it takes while it idles, beside its socket and a few pointers.
    #[test]
    fn idle_connection_takes_little_memory() {
        let task = size_of_output(serve) + size_of::<Io>();
        assert!(task < 1536, "{task} bytes");
    }
}
