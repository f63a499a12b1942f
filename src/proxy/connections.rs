//! The connections of one worker: bounded, counted, and closed when they have been idle for too long.
//!
//! One sweep over all of them stands in for a timer each: a connection between two requests costs no timer, reads no clock
//! and registers with nothing that could end it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::connection;
use super::crew::{Crew, Place};
use super::drain::Drain;
use super::io::Io;
use super::worker::{Command, Worker};
use crate::snapshot::Socket;

/// A connection that drains is closed once it has been idle for this long. A client in the middle of its work sends the
/// next request sooner, and is told by `Connection: close`; closing at once could cross that request on the wire.
const QUIET: Duration = Duration::from_millis(500);

/// The connections of one worker.
pub(crate) struct Connections {
    /// What they share.
    pub(crate) worker: Arc<Worker>,
    /// Tasks that the worker waits for before it ends: connections, and the streams of HTTP/2.
    pub(crate) tasks: TaskTracker,
    crew: Arc<Crew>,
    /// Which of the crew this worker is.
    number: usize,
    permits: Arc<Semaphore>,
    seats: Mutex<HashMap<u64, Arc<Shared>>>,
    next_id: AtomicU64,
    began: Instant,
}

/// A connection just accepted.
pub(crate) struct Accepted {
    /// The connection.
    pub(crate) stream: TcpStream,
    /// Who opened it.
    pub(crate) peer: SocketAddr,
    /// The socket that accepted it.
    pub(crate) socket: Socket,
    /// How it learns that it is to end.
    pub(crate) drain: Arc<Drain>,
    /// Counts it until it ends.
    pub(crate) ticket: Ticket,
}

/// What counts a connection until it ends.
pub(crate) struct Ticket {
    /// Against the limit; `None`: beyond the limit, because its socket was about to close.
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
    /// Among its worker's.
    pub(super) _place: Place,
}

impl Connections {
    /// None yet. `permits` bounds them, and is shared by all workers.
    pub(super) fn new(worker: Arc<Worker>, crew: Arc<Crew>, number: usize, permits: Arc<Semaphore>) -> Self {
        let (tasks, seats, next_id) = (TaskTracker::new(), Mutex::default(), AtomicU64::new(0));
        Self { worker, tasks, crew, number, permits, seats, next_id, began: Instant::now() }
    }

    /// Waits until one more connection is within the limit.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().acquire_owned().await.ok()
    }

    /// Takes a connection that this worker accepted: serves it, or hands it to a worker with fewer.
    pub(super) fn take(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        socket: Socket,
        drain: &Arc<Drain>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let place = self.crew.place(self.number);
        let worker = place.worker();
        let ticket = Ticket { _permit: permit, _place: place };
        if worker == self.number {
            self.welcome(Accepted { stream, peer, socket, drain: drain.clone(), ticket });
        } else if let Ok(stream) = stream.into_std() {
            self.crew.tell(worker, Command::Adopt { stream, peer, socket, ticket });
        }
    }

    /// Serves an accepted connection, as a task of its own.
    pub(crate) fn welcome(self: &Arc<Self>, accepted: Accepted) {
        let connections = self.clone();
        tokio::spawn(self.tasks.track_future(async move {
            let seat = connections.seat(&accepted);
            connection::serve(accepted, &connections, &seat).await;
        }));
    }

    fn seat(self: &Arc<Self>, accepted: &Accepted) -> Seat {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared {
            idle_since: AtomicU64::new(BUSY),
            rung: AtomicBool::new(false),
            waker: Mutex::default(),
            drain: accepted.drain.clone(),
        });
        lock(&self.seats).insert(id, shared.clone());
        Seat { id, shared, connections: self.clone() }
    }

    /// How long to wait between two sweeps.
    pub(crate) fn pace(&self, draining: bool) -> Duration {
        let idle = self.worker.settings.client_idle_timeout;
        if draining { QUIET / 10 } else { (idle / 4).clamp(Duration::from_millis(20), Duration::from_secs(1)) }
    }

    /// Closes the connections that have been idle for too long. Answers whether any connection drains.
    pub(crate) fn sweep(&self) -> bool {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(FIRST_MOMENT);
        let idle_timeout = self.worker.settings.client_idle_timeout;
        let mut draining = false;
        for seat in lock(&self.seats).values() {
            let drains = seat.drain.has_begun();
            draining |= drains;
            let limit = if drains { QUIET.min(idle_timeout) } else { idle_timeout };
            match seat.idle_since.load(Ordering::Relaxed) {
                BUSY => {}
                // Its time begins here: so it is never closed early, and the request path needs no clock.
                UNSEEN => seat.idle_since.store(now, Ordering::Relaxed),
                since if u128::from(now.saturating_sub(since)) >= limit.as_millis() => seat.ring(),
                _ => {}
            }
        }
        draining
    }
}

/// [`Shared::idle_since`]: serves a request.
const BUSY: u64 = 0;
/// [`Shared::idle_since`]: idle, and no sweep has seen it so.
const UNSEEN: u64 = 1;
/// [`Shared::idle_since`]: from here on, milliseconds since the worker began, and this much.
const FIRST_MOMENT: u64 = 2;

/// What the sweep sees of a connection.
struct Shared {
    idle_since: AtomicU64,
    rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
    drain: Arc<Drain>,
}

impl Shared {
    fn ring(&self) {
        self.rung.store(true, Ordering::Relaxed);
        if let Some(waker) = lock(&self.waker).take() {
            waker.wake();
        }
    }
}

/// A connection's place among the connections of its worker, until it is dropped.
pub(crate) struct Seat {
    id: u64,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
}

/// How a wait between requests ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There is input: go on and read.
    Input,
    /// The client has ended it.
    Ended,
    /// It has been idle for too long.
    Idle,
}

impl Seat {
    /// Waits for a request's first byte.
    pub(crate) async fn wait(&self, io: &mut Io) -> Wait {
        poll_fn(|cx| {
            if let Poll::Ready(input) = io.poll_input(cx) {
                self.shared.idle_since.store(BUSY, Ordering::Relaxed);
                self.shared.rung.store(false, Ordering::Relaxed);
                return Poll::Ready(if matches!(input, Ok(true)) { Wait::Input } else { Wait::Ended });
            }
            if self.shared.rung.load(Ordering::Relaxed) {
                return Poll::Ready(Wait::Idle);
            }
            io.slim();
            let mut waker = lock(&self.shared.waker);
            if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
            let _ = self.shared.idle_since.compare_exchange(BUSY, UNSEEN, Ordering::Relaxed, Ordering::Relaxed);
            Poll::Pending
        })
        .await
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.connections.seats).remove(&self.id);
    }
}

/// Nothing that holds these locks can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
