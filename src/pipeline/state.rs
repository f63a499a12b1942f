//! What the pipeline's thread holds, and one round of it.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::{GatewayServed, Input, Report, tell_unenforced};
use crate::api::ObjectName;
use crate::compile::endpoints::{awaits_resolution, dns_name, endpoints, warnings};
use crate::compile::{Compiled, Memo, Options, scope};
use crate::live::{Backend, Graveyard, Registry, Serving, link};
#[cfg(test)]
use crate::snapshot::Change;
use crate::snapshot::{Scope, Snapshot};
use crate::source::names::Names;
use crate::source::{Problem, SourceEvent};
use crate::status::{Warning, WarningKind};
use crate::table::RouteTable;
use crate::table::backend::{BackendKey, Endpoints};
use crate::telemetry::Telemetry;

/// `compile`, or what a test puts in its place.
type Compile = fn(&Snapshot, &Options, &mut Memo) -> Compiled;

/// What the pipeline's thread holds.
pub(super) struct State {
    options: Options,
    telemetry: Arc<Telemetry>,
    compile: Compile,
    snapshot: Snapshot,
    memo: Memo,
    registry: Registry,
    graveyard: Graveyard,
    published: watch::Sender<u64>,
    pub(super) names: watch::Sender<Names>,
    /// The one Gateway that is served, from whose listeners and routes it follows what is seen; `None`: all that the source has.
    gateway: Option<ObjectName>,
    pub(super) scope: watch::Sender<Scope>,
    /// The scope of which the source has told everything.
    seen: Option<Scope>,
    pub(super) serving: Arc<ArcSwap<Serving>>,
    pub(super) report: Arc<ArcSwap<Report>>,
    /// Rounds of which the report tells.
    pub(super) rounds: watch::Sender<u64>,
    /// The report to come.
    next: Report,
}

/// What was found of a backend in the snapshot.
pub(super) struct Found {
    endpoints: Endpoints,
    warnings: Vec<Warning>,
}

impl State {
    /// Nothing served yet; also the receiver of what is published.
    pub(super) fn new(
        options: Options,
        gateway: Option<ObjectName>,
        telemetry: Arc<Telemetry>,
        compile: Compile,
    ) -> (Self, watch::Receiver<u64>) {
        let (published, receiver) = watch::channel(0);
        let scope = gateway.clone().map_or_else(Scope::everything, Scope::of_gateway);
        let state = Self {
            options,
            registry: Registry::new(telemetry.clone()),
            telemetry,
            compile,
            snapshot: Snapshot::default(),
            memo: Memo::default(),
            graveyard: Graveyard::default(),
            published,
            names: watch::Sender::default(),
            gateway,
            scope: watch::Sender::new(scope),
            seen: None,
            serving: Arc::default(),
            report: Arc::default(),
            rounds: watch::Sender::default(),
            next: Report::default(),
        };
        (state, receiver)
    }

    /// Takes in a batch of inputs and does what follows from it.
    pub(super) fn round(&mut self, inputs: impl IntoIterator<Item = Input>) {
        self.next.counts.rounds += 1;
        let mut changes = Vec::new();
        let mut renamed = Vec::new();
        let mut source_spoke = false;
        let mut recompile = false;
        for input in inputs {
            match input {
                Input::Source(SourceEvent { changes: more, problems, scope, .. }) => {
                    source_spoke = true;
                    self.seen = scope.or(self.seen.take());
                    changes.extend(more);
                    self.take_problems(problems);
                }
                Input::Observed(observed) if observed != self.snapshot.observed => {
                    recompile = self.next.generation > 0;
                    self.snapshot.observed = observed;
                }
                Input::Observed(_) => {}
                Input::Resolved(name, resolution) => renamed.extend(self.snapshot.hear(name, resolution)),
            }
        }
        let mut touched = self.snapshot.apply(changes);
        touched.services.append(&mut renamed);
        self.registry.workloads().update(&touched.pods);
        let first = source_spoke && self.next.generation == 0;
        if touched.configuration {
            self.follow_scope();
        }
        if self.next.generation == 0 && !self.sees_everything() {
            return self.publish_report();
        }
        let emptied = self.update_filled(&touched.services);
        if touched.configuration || recompile || first {
            self.compile_and_publish();
        }
        for (backend, found) in emptied {
            self.update(&backend, found);
        }
        self.sweep();
        self.want_names();
        self.publish_report();
    }

