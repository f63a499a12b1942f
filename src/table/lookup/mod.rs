//! Lookup: listener, then host, then path, then rule.
//!
//! An index is built from a table's listeners, once per host. `T` is what an entry leads to: the plain rule for
//! `explain`, the live rule when serving. Lookup takes a [`Witness`]: silent when serving, recording for `explain`, so
//! that both are one code. It allocates nothing of its own (`matchit` keeps a short list where a path passes a prefix).

mod host_index;
mod host_map;
mod names;
mod path_tree;
mod path_trees;
mod witness;

use std::sync::Arc;

pub use host_index::HostIndex;
pub use path_trees::PathTrees;
pub use witness::{Silent, Witness};

use super::hosts::Hosts;
use super::listener::{Host, Listener};
pub use super::matches::LostBy;
use super::matches::PathMatched;
use super::request::RequestView;
use host_map::HostMap;

/// Why no rule was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// No listener of the port serves the host: 404.
    NoListener,
    /// Another listener of the port serves the host than the name that TLS was opened with: 421 (RFC 9110, 15.5.20).
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
    listeners: HostMap<Served<T>>,
}

#[derive(Debug)]
struct Served<T> {
    listener: Arc<Listener>,
    hosts: HostMap<Arc<HostIndex<T>>>,
}

impl<T> Clone for Served<T> {
    fn clone(&self) -> Self {
        Self { listener: self.listener.clone(), hosts: self.hosts.clone() }
    }
}

impl<T> PortIndex<T> {
    /// Indexes the listeners of one socket. What `before` has of the same hosts is shared with it, so that the cost follows
    /// what changed. `index` makes a host's index, and is told the one that the hostname had before.
    pub fn new(
        listeners: &[Arc<Listener>],
        before: Option<&Self>,
        mut index: impl FnMut(&Arc<Host>, Option<&HostIndex<T>>) -> Arc<HostIndex<T>>,
    ) -> Self {
        let mut all = HostMap::with_capacity(listeners.len());
        for listener in listeners {
            let known = before.and_then(|before| before.listeners.get(&listener.hostname));
            let none = Hosts::default();
            let (mut hosts, listed) = match known {
                Some(known) => (known.hosts.clone(), &known.listener.hosts),
                None => (HostMap::with_capacity(listener.hosts.len()), &none),
            };
            listed.differences(&listener.hosts, |was, is| match (was, is) {
                (_, Some(host)) => {
                    let made = index(host, hosts.get(&host.hostname).map(|index| &**index));
                    hosts.insert(&host.hostname, made);
                }
                (Some(host), None) => hosts.remove(&host.hostname),
                (None, None) => {}
            });
            all.insert(&listener.hostname, Served { listener: listener.clone(), hosts });
        }
        Self { listeners: all }
    }

    /// The listener that serves a host: exact, then the longest wildcard, then any.
    pub fn listener(&self, host: &str) -> Option<&Arc<Listener>> {
        self.listeners.matching(host).next().map(|served| &served.listener)
    }

    /// Whether some listener has rules for a host.
    pub fn has_rules(&self, host: &str) -> bool {
        self.listeners.matching(host).next().is_some_and(|served| served.hosts.matching(host).next().is_some())
    }

    fn serves(&self, listener: &Arc<Listener>, host: &str) -> bool {
        self.listener(host).is_some_and(|serving| Arc::ptr_eq(serving, listener))
    }

    /// Finds the rule of a request. `opened_with`: the server name that TLS was opened with, empty where the client sent none,
    /// `None` without TLS. What counts is the listener that serves that name now: a listener may have come, gone or changed
    /// its name since.
    ///
    /// The listener that is most specific for the host serves it alone (listener isolation). Among its hosts a narrower
    /// one goes first, and a wider one is searched where no rule of a narrower takes the request.
    pub fn lookup<W: Witness>(
        &self,
        request: &RequestView<'_>,
        opened_with: Option<&str>,
        witness: &mut W,
    ) -> Result<Found<'_, T>, NotFound> {
        let served = self.listeners.matching(request.host).next().ok_or(NotFound::NoListener)?;
        witness.listener(&served.listener.name);
        if opened_with.is_some_and(|name| *name != *request.host && !self.serves(&served.listener, name)) {
            return Err(NotFound::Misdirected);
        }
        for index in served.hosts.matching(request.host) {
            witness.host(index.host());
            if let Some((target, path)) = index.search(request, witness) {
                return Ok(Found { listener: &served.listener, target, path });
            }
        }
        Err(NotFound::NoRule)
    }
}

#[cfg(test)]
mod tests;
