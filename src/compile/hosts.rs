//! The hosts of one listener: all matches of the routes that it has, in order of precedence.
//!
//! Kept from compile to compile: a route that came, went or changed costs only the hosts that it names.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::precedence::{Difference, Predicate, Specificity, differ};
use super::route::{Candidate, Resolved};
use super::shadow;
use crate::table::hostname::HostPattern;
use crate::table::listener::Host;
use crate::table::rule::Entry;

/// The hosts of one listener.
#[derive(Debug)]
pub(super) struct Hosts {
    /// The listener's.
    hostname: HostPattern,
    /// The routes that it has, by kind and name.
    routes: Vec<Arc<Resolved>>,
    hosts: BTreeMap<Order, Kept>,
    list: Vec<Arc<Host>>,
}

/// Most specific first.
type Order = (Reverse<(u8, usize)>, HostPattern);

/// One host, and what it was made of.
#[derive(Debug)]
struct Kept {
    places: Vec<Place>,
    host: Arc<Host>,
    shadows: Vec<Shadow>,
}

/// One match of a route.
#[derive(Debug)]
struct Place {
    specificity: Specificity,
    route: Arc<Resolved>,
    candidate: usize,
}

/// A match that never gets a request: an equal one of another rule goes first.
#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) entry: Arc<Entry>,
    pub(super) by: Arc<Entry>,
}

/// What came and went at a host.
#[derive(Default)]
struct Touched {
    gone: HashSet<usize>,
    come: Vec<Arc<Resolved>>,
}

impl Hosts {
    pub(super) fn new(hostname: HostPattern) -> Self {
        Self { hostname, routes: Vec::new(), hosts: BTreeMap::new(), list: Vec::new() }
    }

    /// Most specific first; the same objects as before where nothing changed.
    pub(super) fn list(&self) -> &[Arc<Host>] {
        &self.list
    }

    /// All shadowed matches, and the host on which they are.
    pub(super) fn shadows(&self) -> impl Iterator<Item = (&HostPattern, &Shadow)> {
        self.hosts.values().flat_map(|kept| kept.shadows.iter().map(|shadow| (&kept.host.hostname, shadow)))
    }

    /// What decided between two matches of one of the hosts. `None`: not both are there, or they are one.
    pub(super) fn decided(&self, host: &Arc<Host>, one: &Entry, other: &Entry) -> Option<Predicate> {
        let kept = self.hosts.values().find(|kept| Arc::ptr_eq(&kept.host, host))?;
        let place = |of: &Entry| {
            let is = |entry: &Entry| Arc::ptr_eq(&entry.rule, &of.rule) && entry.matches == of.matches;
            kept.places.iter().find(|place| place.entry().is_some_and(|entry| is(entry)))
        };
        place(one)?.difference(place(other)?).map(|(by, _)| by)
    }

    /// Takes on the routes that the listener has now, sorted by kind and name.
    pub(super) fn update(&mut self, hostname: &HostPattern, routes: Vec<Arc<Resolved>>) {
        if self.hostname != *hostname {
            *self = Self::new(hostname.clone());
        }
        let mut touched: BTreeMap<Order, Touched> = BTreeMap::new();
        let own = &self.hostname;
        differences(&self.routes, &routes, |route, came| {
            for hostname in route.hostnames.iter().filter(|hostname| hostname.intersects(own)) {
                let touched = touched.entry((Reverse(hostname.specificity()), hostname.clone())).or_default();
                if came {
                    touched.come.push(route.clone());
                } else {
                    touched.gone.insert(address(route));
                }
            }
        });
        self.routes = routes;
        if touched.is_empty() {
            return;
        }
        for (order, touched) in touched {
            self.rebuild(order, touched);
        }
        self.list = self.hosts.values().map(|kept| kept.host.clone()).collect();
    }

