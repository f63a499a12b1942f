//! Routes, kept from compile to compile: parsed anew where they changed, resolved anew where anything did that they name.
//!
//! What did not change is passed by a look at one address: at thousands of routes, memory is what takes time.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::changes::Changes;
use super::route::{self, Context, Parsed, Resolved, Source};
use crate::api::{GrpcRoute, HttpRoute, Kind, L4Route, ObjectName, ObjectRef};
use crate::shared_map::SharedMap;
use crate::status::RouteStatus;
use crate::table::backend::BackendKey;
use crate::table::matches::Patterns;

/// All routes, by kind and name.
#[derive(Debug, Default)]
pub(super) struct Routes {
    patterns: Patterns,
    kept: Vec<Kept>,
    /// How many lost a rule to the number of regular expressions.
    starved: usize,
    /// How many routes name each backend, and are served.
    backends: BTreeMap<BackendKey, usize>,
    /// Their names, until others are named.
    named: Option<Arc<BTreeSet<BackendKey>>>,
    statuses: SharedMap<ObjectRef, Arc<RouteStatus>>,
    /// Those of which there is something to warn.
    warned: BTreeMap<ObjectRef, Arc<Resolved>>,
}

/// A route, and what was found of it.
#[derive(Debug)]
struct Kept {
    /// Where the object is; `parsed` holds it there.
    address: usize,
    parsed: Arc<Parsed>,
    resolved: Arc<Resolved>,
}

/// Routes that came and went; one that changed did both.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) gone: Vec<Arc<Resolved>>,
    pub(super) come: Vec<Arc<Resolved>>,
}

impl Moved {
    /// Those that are so, and the others.
    pub(super) fn split(self, is_so: impl Fn(&Resolved) -> bool) -> (Self, Self) {
        let is_so = |route: &Arc<Resolved>| is_so(route);
        let (gone, gone_others) = self.gone.into_iter().partition(is_so);
        let (come, come_others) = self.come.into_iter().partition(is_so);
        (Self { gone, come }, Self { gone: gone_others, come: come_others })
    }
}

/// A route of the snapshot.
#[derive(Clone, Copy)]
enum Listed<'s> {
    Http(&'s Arc<HttpRoute>),
    Grpc(&'s Arc<GrpcRoute>),
    Tls(&'s Arc<L4Route>),
    Tcp(&'s Arc<L4Route>),
}

impl Routes {
    /// Whether a route lost a rule to the number of regular expressions.
    pub(super) fn starved(&self) -> bool {
        self.starved > 0
    }

    /// Every backend that a table names.
    pub(super) fn backends(&mut self) -> Arc<BTreeSet<BackendKey>> {
        let named = || Arc::new(self.backends.keys().cloned().collect());
        self.named.get_or_insert_with(named).clone()
    }

    /// The routes of the last update by themselves, by kind and name.
    pub(super) fn parsed(&self) -> impl Iterator<Item = &Arc<Parsed>> {
        self.kept.iter().map(|kept| &kept.parsed)
    }

    /// The statuses of those that have a parent of ours.
    pub(super) fn statuses(&self) -> SharedMap<ObjectRef, Arc<RouteStatus>> {
        self.statuses.clone()
    }

    /// Those of which there is something to warn.
    pub(super) fn warned(&self) -> impl Iterator<Item = &Arc<Resolved>> {
        self.warned.values()
    }

    /// Takes on the routes of now.
    pub(super) fn update(&mut self, context: &Context<'_>, changes: &Changes) -> Moved {
        let mut moved = Moved::default();
        let http = context.snapshot.http_routes.values().map(Listed::Http);
        let grpc = context.snapshot.grpc_routes.values().map(Listed::Grpc);
        let mut before = std::mem::take(&mut self.kept).into_iter().peekable();
        let tls = context.snapshot.tls_routes.values().map(Listed::Tls);
        let tcp = context.snapshot.tcp_routes.values().map(Listed::Tcp);
        for listed in http.chain(grpc).chain(tls).chain(tcp) {
            while let Some(gone) = before.next_if(|kept| kept.place(listed) == Ordering::Less) {
                self.forget(gone, &mut moved);
            }
            let known = before.next_if(|kept| kept.place(listed) == Ordering::Equal);
            let kept = match known {
                Some(kept) if kept.address == listed.address() && !changes.touch(&kept.resolved) => kept,
                known => self.renew(listed, known, context, &mut moved),
            };
            self.kept.push(kept);
        }
        for gone in before {
            self.forget(gone, &mut moved);
        }
        moved
    }

    fn renew(&mut self, listed: Listed<'_>, known: Option<Kept>, context: &Context<'_>, moved: &mut Moved) -> Kept {
        let same = known.as_ref().filter(|known| known.address == listed.address());
        let parsed = match same {
            Some(known) => known.parsed.clone(),
            None => Arc::new(route::parse(listed.source(), &mut self.patterns)),
        };
        let before = known.as_ref().map(|known| &*known.resolved);
        let resolved = Arc::new(route::resolve(&parsed, context, before));
        if let Some(known) = known {
            self.forget(known, moved);
        }
        self.starved += usize::from(parsed.starved);
        for key in resolved.served_backends() {
            let count = self.backends.entry(key.clone()).or_insert_with(|| {
                self.named = None;
                0
            });
            *count += 1;
        }
        if let Some(status) = &resolved.status {
            self.statuses.insert(resolved.object.clone(), status.clone());
        }
        if !resolved.warnings.is_empty() {
            self.warned.insert(resolved.object.clone(), resolved.clone());
        }
        moved.come.push(resolved.clone());
        Kept { address: listed.address(), parsed, resolved }
    }

    fn forget(&mut self, kept: Kept, moved: &mut Moved) {
        let route = kept.resolved;
        self.starved -= usize::from(kept.parsed.starved);
        for key in route.served_backends() {
            if let Some(count) = self.backends.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    self.backends.remove(key);
                    self.named = None;
                }
            }
        }
        self.statuses.remove(&route.object);
        self.warned.remove(&route.object);
        moved.gone.push(route);
    }
}

impl Kept {
    /// Where it stands from a route. The same object needs no look at names.
    fn place(&self, listed: Listed<'_>) -> Ordering {
        if self.address == listed.address() {
            return Ordering::Equal;
        }
        let object = &self.parsed.object;
        (object.kind, &object.name).cmp(&listed.object())
    }
}

impl<'s> Listed<'s> {
    fn address(self) -> usize {
        match self {
            Self::Http(route) => Arc::as_ptr(route).addr(),
            Self::Grpc(route) => Arc::as_ptr(route).addr(),
            Self::Tls(route) | Self::Tcp(route) => Arc::as_ptr(route).addr(),
        }
    }

    fn object(self) -> (Kind, &'s ObjectName) {
        match self {
            Self::Http(route) => (Kind::HttpRoute, &route.meta.name),
            Self::Grpc(route) => (Kind::GrpcRoute, &route.meta.name),
            Self::Tls(route) => (Kind::TlsRoute, &route.meta.name),
            Self::Tcp(route) => (Kind::TcpRoute, &route.meta.name),
        }
    }

    fn source(self) -> Source {
        match self {
            Self::Http(route) => Source::Http(route.clone()),
            Self::Grpc(route) => Source::Grpc(route.clone()),
            Self::Tls(route) => Source::Tls(route.clone()),
            Self::Tcp(route) => Source::Tcp(route.clone()),
        }
    }
}
