//! What can be seen from outside: metrics and health on one port, read-only; on another, loopback only, a page and JSON
//! of what is served and what is wrong, and the log level.
//!
//! Both are served by one thread of their own, never by a worker. They read what the pipeline published and what the
//! proxy observed, and change nothing but the log filter.
//!
//! Never here: the request path, verdicts.

mod answer;
mod dump;
mod guard;
mod health;
mod page;
mod route;
mod server;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use guard::NotLoopback;
pub use server::{Servers, StartError, start};

use crate::pipeline::Report;
use crate::proxy::{Addresses, Phase};
use crate::telemetry::Telemetry;
use crate::telemetry::log::LogControl;

/// What the pages read.
#[derive(Debug)]
pub struct Sources {
    /// Metrics.
    pub telemetry: Arc<Telemetry>,
    /// What is served and what is wrong.
    pub report: Arc<ArcSwap<Report>>,
    /// Where sockets are bound.
    pub addresses: watch::Receiver<Addresses>,
    /// How far the end of the process has come.
    pub phase: watch::Receiver<Phase>,
    /// The log filter; `None`: it can't be changed.
    pub log: Option<LogControl>,
}

/// Where the pages are opened.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Metrics and health.
    pub metrics: SocketAddr,
    /// The admin page: a loopback address. `None`: off.
    pub admin: Option<SocketAddr>,
}
