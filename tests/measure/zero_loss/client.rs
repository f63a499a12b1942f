//! The clients that send requests all the while, and what is right for an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use tokio::task::JoinSet;

use super::world::World;
use super::{http1, http2};

/// Connections of each kind.
const HTTP1: usize = 32;
const TLS: usize = 8;
const HTTP2: usize = 4;
const HTTP2_TLS: usize = 2;

/// Requests on a TLS connection until a new one is made, so that handshakes go on.
pub(super) const REQUESTS_OF_HANDSHAKE: usize = 50;

/// Whom a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A route that nothing changes.
    Steady,
    /// A route that nothing changes, to a backend that speaks HTTP/2.
    Http2,
    /// A route that is edited.
    Edited,
    /// A route whose endpoints change.
    Moving,
}

impl Target {
    /// In turn.
    pub(super) fn of(request: usize) -> Self {
        [Self::Steady, Self::Edited, Self::Moving, Self::Edited, Self::Http2][request % 5]
    }

    /// Its host.
    pub(super) fn host(self) -> &'static str {
        match self {
            Self::Steady => "steady.test",
            Self::Http2 => "h2.test",
            Self::Edited => "edited.test",
            Self::Moving => "moving.test",
        }
    }
}

/// An answer, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The value of `x-version`.
    pub(super) version: Option<u64>,
    /// The backend's name and the request's path.
    pub(super) body: String,
    /// `Connection: close`.
    pub(super) closes: bool,
}

/// A request on its way.
pub(super) struct Asked<'w> {
    world: &'w World,
    target: Target,
    pub(super) path: String,
    routes: u64,
    endpoints: u64,
}

impl<'w> Asked<'w> {
    /// The request with this number of this client.
    pub(super) fn new(world: &'w World, target: Target, client: usize, request: usize) -> Self {
        let (routes, endpoints) = (world.routes.settled(), world.endpoints.settled());
        Self { world, target, path: format!("/{client}/{request}"), routes, endpoints }
    }

    /// Whom it is for.
    pub(super) fn host(&self) -> &'static str {
        self.target.host()
    }

    /// Counts what came of it.
    pub(super) fn answered<E: std::fmt::Display>(self, result: Result<Answer, E>) {
        let judged = match result {
            Ok(answer) if self.is_right(&answer) => Ok(()),
            Ok(answer) => Err(format!("wrong: {answer:?}")),
            Err(error) => Err(format!("failed: {error}")),
        };
        let tally = &self.world.tally;
        tally.count(judged.map_err(|why| format!("{}{} (route {}): {why}", self.host(), self.path, self.routes)));
    }

    /// Whether an answer is from where it should be, by a version that was served meanwhile.
    fn is_right(&self, answer: &Answer) -> bool {
        let from = |name: &str| answer.status == 200 && answer.body == format!("{name} {}", self.path);
        match (self.target, answer.version) {
            (Target::Steady, None) => from("steady"),
            (Target::Http2, None) => from("h2"),
            (Target::Edited, Some(version)) => {
                self.world.routes.since(self.routes).contains(&version) && from(&format!("edited{}", version % 2))
            }
            (Target::Moving, None) => {
                self.world.endpoints.since(self.endpoints).any(|version| from(&format!("moving{}", version % 2)))
            }
            _ => false,
        }
    }
}

/// The running clients.
pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Clients {
    /// Lets each end after the request that it is at.
    pub(crate) async fn stop(self) {
        self.stop.store(true, SeqCst);
        self.tasks.join_all().await;
    }
}

/// Starts them.
pub(crate) fn start(world: &Arc<World>) -> Clients {
    let (stop, mut tasks) = (Arc::<AtomicBool>::default(), JoinSet::new());
    for client in 0..HTTP1 + TLS + HTTP2 + HTTP2_TLS {
        let (world, stop) = (world.clone(), stop.clone());
        tasks.spawn(async move {
            let stopped = || stop.load(SeqCst);
            if client < HTTP1 {
                http1::client(&world, client, &stopped).await;
            } else if client < HTTP1 + TLS {
                http1::tls_client(&world, client, &stopped).await;
            } else if client < HTTP1 + TLS + HTTP2 {
                http2::client(&world, client, &stopped).await;
            } else {
                http2::tls_client(&world, client, &stopped).await;
            }
        });
    }
    Clients { stop, tasks }
}
