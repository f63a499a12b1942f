//! A worker: one thread, one runtime, its own upstream pools.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::engine::UpstreamPool;
use crate::live::Serving;
use crate::settings::Settings;
use crate::telemetry::Telemetry;

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
    /// Metrics and access log.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Limits and timeouts.
    pub(crate) settings: Arc<Settings>,
    /// How far the end of the process has come.
    pub(crate) phase: watch::Receiver<Phase>,
}
