//! Starting the request path, and ending it.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, mpsc, watch};

use super::connections::Connections;
use super::crew::Crew;
use super::engine::UpstreamPool;
use super::listener::{Addresses, Listeners};
use super::worker::{self, Phase, Worker};
use crate::live::Serving;
use crate::settings::Settings;
use crate::snapshot::Observed;
use crate::telemetry::Telemetry;

/// The running request path. Dropped, it cuts every connection.
#[derive(Debug)]
pub struct Running {
    phase: watch::Sender<Phase>,
    addresses: watch::Receiver<Addresses>,
    workers: Vec<JoinHandle<usize>>,
    /// Closed when every worker has ended.
    alive: mpsc::Receiver<()>,
    telemetry: Arc<Telemetry>,
}

/// Starts the workers, and a task that binds the sockets of `serving`; call it within a Tokio runtime.
///
/// `published` changes whenever `serving` does (its generation). `observed` gets which sockets are bound, and why others
/// are not. Errors: the system gives no thread or no runtime.
pub fn start(
    settings: Arc<Settings>,
    serving: Arc<ArcSwap<Serving>>,
    published: watch::Receiver<u64>,
    telemetry: Arc<Telemetry>,
    observed: watch::Sender<Observed>,
) -> io::Result<Running> {
    let (phase, phases) = watch::channel(Phase::Running);
    let (addresses, bound_at) = watch::channel(Addresses::new());
    let (lives, alive) = mpsc::channel(1);
    let permits = Arc::new(Semaphore::new(settings.max_connections.min(Semaphore::MAX_PERMITS)));
    let (senders, receivers) =
        (0..settings.workers.max(1)).map(|_| mpsc::unbounded_channel()).unzip::<_, _, Vec<_>, Vec<_>>();
    let crew = Arc::new(Crew::new(senders));
    let mut workers = Vec::new();
    for (number, commands) in receivers.into_iter().enumerate() {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (lives, permits, phase, crew) = (lives.clone(), permits.clone(), phases.clone(), crew.clone());
        let (serving, telemetry, settings) = (serving.clone(), telemetry.clone(), settings.clone());
        let run = move || {
            let pool = UpstreamPool::new(settings.upstream_idle_timeout);
            let worker = Arc::new(Worker { serving, pool, mesh: Default::default(), telemetry, settings, phase });
            let connections = Arc::new(Connections::new(worker, crew, number, permits));
            let left = runtime.block_on(worker::run(connections, commands));
            // Drops what is left.
            drop(runtime);
            drop(lives);
            left
        };
        workers.push(std::thread::Builder::new().name(format!("worker-{number}")).spawn(run)?);
    }
    telemetry.workers(workers.len());
    let (bound, failed) = Default::default();
    let counted = telemetry.clone();
    let listeners =
        Listeners { settings, serving, published, telemetry, phase: phases, crew, observed, addresses, bound, failed };
    tokio::spawn(listeners.follow());
    Ok(Running { phase, addresses: bound_at, workers, alive, telemetry: counted })
}

/// What is cut by it is told as such, and not as a client that went away.
impl Drop for Running {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Cutting);
    }
}

impl Running {
    /// How far the end has come, for whoever depends on it (readiness).
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Where the sockets are bound.
    pub fn addresses(&self) -> watch::Receiver<Addresses> {
        self.addresses.clone()
    }

    /// [`Phase::Leaving`]: not ready, and nothing else changes.
    pub fn leave(&self) {
        self.phase.send_replace(Phase::Leaving);
    }

    /// [`Phase::Draining`]: accepts no more, and waits until the last connection has ended. Cancel-safe.
    pub async fn drain(&mut self) {
        self.phase.send_if_modified(|phase| {
            let earlier = *phase < Phase::Draining;
            *phase = (*phase).max(Phase::Draining);
            earlier
        });
        let _ = self.alive.recv().await;
    }

    /// [`Phase::Cutting`]: cuts what is left. Answers how many connections and HTTP/2 streams that were.
    pub async fn cut(&mut self) -> usize {
        self.phase.send_replace(Phase::Cutting);
        let _ = self.alive.recv().await;
        self.workers.drain(..).map(|worker| worker.join().unwrap_or(0)).sum()
    }

    /// Where it is counted how its connections end.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
}
