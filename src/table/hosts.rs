//! The hosts of a listener, in the order in which they are tried.

use std::cmp::Reverse;
use std::sync::Arc;

use super::hostname::HostPattern;
use super::listener::Host;
use crate::shared_map::SharedMap;

/// Hosts, each hostname once, the most specific first. Tables of which one came of the other share what is the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hosts(SharedMap<Order, Arc<Host>>);

/// Orders hostnames, the most specific first.
pub type Order = (Reverse<(u8, usize)>, HostPattern);

/// A hostname's place among others.
pub fn order(hostname: &HostPattern) -> Order {
    (Reverse(hostname.specificity()), hostname.clone())
}

impl Hosts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hosts, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.0.values()
    }

    /// Puts a host in the place of the one with its hostname.
    pub fn insert(&mut self, host: Arc<Host>) {
        self.0.insert(order(&host.hostname), host);
    }

    /// Takes a host away.
    pub fn remove(&mut self, hostname: &HostPattern) {
        self.0.remove(&order(hostname));
    }

    /// Whether both are the same hosts, none put or taken away since one was copied from the other.
    pub fn is(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }

    /// Tells each hostname's host that was another, or none: what was, and what is. At the cost of what differs.
    pub fn differences<'h>(
        &'h self,
        now: &'h Self,
        mut tell: impl FnMut(Option<&'h Arc<Host>>, Option<&'h Arc<Host>>),
    ) {
        self.0.differences(&now.0, |was, is| match (was, is) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => {}
            _ => tell(was, is),
        });
    }
}

impl FromIterator<Arc<Host>> for Hosts {
    fn from_iter<I: IntoIterator<Item = Arc<Host>>>(hosts: I) -> Self {
        Self(hosts.into_iter().map(|host| (order(&host.hostname), host)).collect())
    }
}
