//! Routes by the listeners that have them: how many each has, and which came and went.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::gateway::View;
use super::kept::Moved;
use super::route::Resolved;
use crate::api::ObjectName;

/// How many routes each listener has, kept from compile to compile: by Gateway, then by the listener's place in it.
#[derive(Debug, Default)]
pub(super) struct Attached(BTreeMap<ObjectName, Vec<usize>>);

/// A listener, by its Gateway and its name.
pub(super) type ListenerKey = (ObjectName, Arc<str>);

/// What moved at one Gateway, by the listener's place.
type AtGateway<'r> = (&'r Arc<View>, Vec<Moved>);

impl Attached {
    /// How many routes a listener has.
    pub(super) fn count(&self, gateway: &ObjectName, place: usize) -> usize {
        self.0.get(gateway).and_then(|counts| counts.get(place)).copied().unwrap_or_default()
    }

    /// Takes on what moved; answers it by listener.
    pub(super) fn update(&mut self, moved: &Moved) -> BTreeMap<ListenerKey, Moved> {
        let mut gateways = HashMap::new();
        for route in &moved.gone {
            each(route, &mut gateways, |moved| moved.gone.push(route.clone()));
        }
        for route in &moved.come {
            each(route, &mut gateways, |moved| moved.come.push(route.clone()));
        }
        let mut listeners: BTreeMap<ListenerKey, Moved> = BTreeMap::new();
        // A Gateway may be here twice: as what went saw it, and as what came does.
        for (view, moved) in gateways.into_values() {
            let counts = self.0.entry(view.name.clone()).or_default();
            counts.resize(counts.len().max(moved.len()), 0);
            for ((listener, count), moved) in view.listeners.iter().zip(counts).zip(moved) {
                *count = count.wrapping_add(moved.come.len()).wrapping_sub(moved.gone.len());
                let all = listeners.entry((view.name.clone(), listener.name.clone())).or_default();
                all.gone.extend(moved.gone);
                all.come.extend(moved.come);
            }
        }
        self.0.retain(|_, counts| counts.iter().any(|count| *count > 0));
        listeners
    }
}

fn each<'r>(route: &'r Resolved, gateways: &mut HashMap<usize, AtGateway<'r>>, mut push: impl FnMut(&mut Moved)) {
    for one in &route.attached {
        let new = || (&one.gateway, one.gateway.listeners.iter().map(|_| Moved::default()).collect());
        let (_, moved) = gateways.entry(Arc::as_ptr(&one.gateway).addr()).or_insert_with(new);
        if let Some(moved) = moved.get_mut(one.listener) {
            push(moved);
        }
    }
}