    /// Applies changes to the snapshot and does nothing else about them.
    #[cfg(test)]
    pub(super) fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.snapshot.apply(changes);
    }

    /// Drops old servings and backends that nobody holds any more, and what sockets that are gone were served from. Answers
    /// whether something is left to be dropped.
    pub(super) fn sweep(&mut self) -> bool {
        let still_needed = self.serving.load().without_left();
        if let Some(serving) = still_needed {
            self.graveyard.bury(self.serving.swap(Arc::new(serving)));
        }
        let replaced = !self.graveyard.is_empty();
        let held = self.graveyard.sweep();
        if replaced && held == 0 {
            self.registry.tidy();
        }
        self.telemetry.tables(held + usize::from(self.next.generation > 0));
        let forgotten = self.registry.forget_unused();
        for key in &forgotten {
            self.telemetry.endpoints(&key.service.namespace, &key.service.name, key.port, None);
        }
        if !forgotten.is_empty() {
            Arc::make_mut(&mut self.next.endpoint_warnings).retain(|key, _| !forgotten.contains(key));
            self.count_not_dialled();
            self.list_backends();
        }
        held > 0 || !self.serving.load().leaving.is_empty()
    }

    /// Updates the backends of these Services that have endpoints now, and answers those that have none: a route that left
    /// such a backend in the same round must be published first.
    pub(super) fn update_filled(&mut self, services: &[ObjectName]) -> Vec<(Arc<Backend>, Found)> {
        let mut emptied = Vec::new();
        for service in services.iter().collect::<BTreeSet<_>>() {
            let key = |port| BackendKey { service: service.clone(), port };
            let backends: Vec<_> =
                self.registry.backends().range(key(0)..=key(u16::MAX)).map(|(_, b)| b.clone()).collect();
            for backend in backends {
                match self.find(&backend.key) {
                    Some(found) if found.endpoints.addresses.is_empty() => emptied.push((backend, found)),
                    Some(found) => self.update(&backend, found),
                    None => {}
                }
            }
        }
        emptied
    }

    /// The endpoints of a backend now. `None`: they are not known yet, or finding them failed within, and it keeps those
    /// that it has.
    fn find(&mut self, key: &BackendKey) -> Option<Found> {
        let (snapshot, options) = (&self.snapshot, &self.options);
        if awaits_resolution(snapshot, key, options) {
            return None;
        }
        let find =
            || Found { endpoints: endpoints(snapshot, key, options), warnings: warnings(snapshot, key, options) };
        catch_unwind(AssertUnwindSafe(find)).map_err(|panic| self.failed("endpoints", &*panic)).ok()
    }

    fn update(&mut self, backend: &Backend, found: Found) {
        backend.update(&found.endpoints);
        self.next.counts.endpoint_updates += 1;
        let BackendKey { service, port } = &backend.key;
        self.telemetry.endpoints(&service.namespace, &service.name, *port, Some(found.endpoints.addresses.len()));
        let before = self.next.endpoint_warnings.get(&backend.key).map_or(&[][..], Vec::as_slice);
        if before != found.warnings {
            let new = found.warnings.iter().filter(|warning| !before.contains(warning));
            for warning in new.filter(|warning| warning.kind == WarningKind::EndpointNotDialled) {
                warn!("{warning}");
            }
            Arc::make_mut(&mut self.next.endpoint_warnings).insert(backend.key.clone(), found.warnings);
            self.count_not_dialled();
        }
    }

    fn count_not_dialled(&self) {
        let warnings = self.next.endpoint_warnings.values().flatten();
        let count = warnings.filter(|warning| warning.kind == WarningKind::EndpointNotDialled).count();
        self.telemetry.endpoints_not_dialled(count);
    }

    /// Tells what is to be seen now.
    fn follow_scope(&mut self) {
        let Some(gateway) = &self.gateway else { return };
        let Options { policies, workload_labels, .. } = &self.options;
        let wanted = scope(&self.snapshot, gateway, &policies.root_namespace, *workload_labels);
        self.scope.send_if_modified(|scope| {
            let differs = *scope != wanted;
            *scope = wanted;
            differs
        });
    }

    /// Whether the source has told all that the Gateway needs. A table of less would answer 404 where routes are to come.
    fn sees_everything(&self) -> bool {
        let Some(gateway) = &self.gateway else { return true };
        self.snapshot.gateways.contains_key(gateway) && self.seen.as_ref() == Some(&*self.scope.borrow())
    }

    /// Tells which names are to be resolved, and forgets what others stood for.
    fn want_names(&mut self) {
        // Most clusters have no names to ask, and many backends.
        let may_have = self.options.external_names || !self.snapshot.entries.is_empty();
        if !may_have && self.names.borrow().is_empty() {
            return;
        }
        let (backends, round) = (self.registry.backends().keys(), self.next.counts.rounds);
        let wanted_names = backends.filter_map(|key| dns_name(&self.snapshot, key, &self.options));
        let mut wanted: Names = wanted_names.map(|name| (name, round)).collect();
        self.snapshot.names.retain(|name, _| wanted.contains_key(name));
        self.names.send_if_modified(|names| {
            for (name, since) in &mut wanted {
                *since = names.get(name).copied().unwrap_or(round);
            }
            let differs = *names != wanted;
            *names = wanted;
            differs
        });
    }

    fn compile_and_publish(&mut self) {
        let start = Instant::now();
        self.next.failure = None;
        self.next.counts.compiles += 1;
        let compile = || (self.compile)(&self.snapshot, &self.options, &mut self.memo);
        let compiled = match catch_unwind(AssertUnwindSafe(compile)) {
            Ok(compiled) => compiled,
            Err(panic) => {
                self.memo = Memo::default();
                return self.failed("compile", &*panic);
            }
        };
        self.next.last_compile = start.elapsed();
        self.telemetry.compiled(self.next.last_compile);
        tell_unenforced(&compiled.statuses, &self.next.statuses, &self.telemetry);
        self.next.statuses = Arc::new(compiled.statuses);
        self.next.gateway = self.served();
        if self.next.generation == 0 || !same_tables(&compiled.tables, &self.next.tables) {
            self.link_and_publish(compiled.tables);
        }
    }

    /// The one Gateway that is served, as it is in the snapshot.
    fn served(&self) -> Option<GatewayServed> {
        let meta = &self.snapshot.gateways.get(self.gateway.as_ref()?)?.meta;
        let uid = meta.uid.clone().unwrap_or_default();
        Some(GatewayServed { name: meta.name.clone(), uid, generation: meta.generation })
    }

    fn link_and_publish(&mut self, tables: BTreeMap<ObjectName, Arc<RouteTable>>) {
        let start = Instant::now();
        let before = self.serving.load_full();
        let linked = catch_unwind(AssertUnwindSafe(|| link(&tables, &mut self.registry, &before)));
        let serving = match linked {
            Ok(serving) => serving,
            Err(panic) => return self.failed("link", &*panic),
        };
        let new_backends = self.registry.take_new_backends();
        for backend in &new_backends {
            if let Some(found) = self.find(&backend.key) {
                self.update(backend, found);
            }
        }
        let generation = serving.generation;
        drop(before);
        self.graveyard.bury(self.serving.swap(Arc::new(serving)));
        self.published.send_replace(generation);
        self.next.generation = generation;
        self.next.tables = Arc::new(tables);
        self.next.last_link = start.elapsed();
        self.telemetry.published(generation, self.next.last_link);
        self.take_refused();
        if !new_backends.is_empty() {
            self.list_backends();
        }
        info!(generation, compile = ?self.next.last_compile, link = ?self.next.last_link, "serving");
    }

    fn take_problems(&mut self, problems: Vec<Problem>) {
        for problem in problems.iter().filter(|problem| !self.next.source_problems.contains(problem)) {
            warn!("{problem}");
        }
        self.next.source_problems = Arc::new(problems);
    }

    fn take_refused(&mut self) {
        let refused = self.registry.refused_certificates();
        for certificate in refused.iter().filter(|refused| !self.next.refused_certificates.contains(refused)) {
            warn!("{certificate}");
        }
        self.next.refused_certificates = refused.to_vec();
    }

    fn list_backends(&mut self) {
        let weak = |(key, backend): (&BackendKey, &Arc<Backend>)| (key.clone(), Arc::downgrade(backend));
        self.next.backends = Arc::new(self.registry.backends().iter().map(weak).collect());
    }

    /// A panic in a pure step is a defect; it is told, and what served before serves on.
    fn failed(&mut self, step: &str, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let failure = format!("{step} failed within ({}): what served before serves on", text.unwrap_or("no message"));
        error!("{failure}");
        self.next.failure = Some(failure);
    }

    fn publish_report(&mut self) {
        self.next.observed.clone_from(&self.snapshot.observed);
        self.telemetry.problems(self.next.problems().count());
        self.report.store(Arc::new(self.next.clone()));
        self.rounds.send_replace(self.next.counts.rounds);
    }
}

fn same_tables(a: &BTreeMap<ObjectName, Arc<RouteTable>>, b: &BTreeMap<ObjectName, Arc<RouteTable>>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((a, x), (b, y))| a == b && Arc::ptr_eq(x, y))
}