    fn rebuild(&mut self, order: Order, touched: Touched) {
        let before = self.hosts.remove(&order);
        let (mut places, host) = before.map_or_else(Default::default, |kept| (kept.places, Some(kept.host)));
        places.retain(|place| !touched.gone.contains(&address(&place.route)));
        places.extend(touched.come.iter().flat_map(places_of));
        // Stable and quick on what is sorted but for its end.
        places.sort_by(Place::before);
        if places.is_empty() {
            return;
        }
        let entries: Vec<Arc<Entry>> = places.iter().filter_map(Place::entry).cloned().collect();
        let host = match host {
            Some(known) if equal(&known.entries, &entries) => known,
            _ => Arc::new(Host { hostname: order.1.clone(), entries }),
        };
        let shadows = shadows(&places);
        places.shrink_to_fit();
        self.hosts.insert(order, Kept { places, host, shadows });
    }
}

fn places_of(route: &Arc<Resolved>) -> impl Iterator<Item = Place> + '_ {
    route.candidates.iter().enumerate().map(|(candidate, one)| Place {
        specificity: one.specificity,
        route: route.clone(),
        candidate,
    })
}

impl Place {
    fn candidate(&self) -> Option<&Candidate> {
        self.route.candidates.get(self.candidate)
    }

    fn entry(&self) -> Option<&Arc<Entry>> {
        self.candidate().map(|candidate| &candidate.entry)
    }

    /// The specification's order: the match, the route's age, its namespace and name, then the order of its rules.
    fn difference(&self, other: &Self) -> Option<Difference> {
        let (a, b) = (&self.route, &other.route);
        let rule = |place: &Self| place.entry().map(|entry| entry.rule.index);
        self.specificity
            .difference(&other.specificity)
            .or_else(|| differ(Predicate::Age, a.created.cmp(&b.created)))
            .or_else(|| differ(Predicate::Name, a.object.name.cmp(&b.object.name)))
            .or_else(|| differ(Predicate::Kind, a.object.kind.cmp(&b.object.kind)))
            .or_else(|| differ(Predicate::Rule, rule(self).cmp(&rule(other))))
            .or_else(|| differ(Predicate::Match, self.candidate.cmp(&other.candidate)))
    }

    fn before(&self, other: &Self) -> Ordering {
        self.difference(other).map_or(Ordering::Equal, |(_, order)| order)
    }
}

/// Tells each route that is in one list and not in the other, as the same object: whether it came, else it went.
fn differences(before: &[Arc<Resolved>], now: &[Arc<Resolved>], mut tell: impl FnMut(&Arc<Resolved>, bool)) {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    loop {
        match (before.peek(), now.peek()) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => {
                before.next();
                now.next();
            }
            (Some(a), Some(b)) => match a.object.cmp(&b.object) {
                Ordering::Less => before.next().into_iter().for_each(|route| tell(route, false)),
                Ordering::Greater => now.next().into_iter().for_each(|route| tell(route, true)),
                Ordering::Equal => {
                    before.next().into_iter().for_each(|route| tell(route, false));
                    now.next().into_iter().for_each(|route| tell(route, true));
                }
            },
            (Some(_), None) => before.next().into_iter().for_each(|route| tell(route, false)),
            (None, Some(_)) => now.next().into_iter().for_each(|route| tell(route, true)),
            (None, None) => return,
        }
    }
}

/// What tells a route from all others that live at the same time.
fn address(route: &Arc<Resolved>) -> usize {
    Arc::as_ptr(route).addr()
}

fn equal(a: &[Arc<Entry>], b: &[Arc<Entry>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

fn shadows(places: &[Place]) -> Vec<Shadow> {
    let mut first: HashMap<u64, &Arc<Entry>> = HashMap::with_capacity(places.len());
    let mut shadows = Vec::new();
    for candidate in places.iter().filter_map(Place::candidate) {
        let entry = &candidate.entry;
        let by = *first.entry(candidate.fingerprint).or_insert(entry);
        if !Arc::ptr_eq(&by.rule, &entry.rule) && shadow::same(&by.matches, &entry.matches) {
            shadows.push(Shadow { entry: entry.clone(), by: by.clone() });
        }
    }
    shadows
}
