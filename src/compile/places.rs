//! The matches of one host, in order of precedence.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::kept::Moved;
use super::precedence::{Difference, Predicate, Specificity, differ};
use super::route::{Candidate, Resolved};
use super::shadow;
use crate::table::rule::Entry;

/// How many matches are put in their places one by one, rather than that all are sorted.
const FEW: usize = 16;

/// The matches of one host, first in precedence first.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

/// One match of a route.
#[derive(Debug)]
struct Place {
    specificity: Specificity,
    /// The candidate's.
    fingerprint: u64,
    route: Arc<Resolved>,
    candidate: usize,
}

/// A match that never gets a request: an equal one of another rule goes first.
#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) route: Arc<Resolved>,
    pub(super) entry: Arc<Entry>,
    pub(super) by: Arc<Entry>,
}

impl Places {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes on what came and went. `before`: the entries of all matches until now. Answers those of now, and the fingerprints
    /// of what came and went, sorted.
    pub(super) fn change(&mut self, before: &[Arc<Entry>], moved: &Moved) -> (Vec<Arc<Entry>>, Vec<u64>) {
        let mut gone: Vec<usize> = moved.gone.iter().map(address).collect();
        gone.sort_unstable();
        let goes = |place: &Place| gone.binary_search(&address(&place.route)).is_ok();
        let come: Vec<Place> = moved.come.iter().flat_map(places_of).collect();
        let of_gone = self.0.iter().filter(|place| goes(place));
        let mut fingerprints: Vec<u64> = of_gone.chain(&come).map(|place| place.fingerprint).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        let few = come.len() <= FEW;
        let stay = self.0.iter().zip(before).filter(|(place, _)| few && !goes(place));
        let mut entries: Vec<_> = stay.map(|(_, entry)| entry.clone()).collect();
        self.0.retain(|place| !goes(place));
        self.0.reserve_exact(come.len());
        if few {
            entries.reserve_exact(come.len());
            for place in come {
                let Some(entry) = place.entry().cloned() else { continue };
                let at = self.0.partition_point(|other| other.before(&place).is_lt());
                entries.insert(at, entry);
                self.0.insert(at, place);
            }
        } else {
            self.0.extend(come);
            self.0.sort_by(Place::before);
            entries = self.0.iter().filter_map(Place::entry).cloned().collect();
        }
        self.0.shrink_to_fit();
        (entries, fingerprints)
    }

    /// Whether one of these fingerprints, which are sorted, is that of more than one match.
    pub(super) fn repeat(&self, fingerprints: &[u64]) -> bool {
        let mut seen = vec![false; fingerprints.len()];
        let again = |place: &Place| {
            let at = fingerprints.binary_search(&place.fingerprint).ok();
            at.and_then(|at| seen.get_mut(at)).is_some_and(|seen| std::mem::replace(seen, true))
        };
        self.0.iter().any(again)
    }

    /// The shadowed matches.
    pub(super) fn shadows(&self) -> Vec<Shadow> {
        let mut first: HashMap<u64, &Arc<Entry>> = HashMap::with_capacity(self.0.len());
        let mut shadows = Vec::new();
        for (place, entry) in self.0.iter().filter_map(|place| Some((place, place.entry()?))) {
            let by = *first.entry(place.fingerprint).or_insert(entry);
            if !Arc::ptr_eq(&by.rule, &entry.rule) && shadow::same(&by.matches, &entry.matches) {
                shadows.push(Shadow { route: place.route.clone(), entry: entry.clone(), by: by.clone() });
            }
        }
        shadows
    }

    /// What decided between two matches. `None`: not both are there, or they are one.
    pub(super) fn decided(&self, one: &Entry, other: &Entry) -> Option<Predicate> {
        let place = |of: &Entry| {
            let is = |entry: &Entry| Arc::ptr_eq(&entry.rule, &of.rule) && entry.matches == of.matches;
            self.0.iter().find(|place| place.entry().is_some_and(|entry| is(entry)))
        };
        place(one)?.difference(place(other)?).map(|(by, _)| by)
    }
}

fn places_of(route: &Arc<Resolved>) -> impl Iterator<Item = Place> + '_ {
    route.candidates.iter().enumerate().map(|(candidate, one)| Place {
        specificity: one.specificity,
        fingerprint: one.fingerprint,
        route: route.clone(),
        candidate,
    })
}

impl Place {
    fn entry(&self) -> Option<&Arc<Entry>> {
        let candidate: Option<&Candidate> = self.route.candidates.get(self.candidate);
        candidate.map(|candidate| &candidate.entry)
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

/// What tells a route from all others that live at the same time.
fn address(route: &Arc<Resolved>) -> usize {
    Arc::as_ptr(route).addr()
}
