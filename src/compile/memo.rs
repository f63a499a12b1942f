//! Memo: what was found before, for reuse while what it stands on is the same.
//!
//! Objects are compared by pointer, so that looking for what changed costs next to nothing.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use super::Options;
use super::certificate;
use super::gateway::Views;
use super::route::{self, Context, Parsed, Resolved, Source};
use super::tables::Tables;
use crate::api::{Namespace, ObjectName, ReferenceGrant, Service};
use crate::snapshot::{Objects, Snapshot};
use crate::table::matches::Patterns;

/// What was found before.
#[derive(Debug, Default)]
pub struct Memo {
    options: Option<Options>,
    pub(super) certificates: certificate::Known,
    pub(super) views: Views,
    pub(super) tables: Tables,
    patterns: Patterns,
    services: Seen<Service>,
    namespaces: Seen<Namespace>,
    grants: Seen<ReferenceGrant>,
    routes: Vec<Kept>,
}

/// A route, and what was found of it.
#[derive(Debug)]
struct Kept {
    parsed: Arc<Parsed>,
    resolved: Arc<Resolved>,
}

/// Names of what came, went or changed since the compile before.
pub(super) struct Changes {
    services: HashSet<ObjectName>,
    namespaces: HashSet<ObjectName>,
    gateways: HashSet<ObjectName>,
    grants: bool,
}

impl Memo {
    /// Whether a route lost a rule to the number of regular expressions.
    pub(super) fn starved(&self) -> bool {
        self.routes.iter().any(|kept| kept.parsed.starved)
    }

    /// Whether anything was found before.
    pub(super) fn is_fresh(&self) -> bool {
        self.options.is_none()
    }

    /// Begins a compile: all that was found by other options is forgotten.
    pub(super) fn begin(&mut self, options: &Options) {
        if self.options.as_ref() != Some(options) {
            *self = Self { options: Some(options.clone()), ..Self::default() };
        }
    }

    /// Takes note of what changed.
    pub(super) fn changes(&mut self, snapshot: &Snapshot, views: &Views) -> Changes {
        let mut gateways = HashSet::new();
        differences(self.views.iter(), views.iter(), |name| {
            gateways.insert(name.clone());
        });
        self.views.clone_from(views);
        Changes {
            services: self.services.update(&snapshot.services),
            namespaces: self.namespaces.update(&snapshot.namespaces),
            gateways,
            grants: !self.grants.update(&snapshot.grants).is_empty(),
        }
    }

    /// All routes, by kind and name: parsed anew where they changed, resolved anew where anything did that they name.
    pub(super) fn routes(&mut self, context: &Context<'_>, changes: &Changes) -> Vec<Arc<Resolved>> {
        let snapshot = context.snapshot;
        let http = snapshot.http_routes.values().map(|route| Source::Http(route.clone()));
        let grpc = snapshot.grpc_routes.values().map(|route| Source::Grpc(route.clone()));
        let mut before = std::mem::take(&mut self.routes).into_iter().peekable();
        for source in http.chain(grpc) {
            let place = (source.kind(), &source.meta().name);
            let earlier = |kept: &Kept| {
                !kept.parsed.source.is(&source)
                    && (kept.parsed.object.kind, &kept.parsed.object.name).cmp(&place) == Ordering::Less
            };
            while before.next_if(earlier).is_some() {}
            let known = before.next_if(|kept| {
                kept.parsed.source.is(&source) || (kept.parsed.object.kind, &kept.parsed.object.name) == place
            });
            let kept = match known {
                Some(kept) if kept.parsed.source.is(&source) && !changes.touch(&kept.resolved) => kept,
                Some(kept) => {
                    let parsed = match kept.parsed.source.is(&source) {
                        true => kept.parsed,
                        false => Arc::new(route::parse(source, &mut self.patterns)),
                    };
                    let resolved = Arc::new(route::resolve(&parsed, context, Some(&kept.resolved)));
                    Kept { parsed, resolved }
                }
                None => {
                    let parsed = Arc::new(route::parse(source, &mut self.patterns));
                    let resolved = Arc::new(route::resolve(&parsed, context, None));
                    Kept { parsed, resolved }
                }
            };
            self.routes.push(kept);
        }
        self.routes.iter().map(|kept| kept.resolved.clone()).collect()
    }
}

impl Changes {
    /// Whether a route stands on anything that changed.
    fn touch(&self, route: &Resolved) -> bool {
        let depends = &route.depends;
        let named = |changed: &HashSet<ObjectName>, names: &[ObjectName]| {
            !changed.is_empty() && names.iter().any(|name| changed.contains(name))
        };
        named(&self.services, &depends.services)
            || named(&self.gateways, &depends.gateways)
            || (self.grants && depends.crosses)
            || (!self.namespaces.is_empty()
                && self.namespaces.contains(&ObjectName::cluster(route.object.name.namespace.clone())))
    }
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
fn differences<'o, T: 'o>(
    before: impl Iterator<Item = (&'o ObjectName, &'o Arc<T>)>,
    now: impl Iterator<Item = (&'o ObjectName, &'o Arc<T>)>,
    mut tell: impl FnMut(&ObjectName),
) {
    let (mut before, mut now) = (before.peekable(), now.peekable());
    loop {
        let order = match (before.peek(), now.peek()) {
            (Some((_, a)), Some((_, b))) if Arc::ptr_eq(a, b) => {
                (before.next(), now.next());
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
