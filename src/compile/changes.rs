//! Changes: which objects are not the same as at the compile before.
//!
//! Objects are compared by pointer, so that looking for what changed costs next to nothing.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use super::parent::Views;
use super::route::Resolved;
use crate::api::{Namespace, ObjectName, ObjectRef, ReferenceGrant, Service, ServiceEntry, WorkloadEntry};
use crate::snapshot::{Objects, Snapshot, served_hosts};

/// The objects of the compile before.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) views: Views,
    services: Seen<Service>,
    entries: Seen<ServiceEntry>,
    workloads: Seen<WorkloadEntry>,
    namespaces: Seen<Namespace>,
    grants: Seen<ReferenceGrant>,
}

/// Names of what came, went or changed since the compile before.
pub(super) struct Changes {
    /// Whether there are any: if not, no route need be looked at.
    any: bool,
    services: HashSet<ObjectName>,
    /// Whether there are ServiceEntries or WorkloadEntries among it.
    entries: bool,
    namespaces: HashSet<ObjectName>,
    parents: HashSet<ObjectRef>,
    grants: bool,
}

impl History {
    /// Takes note of what changed of the objects.
    pub(super) fn changes(&mut self, snapshot: &Snapshot) -> Changes {
        let mut services = self.services.update(&snapshot.services);
        let changed = self.entries.update(&snapshot.entries);
        let entries = !self.workloads.update(&snapshot.workloads).is_empty() || !changed.is_empty();
        // By its name alone a host is looked for in all namespaces, and what it is exported to is the entry's word.
        let exported =
            changed.iter().filter_map(|name| snapshot.entries.get(name)).flat_map(|entry| served_hosts(entry));
        let hosts: Vec<_> = services.iter().filter(|name| name.is_host()).cloned().chain(exported).collect();
        services.extend(hosts.into_iter().map(|host| ObjectName::cluster(host.name)));
        let namespaces = self.namespaces.update(&snapshot.namespaces);
        let grants = !self.grants.update(&snapshot.grants).is_empty();
        let any = grants || entries || !services.is_empty() || !namespaces.is_empty();
        Changes { any, services, entries, namespaces, parents: HashSet::new(), grants }
    }

    /// Takes note of which parents look otherwise to routes.
    pub(super) fn parents(&mut self, views: &Views, changes: &mut Changes) {
        differences(self.views.iter(), views.iter(), |parent| {
            changes.parents.insert(parent.clone());
        });
        self.views.clone_from(views);
        changes.any |= !changes.parents.is_empty();
    }
}

impl Changes {
    /// Whether Services, ServiceEntries and namespaces are as they were.
    pub(super) fn spare_services(&self) -> bool {
        self.services.is_empty() && !self.entries && self.namespaces.is_empty()
    }

    /// Whether a route stands on anything that changed.
    pub(super) fn touch(&self, route: &Resolved) -> bool {
        if !self.any {
            return false;
        }
        let depends = &route.depends;
        names(&self.services, &depends.services)
            || names(&self.parents, &depends.parents)
            || (self.grants && depends.crosses)
            || (!self.namespaces.is_empty()
                && self.namespaces.contains(&ObjectName::cluster(route.object.name.namespace.clone())))
    }
}

fn names<K: Eq + Hash>(changed: &HashSet<K>, named: &[K]) -> bool {
    !changed.is_empty() && named.iter().any(|name| changed.contains(name))
}

/// The objects of one kind at the compile before.
#[derive(Debug)]
struct Seen<T>(Vec<(ObjectName, Arc<T>)>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Seen<T> {
    /// The names of those that are not the same now.
    fn update(&mut self, now: &Objects<T>) -> HashSet<ObjectName> {
        let mut changed = HashSet::new();
        differences(self.0.iter().map(|(name, object)| (name, object)), now.iter(), |name| {
            changed.insert(name.clone());
        });
        if !changed.is_empty() {
            self.0 = now.iter().map(|(name, object)| (name.clone(), object.clone())).collect();
        }
        changed
    }
}

/// Tells the names that do not lead to the same object in two sorted lists.
fn differences<'o, K: Ord + 'o, T: 'o>(
    before: impl Iterator<Item = (&'o K, &'o Arc<T>)>,
    now: impl Iterator<Item = (&'o K, &'o Arc<T>)>,
    mut tell: impl FnMut(&K),
) {
    let (mut before, mut now) = (before.peekable(), now.peekable());
    loop {
        let order = match (before.peek(), now.peek()) {
            (Some((_, a)), Some((_, b))) if Arc::ptr_eq(a, b) => {
                before.next();
                now.next();
                continue;
            }
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let (a, b) = (before.next_if(|_| order != Ordering::Greater), now.next_if(|_| order != Ordering::Less));
        if let Some((name, _)) = a.or(b) {
            tell(name);
        }
    }
}
