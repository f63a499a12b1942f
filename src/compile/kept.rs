//! Routes, kept from compile to compile: parsed anew where they changed, resolved anew where anything did that they name.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::changes::Changes;
use super::route::{self, Context, Parsed, Resolved, Source};
use crate::table::backend::BackendKey;
use crate::table::matches::Patterns;

/// All routes, by kind and name.
#[derive(Debug, Default)]
pub(super) struct Routes {
    patterns: Patterns,
    kept: Vec<Kept>,
    /// How many routes name each backend, and are served.
    backends: BTreeMap<BackendKey, usize>,
}

/// A route, and what was found of it.
#[derive(Debug)]
struct Kept {
    parsed: Arc<Parsed>,
    resolved: Arc<Resolved>,
}

impl Routes {
    /// Whether a route lost a rule to the number of regular expressions.
    pub(super) fn starved(&self) -> bool {
        self.kept.iter().any(|kept| kept.parsed.starved)
    }

    /// Every backend that a table names.
    pub(super) fn backends(&self) -> BTreeSet<BackendKey> {
        self.backends.keys().cloned().collect()
    }

    /// The routes of the last update by themselves, by kind and name.
    pub(super) fn parsed(&self) -> impl Iterator<Item = &Arc<Parsed>> {
        self.kept.iter().map(|kept| &kept.parsed)
    }

    /// The routes of now, by kind and name.
    pub(super) fn update(&mut self, context: &Context<'_>, changes: &Changes) -> Vec<Arc<Resolved>> {
        let snapshot = context.snapshot;
        let http = snapshot.http_routes.values().map(|route| Source::Http(route.clone()));
        let grpc = snapshot.grpc_routes.values().map(|route| Source::Grpc(route.clone()));
        let mut before = std::mem::take(&mut self.kept).into_iter().peekable();
        for source in http.chain(grpc) {
            while let Some(gone) = before.next_if(|kept| kept.place(&source) == Ordering::Less) {
                self.forget(&gone.resolved);
            }
            let known = before.next_if(|kept| kept.place(&source) == Ordering::Equal);
            let kept = match known {
                Some(kept) if kept.parsed.source.is(&source) && !changes.touch(&kept.resolved) => kept,
                known => self.renew(source, known, context),
            };
            self.kept.push(kept);
        }
        for gone in before {
            self.forget(&gone.resolved);
        }
        self.kept.iter().map(|kept| kept.resolved.clone()).collect()
    }

    fn renew(&mut self, source: Source, known: Option<Kept>, context: &Context<'_>) -> Kept {
        let (parsed, before) = known.map_or((None, None), |kept| (Some(kept.parsed), Some(kept.resolved)));
        let parsed = parsed.filter(|parsed| parsed.source.is(&source));
        let parsed = parsed.unwrap_or_else(|| Arc::new(route::parse(source, &mut self.patterns)));
        let resolved = Arc::new(route::resolve(&parsed, context, before.as_deref()));
        if let Some(before) = before {
            self.forget(&before);
        }
        for key in resolved.served_backends() {
            *self.backends.entry(key.clone()).or_default() += 1;
        }
        Kept { parsed, resolved }
    }

    fn forget(&mut self, route: &Resolved) {
        for key in route.served_backends() {
            if let Some(count) = self.backends.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    self.backends.remove(key);
                }
            }
        }
    }
}

impl Kept {
    /// Where it stands from a route. The same object needs no look at names.
    fn place(&self, source: &Source) -> Ordering {
        if self.parsed.source.is(source) {
            return Ordering::Equal;
        }
        let object = &self.parsed.object;
        (object.kind, &object.name).cmp(&(source.kind(), &source.meta().name))
    }
}
