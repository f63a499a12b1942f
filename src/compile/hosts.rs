//! The hosts of one listener: all matches of the routes that it has, in order of precedence.
//!
//! Kept from compile to compile: a route that came, went or changed costs only the hosts that it names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::kept::Moved;
use super::places::{Places, Shadow};
use super::precedence::Predicate;
use super::route::Resolved;
use crate::table::hostname::HostPattern;
use crate::table::hosts::{self, Order};
use crate::table::listener::Host;
use crate::table::rule::Entry;

/// The hosts of one listener.
#[derive(Debug)]
pub(super) struct Hosts {
    /// The listener's.
    hostname: HostPattern,
    hosts: BTreeMap<Order, Kept>,
    list: hosts::Hosts,
}

/// One host, and what it was made of.
#[derive(Debug)]
struct Kept {
    places: Places,
    host: Arc<Host>,
    shadows: Vec<Shadow>,
}

impl Hosts {
    pub(super) fn new(hostname: HostPattern) -> Self {
        Self { hostname, hosts: BTreeMap::new(), list: hosts::Hosts::default() }
    }

    /// The same objects as before where nothing changed.
    pub(super) fn list(&self) -> &hosts::Hosts {
        &self.list
    }

    /// All shadowed matches, and the host on which they are.
    pub(super) fn shadows(&self) -> impl Iterator<Item = (&HostPattern, &Shadow)> {
        self.hosts.values().flat_map(|kept| kept.shadows.iter().map(|shadow| (&kept.host.hostname, shadow)))
    }

    /// What decided between two matches of one of the hosts. `None`: not both are there, or they are one.
    pub(super) fn decided(&self, host: &Arc<Host>, one: &Entry, other: &Entry) -> Option<Predicate> {
        let kept = self.hosts.get(&hosts::order(&host.hostname)).filter(|kept| Arc::ptr_eq(&kept.host, host))?;
        kept.places.decided(one, other)
    }

    /// Takes on what the listener got and lost; with another hostname, all that it has is what it got.
    pub(super) fn update(&mut self, hostname: &HostPattern, moved: Moved) {
        if self.hostname != *hostname {
            *self = Self::new(hostname.clone());
        }
        self.take(moved, |route| {
            let met = route.hostnames.iter().filter(|other| other.intersects(hostname));
            met.map(hosts::order).collect()
        });
    }

    /// Takes on routes whose hostnames count for nothing: all are on one host, which is any.
    pub(super) fn update_any(&mut self, moved: Moved) {
        self.take(moved, |_| vec![hosts::order(&HostPattern::Any)]);
    }

    fn take(&mut self, moved: Moved, orders: impl Fn(&Resolved) -> Vec<Order>) {
        let mut touched: BTreeMap<Order, Moved> = BTreeMap::new();
        for route in moved.gone {
            for order in orders(&route) {
                touched.entry(order).or_default().gone.push(route.clone());
            }
        }
        for route in moved.come {
            for order in orders(&route) {
                touched.entry(order).or_default().come.push(route.clone());
            }
        }
        for (order, moved) in touched {
            self.rebuild(order, &moved);
        }
    }

    fn rebuild(&mut self, order: Order, moved: &Moved) {
        let before = self.hosts.remove(&order).map(|kept| (kept.places, kept.host, kept.shadows));
        let (mut places, host, mut shadows) = match before {
            Some((places, host, shadows)) => (places, Some(host), shadows),
            None => (Places::default(), None, Vec::new()),
        };
        let known = host.as_ref().map_or(&[][..], |host| &host.entries);
        let (entries, fingerprints) = places.change(known, moved);
        if places.is_empty() {
            self.list.remove(&order.1);
            return;
        }
        if !shadows.is_empty() || places.repeat(&fingerprints) {
            shadows = places.shadows();
        }
        let host = match host {
            Some(known) if equal(&known.entries, &entries) => known,
            _ => {
                let host = Arc::new(Host { hostname: order.1.clone(), entries });
                self.list.insert(host.clone());
                host
            }
        };
        self.hosts.insert(order, Kept { places, host, shadows });
    }
}

fn equal(a: &[Arc<Entry>], b: &[Arc<Entry>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}
