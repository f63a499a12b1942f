//! TCP, passed on as it comes: each direction until its own end.
//!
//! Nothing is known of the bytes, so another endpoint is tried only as long as none of the client's has been sent, and a
//! silence has no limit: keep-alive notices a peer that is gone.

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{ReadBuf, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::Connection;
use super::inbound::{self, Handed};
use super::io::Io;
use super::metered::Metered;
use super::worker::Worker;
use super::{engine, mesh_metrics, policy};
use crate::live::{Backend, InFlight, LivePort};
use crate::table::backend::BackendKey;
use crate::telemetry::label::InboundRefusal;
use crate::telemetry::mesh::{Ended, Series};
use crate::telemetry::outcome::Reason;

/// Endpoints that are tried at most.
const TRIES: usize = 3;

/// Where bytes go.
pub(crate) enum To {
    /// To an endpoint of an enrolled Service, or of where its routes send it.
    Service(Arc<LivePort>),
    /// To the process's own page of metrics and health.
    Metrics,
}

/// Passes a connection on, until both directions have ended or one breaks. One that cannot be is reset.
pub(crate) async fn pass(mut client: Box<Io>, to: To, connection: &Connection, worker: &Worker) {
    let connected = match to {
        To::Service(port) => to_service(&mut client, &port, connection, worker).await,
        To::Metrics => metrics(worker).await.map(|stream| (stream, None)),
    };
    let Some((mut other, counted)) = connected else { return client.reset() };
    let series = counted.as_ref().and_then(|counted| counted.series.as_deref());
    let mut metered = Metered { stream: &mut *client, series };
    if copy_bidirectional(&mut metered, &mut other).await.is_err() {
        // The end that is left learns that this is none.
        client.reset();
        let _ = other.set_zero_linger();
    }
}

/// Connects to an endpoint of where a connection is to go.
async fn to_service(
    client: &mut Io,
    port: &LivePort,
    connection: &Connection,
    worker: &Worker,
) -> Option<(TcpStream, Option<Counted>)> {
    let backend = match choose(port, connection, worker) {
        Ok(backend) => backend,
        Err(refusal) => {
            worker.telemetry.inbound_refused(refusal);
            return None;
        }
    };
    let (stream, in_flight) = connect(client, &backend, worker).await?;
    let service = port.service().map(|_| &backend.key);
    let series = mesh_metrics::series(connection, service, Some(in_flight.endpoint()), Ended::TCP, worker);
    series.iter().for_each(|series| series.opened());
    Some((stream, Some(Counted { series, _in_flight: in_flight })))
}

/// The backend that takes a connection: by the shares of the route for its client, or straight through. What cannot be served is
/// dropped, by its share (TCPRouteRule.backendRefs, TLSRouteRule.backendRefs).
fn choose(port: &LivePort, connection: &Connection, worker: &Worker) -> Result<Arc<Backend>, InboundRefusal> {
    if let Some(handed) = &connection.handed {
        if handed.to == inbound::To::Loop {
            return Err(InboundRefusal::Loop);
        }
        judge(handed, port.service(), worker)?;
    }
    let rule = port.bytes(connection.namespace());
    let (_, backend) = rule.pick(fastrand::u32(..)).ok_or(InboundRefusal::NoBackend)?;
    let backend = backend.ok_or(InboundRefusal::NoBackend)?;
    if let (Some(handed), Some(_)) = (&connection.handed, port.service()) {
        judge(handed, Some(&backend.key), worker)?;
    }
    Ok(backend.clone())
}

/// Whether policies let a connection pass to a Service; `None`: to a pod's own address.
fn judge(handed: &Handed, service: Option<&BackendKey>, worker: &Worker) -> Result<(), InboundRefusal> {
    let serving = worker.serving.load();
    let denied = serving.inbound.get(&handed.by).and_then(|mesh| mesh.denied());
    policy::judge(denied.map(|denied| &**denied), service).map_err(|_| InboundRefusal::PolicyNotEnforced)
}

/// A connection that is passed on, counted in Istio's metrics and as its endpoint's load from its making to its drop.
struct Counted {
    series: Option<Arc<Series>>,
    _in_flight: InFlight,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.series.iter().for_each(|series| series.closed());
    }
}

/// The page's own socket: no address that anybody else could have named.
async fn metrics(worker: &Worker) -> Option<TcpStream> {
    let mut address = worker.settings.metrics;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    engine::tcp(address, worker.settings.connect_timeout).await.ok()
}

async fn connect(client: &mut Io, backend: &Backend, worker: &Worker) -> Option<(TcpStream, InFlight)> {
    let limit = worker.settings.connect_timeout;
    let mut tried = Vec::new();
    let Some(mut picked) = backend.pick(&tried) else {
        worker.telemetry.inbound_refused(InboundRefusal::NoEndpoint);
        return None;
    };
    loop {
        let connected = engine::tcp(picked.endpoint().address, limit).await.ok();
        if let Some(stream) = &connected
            && timeout(limit, poll_fn(|cx| poll_is_there(client, stream, cx))).await.unwrap_or(true)
        {
            return connected.map(|stream| (stream, picked));
        }
        let reason = if connected.is_some() { Reason::UpstreamClosed } else { Reason::ConnectFailed };
        worker.telemetry.upstream_failed(reason);
        picked.failed();
        tried.push(picked.endpoint().id);
        let next = backend.pick(&tried).filter(|next| !tried.contains(&next.endpoint().id));
        match next.filter(|_| tried.len() < TRIES) {
            Some(next) => picked = next,
            // The client gets its end as it came.
            None => return connected.map(|stream| (stream, picked)),
        }
    }
}

/// Whether an endpoint has done more than to accept: it speaks, or bytes of the client's are there to be sent. `false`: it
/// has closed before either, as one does behind ztunnel that is not there.
fn poll_is_there(client: &mut Io, endpoint: &TcpStream, cx: &mut Context<'_>) -> Poll<bool> {
    let mut byte = [0];
    if let Poll::Ready(peeked) = endpoint.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
        return Poll::Ready(matches!(peeked, Ok(1..)));
    }
    match client.ahead().is_empty() {
        // An end is passed on as well.
        true => client.poll_read_ahead(cx).map(|_| true),
        false => Poll::Ready(true),
    }
}
