//! A worker: one thread, one runtime, its own upstream pools.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::pin::pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::accept;
use super::connections::{Accepted, Connections, Ticket};
use super::drain::Drain;
use super::engine::UpstreamPool;
use crate::live::Serving;
use crate::settings::Settings;
use crate::snapshot::Socket;
use crate::telemetry::{Telemetry, mesh};

/// How far the end of the process has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Serving.
    #[default]
    Running,
    /// Not ready, still accepting, connections as ever (drain delay).
    Leaving,
    /// No more accepting; `Connection: close` and GOAWAY; idle connections close.
    Draining,
    /// The deadline has passed: what is left is cut. Every task of the workers is dropped where it stands, so an exchange
    /// that is dropped in this phase was cut, and counts itself by its kind.
    Cutting,
}

/// What every connection of a worker shares.
pub(crate) struct Worker {
    /// What is served now. Load once per request.
    pub(crate) serving: Arc<ArcSwap<Serving>>,
    /// Upstream connections of this worker.
    pub(crate) pool: UpstreamPool,
    /// The series of Istio's metrics that this worker has met.
    pub(crate) mesh: mesh::Cache,
    /// Metrics and access log.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Limits and timeouts.
    pub(crate) settings: Arc<Settings>,
    /// How far the end of the process has come.
    pub(crate) phase: watch::Receiver<Phase>,
}

/// What a worker is told to do.
pub(super) enum Command {
    /// Accept connections of this socket.
    Open { socket: Socket, listener: StdListener },
    /// Accept what is in its queue, then no more; its connections drain. `done`: the worker's handle is closed.
    Close { socket: Socket, done: oneshot::Sender<()> },
    /// Serve a connection that was accepted elsewhere.
    Adopt { socket: Socket, stream: StdStream, peer: SocketAddr, ticket: Ticket },
    /// No more commands will come: end when the last connection has.
    Finish,
}

/// A socket that a worker accepts from.
struct Door {
    drain: Arc<Drain>,
    stop: oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

/// Does as it is told until it is finished and the last connection has ended, or until what is left is cut. Answers how many tasks were left.
pub(super) async fn run(connections: Arc<Connections>, mut commands: mpsc::UnboundedReceiver<Command>) -> usize {
    let mut phase = connections.worker.phase.clone();
    let mut doors = HashMap::new();
    let mut draining = false;
    let worker = connections.worker.clone();
    let mut pool_sweep = pin!(worker.pool.sweep());
    loop {
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Cutting) => break,
            Some(command) = commands.recv() => {
                draining |= obey(command, &mut doors, &connections).await.is_ok_and(|closed| closed);
            }
            () = connections.tasks.wait() => break,
            never = &mut pool_sweep => match never {},
            () = tokio::time::sleep(connections.pace(draining)) => draining = connections.sweep(),
        }
    }
    connections.tasks.len()
}

/// Answers whether a socket was closed. Errors: the runtime does not take the socket.
async fn obey(command: Command, doors: &mut HashMap<Socket, Door>, connections: &Arc<Connections>) -> io::Result<bool> {
    match command {
        Command::Open { socket, listener } => {
            let listener = TcpListener::from_std(listener)?;
            let (stop, stopped) = oneshot::channel();
            let drain = Arc::new(Drain::default());
            let accepting = accept::run(listener, socket, drain.clone(), connections.clone(), stopped);
            doors.insert(socket, Door { drain, stop, accepting: tokio::spawn(accepting) });
            Ok(false)
        }
        Command::Close { socket, done } => {
            if let Some(door) = doors.remove(&socket) {
                door.drain.begin();
                let _ = door.stop.send(());
                let _ = door.accepting.await;
            }
            let _ = done.send(());
            Ok(true)
        }
        Command::Adopt { socket, stream, peer, ticket } => {
            let stream = TcpStream::from_std(stream)?;
            let drain = doors.get(&socket).map_or_else(Drain::begun, |door| door.drain.clone());
            let draining = drain.has_begun();
            connections.welcome(Accepted { stream, peer, socket, drain, ticket });
            Ok(draining)
        }
        Command::Finish => {
            connections.tasks.close();
            Ok(false)
        }
    }
}
