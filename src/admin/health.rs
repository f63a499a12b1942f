//! Health: whether the process is to get traffic.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::Sources;
use crate::pipeline::Report;
use crate::proxy::Phase;
use crate::source::ProblemKind;

/// Readiness. Once ready, a change of listeners does not take it back: only the end of the process does.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    once: AtomicBool,
}

impl Readiness {
    /// Why the process is not ready; `Ok` if it is.
    pub(super) fn check(&self, sources: &Sources) -> Result<(), String> {
        if *sources.phase.borrow() > Phase::Running {
            return Err("the process is leaving".to_owned());
        }
        if !self.once.load(Relaxed) {
            started(&sources.report.load())?;
            self.once.store(true, Relaxed);
        }
        Ok(())
    }
}

/// Served the first time, and each wanted socket bound or reported as failed.
fn started(report: &Report) -> Result<(), String> {
    if report.generation == 0 {
        return Err("nothing is served yet".to_owned());
    }
    let no_class = report.source_problems.iter().find(|problem| problem.kind == ProblemKind::NoClass);
    if let Some(problem) = no_class.filter(|_| report.tables.is_empty()) {
        return Err(problem.to_string());
    }
    let listeners = report.tables.values().flat_map(|table| &table.listeners).flat_map(|listener| &listener.sockets);
    let inbound = report.tables.values().filter_map(|table| table.mesh.as_ref()).flat_map(|mesh| &mesh.inbound);
    let mut open = listeners.chain(inbound).filter(|socket| !report.observed.sockets.contains_key(socket));
    open.next().map_or(Ok(()), |socket| Err(format!("port {} is not bound yet", socket.port)))
}
