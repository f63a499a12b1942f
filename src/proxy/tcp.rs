//! TCP, passed on as it comes: each direction until its own end.
//!
//! Nothing is known of the bytes, so an endpoint is tried again only where none was connected to, and a silence has no
//! limit: keep-alive notices a peer that is gone.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::engine;
use super::io::Io;
use super::worker::Worker;
use crate::live::{InFlight, LivePort, LiveRule};

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
pub(crate) async fn pass(mut client: Box<Io>, to: To, worker: &Worker) {
    let connected = match &to {
        To::Service(port) => connect(&port.through, worker).await.map(|(stream, picked)| (stream, Some(picked))),
        To::Metrics => metrics(worker).await.map(|stream| (stream, None)),
    };
    let Some((mut other, _in_flight)) = connected else { return client.reset() };
    if copy_bidirectional(&mut *client, &mut other).await.is_err() {
        // The end that is left learns that this is none.
        client.reset();
        let _ = other.set_zero_linger();
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

async fn connect(through: &LiveRule, worker: &Worker) -> Option<(TcpStream, InFlight)> {
    let backend = through.pick(fastrand::u32(..))?.1?;
    let mut tried = Vec::new();
    while tried.len() < TRIES {
        let picked = backend.pick(&tried)?;
        let endpoint = picked.endpoint();
        match engine::tcp(endpoint.address, worker.settings.connect_timeout).await {
            Ok(stream) => return Some((stream, picked)),
            Err(_) if tried.contains(&endpoint.id) => return None,
            Err(_) => {
                picked.failed();
                tried.push(endpoint.id);
            }
        }
    }
    None
}
