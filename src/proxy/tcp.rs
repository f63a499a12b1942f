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
use super::engine;
use super::io::Io;
use super::mesh_metrics;
use super::metered::Metered;
use super::worker::Worker;
use crate::live::{InFlight, LivePort, LiveRule};
use crate::telemetry::mesh::{Ended, Series};
use crate::telemetry::outcome::Reason;

/// Endpoints that are tried at most.
const TRIES: usize = 3;

/// Where bytes go.
pub(crate) enum To {
    /// To an endpoint of a Service.
    Service(Arc<LivePort>),
    /// To the process's own page of metrics and health.
    Metrics,
}

/// Passes a connection on, until both directions have ended or one breaks.
pub(crate) async fn pass(mut client: Box<Io>, to: To, connection: &Connection, worker: &Worker) {
    let connected = match &to {
        To::Service(port) => {
            connect(&mut client, &port.through, worker).await.map(|(stream, picked)| (stream, Some(picked)))
        }
        To::Metrics => metrics(worker).await.map(|stream| (stream, None)),
    };
    let Some((mut other, in_flight)) = connected else { return client.reset() };
    let counted = Counted::of(&to, in_flight.as_ref(), connection, worker);
    let mut metered = Metered { stream: &mut *client, series: counted.series.as_deref() };
    if copy_bidirectional(&mut metered, &mut other).await.is_err() {
        // The end that is left learns that this is none.
        client.reset();
        let _ = other.set_zero_linger();
    }
}

/// A connection that is passed on, counted in Istio's metrics from its making to its drop.
struct Counted {
    series: Option<Arc<Series>>,
}

impl Counted {
    fn of(to: &To, picked: Option<&InFlight>, connection: &Connection, worker: &Worker) -> Self {
        let series = match (to, picked) {
            (To::Service(port), Some(picked)) => {
                mesh_metrics::series(connection, port.service(), Some(picked.endpoint()), Ended::TCP, worker)
            }
            _ => None,
        };
        series.iter().for_each(|series| series.opened());
        Self { series }
    }
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

async fn connect(client: &mut Io, through: &LiveRule, worker: &Worker) -> Option<(TcpStream, InFlight)> {
    let backend = through.pick(fastrand::u32(..))?.1?;
    let limit = worker.settings.connect_timeout;
    let mut tried = Vec::new();
    let mut picked = backend.pick(&tried)?;
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
