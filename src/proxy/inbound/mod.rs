//! What ztunnel hands over: a connection with the PROXY protocol's header ahead, which tells who called and what was dialled.
//!
//! Promises: a connection that does not come from loopback is never read; nothing is served that is not enrolled with the
//! waypoint, for ztunnel passes on whatever address its client asks for; what is closed unserved is counted, by its reason.

mod header;
mod identity;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use tokio::time::timeout;

pub(crate) use identity::Identity;

use super::forwarded;
use super::io::Io;
use crate::api::Pod;
use crate::live::{Dialled, LivePort, MeshServing};
use crate::settings::Settings;
use crate::snapshot::Socket;
use crate::telemetry::label::InboundRefusal;
use crate::telemetry::mesh::Party;
use header::{Header, parse};

/// What the request path knows of a connection that ztunnel handed over.
#[derive(Debug)]
pub(crate) struct Handed {
    /// The socket on which that was: the key into `Serving::inbound`.
    pub(crate) by: Socket,
    /// The client, by mTLS; `None`: from outside of the mesh.
    pub(crate) identity: Option<Identity>,
    /// The client's pod, once it was seen.
    pub(crate) source: OnceLock<Arc<Pod>>,
    /// The client as metrics name it: without its pod, and with it.
    pub(crate) parties: [OnceLock<Arc<Party>>; 2],
    /// That client, as applications are told it; `None`: they are not.
    pub(crate) client_cert: Option<HeaderValue>,
    /// What was dialled.
    pub(crate) to: To,
    /// The pod whose own address that was; `None`: it was none's.
    pub(crate) pod: Option<Arc<LivePort>>,
}

/// What a connection that was handed over is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// A listener of the waypoint's own.
    Listener,
    /// An enrolled Service, or an enrolled pod's own address.
    Service,
    /// Whatever it was, the waypoint itself dialled it: what it serves there would come round again.
    Loop,
}

/// A connection whose header has been read.
pub(crate) struct Opened {
    /// Who called.
    pub(crate) source: SocketAddr,
    /// What was dialled.
    pub(crate) destination: SocketAddr,
    /// The client, by mTLS.
    pub(crate) identity: Option<Identity>,
    /// The client, as applications are told it; `None`: they are not.
    pub(crate) client_cert: Option<HeaderValue>,
    /// Where it leads.
    pub(crate) way: Way,
    /// Whether the waypoint itself opened it: this pod, or another replica.
    pub(crate) is_loop: bool,
}

/// Where a connection leads.
pub(crate) enum Way {
    /// To a listener of the waypoint's own.
    Listener(Socket),
    /// To an enrolled Service, or an enrolled pod's own address.
    Service(Arc<LivePort>),
    /// To the waypoint's page of metrics and health: whoever scrapes from within the mesh comes this way.
    Metrics,
}

/// Reads the header, within a time limit, and finds where the connection leads.
pub(crate) async fn open(
    io: &mut Io,
    peer: SocketAddr,
    mesh: &MeshServing,
    settings: &Settings,
) -> Result<Opened, InboundRefusal> {
    if !peer.ip().to_canonical().is_loopback() {
        return Err(InboundRefusal::NotLoopback);
    }
    let header =
        timeout(settings.client_head_timeout, read(io)).await.unwrap_or(Err(InboundRefusal::NoHeaderInTime))?;
    let Header { source, destination, identity } = header;
    let way = match mesh.dialled(destination).ok_or(InboundRefusal::NotServed)? {
        Dialled::Listener(socket) => Way::Listener(socket),
        Dialled::Service(port) => Way::Service(port.clone()),
        Dialled::Pod(pod) => Way::Service(mesh.to_pod(&pod, destination)),
        Dialled::Own(port) if port == settings.metrics.port() => Way::Metrics,
        Dialled::Own(_) => return Err(InboundRefusal::NotServed),
    };
    // Replicas have one identity; what this pod dials comes from its own address, whatever identity is told with it.
    let account = settings.service_account.as_ref();
    let is_own = |identity: &Identity| account.is_some_and(|account| identity.is_of(account));
    let is_loop = identity.as_ref().is_some_and(is_own) || mesh.is_own(source.ip());
    let told = identity.as_ref().filter(|_| mesh.tells_identity());
    let client_cert = told.and_then(|identity| forwarded::client_cert(identity, account));
    Ok(Opened { source, destination, identity, client_cert, way, is_loop })
}

async fn read(io: &mut Io) -> Result<Header, InboundRefusal> {
    loop {
        if let Some((header, taken)) = parse(io.ahead())? {
            io.skip(taken);
            return Ok(header);
        }
        let more = poll_fn(|cx| io.poll_read_ahead(cx)).await;
        if !matches!(more, Ok(1..)) {
            return Err(InboundRefusal::NoHeaderInTime);
        }
    }
}
