//! Istio's standard metrics, as its own waypoint has them: by the workloads of both sides, not by route.
//!
//! A request that ends looks up its series by small numbers (who called, which endpoint, how it ended) in a map of its worker's
//! ([`Cache`]), and adds to counters. Labels are put together when a worker meets a combination for the first time.

mod cache;
mod cluster;
mod collect;
mod counters;
mod labels;
mod party;
#[cfg(test)]
mod tests;

pub use cache::{Cache, Met};
pub use cluster::Cluster;
pub(super) use collect::{AllMesh, LIMIT, MeshCollector};
pub use counters::{Ended, Protocol, Requested, Series};
pub use labels::ServiceName;
pub use party::{Identified, Party, Workload};

use std::any::Any;
use std::sync::{Arc, Weak};

/// What keeps a series: it goes when all that did have gone.
pub type Keeper = Weak<dyn Any + Send + Sync>;

/// Where a request went.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The endpoint's workload.
    pub destination: Identified,
    /// The Service whose endpoint it is; `None`: it was not got as far.
    pub service: Option<ServiceName>,
    /// The endpoint; `None`: there was none, and the series stays.
    pub keeper: Option<Keeper>,
}

impl super::Telemetry {
    /// One side, as metrics name it: the same object for all that are the same.
    pub fn party(&self, identified: Identified) -> Arc<Party> {
        self.metrics.mesh.party(identified)
    }

    /// The series of such requests or connections: beyond the limit the shared one.
    pub fn mesh_series(&self, source: &Arc<Party>, asked: Asked, ended: Ended) -> Arc<Series> {
        self.metrics.mesh.series(source, asked, ended)
    }
}
