//! Serving: what a request loads, once, and lets go once routed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::backend::Backend;
use super::tls::SocketTls;
use crate::snapshot::Socket;
use crate::table::backend::WeightedBackend;
use crate::table::lookup::PortIndex;
use crate::table::rule::Rule;
use crate::telemetry::series::RuleSeries;

/// Everything that is served at one moment.
#[derive(Debug, Default)]
pub struct Serving {
    /// Counts publications, from 1.
    pub generation: u64,
    /// By socket: what its connections are served from. Its keys are the sockets that are wanted.
    pub sockets: BTreeMap<Socket, Arc<SocketServing>>,
}

/// What one socket's connections are served from.
#[derive(Debug)]
pub struct SocketServing {
    /// Routes.
    pub index: PortIndex<Arc<LiveRule>>,
    /// TLS, of HTTPS sockets.
    pub tls: Option<SocketTls>,
}

/// A rule with its live backends. Requests hold this, never [`Serving`].
#[derive(Debug)]
pub struct LiveRule {
    /// The plain rule.
    pub rule: Arc<Rule>,
    /// In the order of the rule's backends; `None` where the reference leads nowhere.
    pub backends: Vec<Option<Arc<Backend>>>,
    /// Its metric series.
    pub series: Arc<RuleSeries>,
}

impl LiveRule {
    /// Picks a backendRef by weight; `random` is uniform over `u32`. `None`: no share above zero.
    pub fn pick(&self, random: u32) -> Option<(&WeightedBackend, Option<&Arc<Backend>>)> {
        let _ = random;
        None
    }
}
