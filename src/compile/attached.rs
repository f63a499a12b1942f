//! Routes by the listeners that have them: how many each has, and which came and went.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::kept::Moved;
use super::parent::View;
use super::route::Resolved;
use crate::api::ObjectRef;

/// How many routes each listener has, kept from compile to compile: by parent, then by the listener's place in it.
#[derive(Debug, Default)]
pub(super) struct Attached(BTreeMap<ObjectRef, Vec<usize>>);

/// A listener, by its parent and its name.
pub(super) type ListenerKey = (ObjectRef, Arc<str>);

/// What moved at one parent, by the listener's place.
type AtParent<'r> = (&'r Arc<View>, Vec<Moved>);

impl Attached {
    /// How many routes a listener has.
    pub(super) fn count(&self, parent: &ObjectRef, place: usize) -> usize {
        self.0.get(parent).and_then(|counts| counts.get(place)).copied().unwrap_or_default()
    }

    /// Takes on what moved; answers it by listener.
    pub(super) fn update(&mut self, moved: &Moved) -> BTreeMap<ListenerKey, Moved> {
        let mut parents = HashMap::new();
        for route in &moved.gone {
            each(route, &mut parents, |moved| moved.gone.push(route.clone()));
        }
        for route in &moved.come {
            each(route, &mut parents, |moved| moved.come.push(route.clone()));
        }
        let mut listeners: BTreeMap<ListenerKey, Moved> = BTreeMap::new();
        // A parent may be here twice: as what went saw it, and as what came does.
        for (view, moved) in parents.into_values() {
            let counts = self.0.entry(view.object.clone()).or_default();
            counts.resize(counts.len().max(moved.len()), 0);
            for ((listener, count), moved) in view.listeners.iter().zip(counts).zip(moved) {
                *count = count.wrapping_add(moved.come.len()).wrapping_sub(moved.gone.len());
                let all = listeners.entry((view.object.clone(), listener.name.clone())).or_default();
                all.gone.extend(moved.gone);
                all.come.extend(moved.come);
            }
        }
        self.0.retain(|_, counts| counts.iter().any(|count| *count > 0));
        listeners
    }
}

fn each<'r>(route: &'r Resolved, parents: &mut HashMap<usize, AtParent<'r>>, mut push: impl FnMut(&mut Moved)) {
    for one in &route.attached {
        let new = || (&one.view, one.view.listeners.iter().map(|_| Moved::default()).collect());
        let (_, moved) = parents.entry(Arc::as_ptr(&one.view).addr()).or_insert_with(new);
        if let Some(moved) = moved.get_mut(one.listener) {
            push(moved);
        }
    }
}
