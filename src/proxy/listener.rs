//! Listeners: the sockets that are wanted against those that are bound.
//!
//! One task, apart from the workers, follows what is served. It binds each wanted socket once and gives every worker a
//! handle to it; it reports what could not be bound, and tries again. A socket that is wanted no longer closes once its
//! accept queue is empty. When the process drains, no socket is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tracing::info;

use super::accept::queued;
use super::bind::bind;
use super::connections::Ticket;
use super::crew::Crew;
use super::worker::{Command, Phase};
use crate::live::Serving;
use crate::settings::Settings;
use crate::snapshot::{BindFailure, Observed, Socket};
use crate::telemetry::Telemetry;

/// First and longest wait before a socket that could not be bound is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Where each socket is bound: its address is the system's word, after any port mapping.
pub type Addresses = BTreeMap<Socket, SocketAddr>;

/// What follows the wanted sockets.
pub(super) struct Listeners {
    pub(super) settings: Arc<Settings>,
    pub(super) serving: Arc<ArcSwap<Serving>>,
    /// Changes when `serving` does.
    pub(super) published: watch::Receiver<u64>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) crew: Arc<Crew>,
    pub(super) observed: watch::Sender<Observed>,
    pub(super) addresses: watch::Sender<Addresses>,
    pub(super) bound: BTreeMap<Socket, TcpListener>,
    pub(super) failed: BTreeMap<Socket, Failed>,
}

/// A socket that is wanted and could not be bound.
pub(super) struct Failed {
    failure: BindFailure,
    wait: Duration,
    next: Instant,
}

impl Listeners {
    /// Follows until the process drains and every socket is closed. Then the workers get no more commands.
    pub(super) async fn follow(mut self) {
        loop {
            let draining = *self.phase.borrow_and_update() >= Phase::Draining;
            self.published.borrow_and_update();
            let wanted = if draining { BTreeSet::new() } else { self.serving.load().wanted().collect() };
            self.close_unwanted(&wanted).await;
            if draining {
                (0..self.crew.len()).for_each(|worker| _ = self.crew.tell(worker, Command::Finish));
                return;
            }
            self.open_wanted(&wanted);
            self.report();
            let retry = self.failed.values().map(|failed| failed.next).min();
            tokio::select! {
                Ok(()) = self.published.changed() => {}
                changed = self.phase.changed() => if changed.is_err() { return },
                () = async { tokio::time::sleep_until(retry.unwrap_or_else(Instant::now)).await }, if retry.is_some() => {}
            }
        }
    }

    /// Closing goes first: a socket that stays wanted on another address can need the port.
    async fn close_unwanted(&mut self, wanted: &BTreeSet<Socket>) {
        self.failed.retain(|socket, _| wanted.contains(socket));
        let unwanted = self.bound.extract_if(.., |socket, _| !wanted.contains(socket)).collect::<Vec<_>>();
        let mut closing = Vec::new();
        for (socket, _) in &unwanted {
            for worker in 0..self.crew.len() {
                let (done, closed) = oneshot::channel();
                if self.crew.tell(worker, Command::Close { socket: *socket, done }) {
                    closing.push(closed);
                }
            }
        }
        for closed in closing {
            let _ = closed.await;
        }
        for (socket, listener) in unwanted {
            // Who came between the workers' last look and now.
            for (stream, peer) in queued(&listener) {
                let place = self.crew.place(0);
                let worker = place.worker();
                self.crew.tell(
                    worker,
                    Command::Adopt { socket, stream, peer, ticket: Ticket { _permit: None, _place: place } },
                );
            }
            info!(port = socket.port, address = socket.address.map(tracing::field::display), "closed listening socket");
        }
    }

    fn open_wanted(&mut self, wanted: &BTreeSet<Socket>) {
        let now = Instant::now();
        for socket in wanted.iter().filter(|socket| !self.bound.contains_key(*socket)).copied().collect::<Vec<_>>() {
            if self.failed.get(&socket).is_some_and(|failed| failed.next > now) {
                continue;
            }
            match self.open(socket) {
                Ok(listener) => {
                    info!(
                        port = socket.port,
                        address = listener.local_addr().ok().map(tracing::field::display),
                        "listening"
                    );
                    self.failed.remove(&socket);
                    self.bound.insert(socket, listener);
                }
                Err(failure) => {
                    let wait = self.failed.get(&socket).map_or(RETRY.0, |failed| (failed.wait * 2).min(RETRY.1));
                    self.failed.insert(socket, Failed { failure, wait, next: now + wait });
                }
            }
        }
    }

    /// Binds a socket and gives every worker a handle to it.
    fn open(&self, socket: Socket) -> Result<TcpListener, BindFailure> {
        let port = self.settings.port_map.get(&socket.port).copied().unwrap_or(socket.port);
        let listener = bind(socket, port)?;
        let clones = (0..self.crew.len()).map(|_| listener.try_clone()).collect::<Result<Vec<_>, _>>();
        let clones =
            clones.map_err(|error| BindFailure { message: format!("cannot listen on port {port}: {error}") })?;
        for (worker, listener) in clones.into_iter().enumerate() {
            self.crew.tell(worker, Command::Open { socket, listener });
        }
        Ok(listener)
    }

    fn report(&self) {
        self.telemetry.sockets(self.bound.len(), self.failed.len());
        let bound = self.bound.keys().map(|socket| (*socket, Ok(())));
        let failed = self.failed.iter().map(|(socket, failed)| (*socket, Err(failed.failure.clone())));
        let sockets = bound.chain(failed).collect::<BTreeMap<_, _>>();
        let addresses = self.bound.iter().filter_map(|(socket, listener)| Some((*socket, listener.local_addr().ok()?)));
        let addresses = addresses.collect::<Addresses>();
        replace(&self.addresses, addresses);
        self.observed.send_if_modified(|observed| {
            let changed = observed.sockets != sockets;
            observed.sockets = sockets;
            changed
        });
    }
}

fn replace<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    sender.send_if_modified(|now| {
        let changed = *now != value;
        *now = value;
        changed
    });
}
