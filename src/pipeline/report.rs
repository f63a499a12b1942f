//! The report: what is served and what is wrong, for admin pages and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::warn;

use crate::api::ObjectName;
use crate::live::Backend;
use crate::live::tls::RefusedCertificate;
use crate::snapshot::Observed;
use crate::source::Problem;
use crate::status::{Statuses, Warning};
use crate::table::RouteTable;
use crate::table::backend::BackendKey;
use crate::telemetry::Telemetry;

/// What is known after a round. Plain values, but for the backends, which are looked at where they live.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The generation that is served; 0: none yet.
    pub generation: u64,
    /// The one Gateway that is served, as it was when it was compiled last; `None`: all are, or it has not been seen.
    pub gateway: Option<GatewayServed>,
    /// The tables that are served.
    pub tables: Arc<BTreeMap<ObjectName, Arc<RouteTable>>>,
    /// The conditions of every object that took part, and compile's warnings.
    pub statuses: Arc<Statuses>,
    /// Warnings on the endpoints of the backends in use.
    pub endpoint_warnings: Arc<BTreeMap<BackendKey, Vec<Warning>>>,
    /// The backends in use; those that are dropped are no longer.
    pub backends: Arc<BTreeMap<BackendKey, Weak<Backend>>>,
    /// What the proxy told: which sockets are bound, and why others are not.
    pub observed: Observed,
    /// What is wrong at the source.
    pub source_problems: Arc<Vec<Problem>>,
    /// Certificates that can't be used.
    pub refused_certificates: Vec<RefusedCertificate>,
    /// The last round failed within, and what served before serves on: why.
    pub failure: Option<String>,
    /// What has been done since the start.
    pub counts: Counts,
    /// How long the last compile took.
    pub last_compile: Duration,
    /// How long the last link took.
    pub last_link: Duration,
}

/// Which Gateway is served, and which state of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayServed {
    /// Namespace and name.
    pub name: ObjectName,
    /// `metadata.uid`; empty where it has none.
    pub uid: Arc<str>,
    /// `metadata.generation`
    pub generation: i64,
}

/// What has been done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rounds: batches of inputs.
    pub rounds: u64,
    /// Compiles. A change of endpoints alone is none.
    pub compiles: u64,
    /// Endpoint sets that were swapped.
    pub endpoint_updates: u64,
}

/// Tells of Istio's policies that are not enforced: of each that is new in the log, and of their number, each counted once.
pub fn tell_unenforced(now: &Statuses, before: &Statuses, telemetry: &Telemetry) {
    for warning in now.unenforced().filter(|warning| !before.warnings.contains(warning)) {
        warn!("{warning}");
    }
    let policies: BTreeSet<_> = now.unenforced().map(|warning| &warning.object).collect();
    telemetry.policies_not_enforced(policies.len());
}

impl Report {
    /// Everything that is wrong with the configuration, one line each.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        let sockets = self.observed.sockets.values().filter_map(|bound| bound.as_ref().err());
        let source = self.source_problems.iter().filter(|problem| !problem.kind.is_warning());
        (source.map(ToString::to_string))
            .chain(self.refused_certificates.iter().map(ToString::to_string))
            .chain(sockets.map(|failure| failure.message.clone()))
            .chain(self.failure.clone())
    }

    /// What is legal and surely not meant, each once: a Service may be told of by several of its ports.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let source = self.source_problems.iter().filter(|problem| problem.kind.is_warning());
        let endpoints: BTreeSet<_> = self.endpoint_warnings.values().flatten().collect();
        let compiled = self.statuses.warnings.iter().chain(endpoints);
        source.map(ToString::to_string).chain(compiled.map(ToString::to_string))
    }
}
