//! What the controller's loop holds, and one round of it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kube::Client;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tracing::{error, warn};

use super::bundles::{Bundle, Bundles};
use super::facts::{facts, outlived};
use super::owned::{Key, Owned, Told};
use super::policies::PolicyEvents;
use super::provision::{self, object_name};
use super::provisioner::{Provisioned, Provisioner, Wanted};
use super::status::{Writer, Wrote};
use super::{Options, earlier};
use crate::api::{CONTROLLER_NAME, Gateway, Kind, ObjectName};
use crate::compile::{self, Memo, Placement, compile, scope};
use crate::pipeline::{Report, tell_unenforced};
use crate::snapshot::{Change, Secrets, Snapshot};
use crate::source::{Origin, ProblemKind, SourceEvent};
use crate::status::{ConditionType, GatewayStatus, Statuses};
use crate::telemetry::Telemetry;
use crate::telemetry::label::Written;

/// When it is looked again, though nothing has happened.
const LOOK: Duration = Duration::from_secs(60);

/// What the loop holds.
pub(super) struct State {
    options: Options,
    compile_options: compile::Options,
    telemetry: Arc<Telemetry>,
    snapshot: Snapshot,
    memo: Memo,
    owned: Owned,
    bundles: Bundles,
    writer: Writer,
    provisioner: Provisioner,
    policy_events: PolicyEvents,
    /// Something that compile reads has changed.
    changed: bool,
    /// Something came back from where Gateways are served.
    facts_changed: bool,
    /// Reports of pods, or pods, have come or gone.
    reports_changed: bool,
    /// The source has told all that it sees.
    whole: bool,
    published: Arc<ArcSwap<Report>>,
    /// The report to come.
    report: Report,
}

impl State {
    /// Nothing known yet. What comes of writes goes to `wrote`, of provisioning to `done`.
    pub(super) fn new(
        client: Client,
        options: Options,
        telemetry: Arc<Telemetry>,
        published: Arc<ArcSwap<Report>>,
        wrote: UnboundedSender<Wrote>,
        done: UnboundedSender<Provisioned>,
    ) -> Self {
        let compile_options = compile::Options {
            placement: Placement::Pods,
            own_ports: options.own_ports.clone(),
            secret_namespaces: options.secret_namespaces.clone(),
            ..compile::Options::default()
        };
        Self {
            compile_options,
            telemetry,
            snapshot: Snapshot::default(),
            memo: Memo::default(),
            owned: Owned::default(),
            bundles: Bundles::default(),
            writer: Writer::new(client.clone(), &options.identity, wrote),
            policy_events: PolicyEvents::new(client.clone(), &options.identity),
            provisioner: Provisioner::new(client, done),
            options,
            changed: false,
            facts_changed: false,
            reports_changed: false,
            whole: false,
            published,
            report: Report::default(),
        }
    }

    /// Takes in what the source tells.
    pub(super) fn take_source(&mut self, event: SourceEvent) {
        for live in event.live {
            // Facts are those of Gateways of our classes.
            self.facts_changed |= matches!(live.object.kind, Kind::Gateway | Kind::GatewayClass);
            self.writer.see(live);
        }
        for change in &event.changes {
            if let Change::Remove(object) = change {
                self.writer.forget(object);
            }
        }
        for problem in event.problems.iter().filter(|problem| !self.report.source_problems.contains(problem)) {
            warn!("{problem}");
        }
        self.telemetry.problems(event.problems.len());
        self.report.source_problems = Arc::new(event.problems);
        self.whole |= event.scope.is_some();
        self.changed |= self.snapshot.apply(event.changes).configuration || !self.is_compiled();
    }

    /// Takes in what there is of what was made.
    pub(super) fn take_owned(&mut self, kind: &str, told: Told) {
        self.owned.take(kind, told);
        self.facts_changed = true;
        self.reports_changed = true;
    }

    /// Takes in what is known of a CRD.
    pub(super) fn take_bundle(&mut self, told: (&'static str, Bundle)) {
        if self.bundles.take(told) {
            self.snapshot.observed.bundles = self.bundles.installed();
            self.changed = true;
        }
    }

    /// Takes in what came of a write.
    pub(super) fn take_written(&mut self, wrote: Wrote) {
        self.telemetry.wrote(Written::Status, self.writer.take(wrote));
    }

    /// Takes in what came of provisioning.
    pub(super) fn take_provisioned(&mut self, provisioned: Provisioned) {
        for result in provisioned.results() {
            self.telemetry.wrote(Written::Object, result);
        }
        self.facts_changed |= self.provisioner.take(provisioned, &mut self.owned);
    }

    /// Does what follows from all that was taken in. Answers when there is more to do, if nothing else happens.
    pub(super) fn work(&mut self, leads: bool) -> Instant {
        let now = Instant::now();
        let later = now + LOOK;
        if !(self.whole && self.owned.is_whole() && self.bundles.is_whole()) {
            return later;
        }
        if std::mem::take(&mut self.facts_changed) {
            let gateways = self.ours().map(|gateway| (gateway.meta.name.clone(), self.facts(gateway))).collect();
            self.changed |= self.snapshot.observed.gateways != gateways;
            self.snapshot.observed.gateways = gateways;
        }
        if std::mem::take(&mut self.changed) || !self.is_compiled() {
            self.compile();
        }
        self.telemetry.leads(leads);
        if !leads {
            return later;
        }
        if std::mem::take(&mut self.reports_changed) {
            self.remove_outlived(now);
        }
        self.policy_events.tell(&self.report.statuses, &self.snapshot.policies);
        let mut wake = earlier(self.writer.flush(now), self.provisioner.flush(&self.owned, now));
        if self.sees_gateways() {
            wake = earlier(wake, self.provisioner.prune(&self.owned, now));
        }
        if self.facts_changed { now } else { wake.map_or(later, |wake| wake.min(later)) }
    }

    fn is_compiled(&self) -> bool {
        self.report.generation > 0
    }

    fn compile(&mut self) {
        let start = std::time::Instant::now();
        let mut memo = std::mem::take(&mut self.memo);
        let compile = || {
            let statuses = compile(&self.snapshot, &self.compile_options, &mut memo).statuses;
            let wanted = self.wanted(&statuses);
            (statuses, wanted)
        };
        // A panic in a pure step is a defect; it is told, and what was written stays.
        let Ok((statuses, wanted)) = catch_unwind(AssertUnwindSafe(compile)) else {
            self.report.failure = Some("compile failed within: what was written before stays".to_owned());
            error!("compile failed within: what was written before stays");
            return self.published.store(Arc::new(self.report.clone()));
        };
        self.memo = memo;
        self.report.failure = None;
        self.report.last_compile = start.elapsed();
        self.telemetry.compiled(self.report.last_compile);
        self.writer.want(&statuses, self.orphans().cloned().collect());
        self.facts_changed |= self.provisioner.want(wanted);
        self.report.counts.compiles += 1;
        self.report.generation += 1;
        tell_unenforced(&statuses, &self.report.statuses, &self.telemetry);
        self.report.statuses = Arc::new(statuses);
        self.report.observed.clone_from(&self.snapshot.observed);
        self.published.store(Arc::new(self.report.clone()));
    }

    /// What every Gateway of ours is to run on.
    fn wanted(&self, statuses: &Statuses) -> BTreeMap<ObjectName, Wanted> {
        let wanted = |(name, status): (&ObjectName, &Arc<GatewayStatus>)| {
            let gateway = self.snapshot.gateways.get(name)?;
            let refused = gateway.meta.deleted.is_some() || !is_accepted(status);
            let wanted = if refused { Wanted::AsItIs } else { self.objects(gateway, status) };
            Some((name.clone(), wanted))
        };
        let orphans = self.orphans().map(|name| (name.clone(), Wanted::AsItIs));
        statuses.gateways.iter().filter_map(wanted).chain(orphans).collect()
    }

    /// The Gateways whose class is missing. It is not another's either, so what is there of them stays.
    fn orphans(&self) -> impl Iterator<Item = &ObjectName> {
        orphans(&self.snapshot)
    }

    fn objects(&self, gateway: &Gateway, status: &GatewayStatus) -> Wanted {
        let Some(parameters) = provision::resolve(&self.snapshot, gateway) else { return Wanted::AsItIs };
        let (root, labels) = (&parameters.policies.root_namespace, parameters.workload_labels);
        let mut scope = scope(&self.snapshot, &gateway.meta.name, root, labels);
        if let (Secrets::Named(names), Some(seen)) = (&mut scope.secrets, &self.options.secret_namespaces) {
            // No right can be handed out that the controller has not itself.
            names.retain(|name| seen.contains(&name.namespace));
        }
        let mut served = gateway.clone();
        // A listener that is not accepted has nobody behind its port.
        served.spec.listeners.retain(|listener| accepts(status, &listener.name));
        let objects = provision::objects(&served, &parameters, &scope, &self.options.install);
        let addresses = gateway.spec.addresses.iter().any(|address| address.value.is_some());
        Wanted::Objects { objects, addresses }
    }

    /// The Gateways whose class is ours.
    fn ours(&self) -> impl Iterator<Item = &Gateway> {
        let is_ours = |gateway: &&Gateway| {
            let class = ObjectName::cluster(gateway.spec.gateway_class_name.as_str());
            self.snapshot.classes.get(&class).is_some_and(|class| class.spec.controller_name == CONTROLLER_NAME)
        };
        self.snapshot.gateways.values().map(|gateway| &**gateway).filter(is_ours)
    }

    fn facts(&self, gateway: &Gateway) -> crate::snapshot::GatewayFacts {
        let name = &gateway.meta.name;
        let before = self.writer.addresses(name);
        let domain = self.options.cluster_domain.as_deref();
        facts(gateway, &self.owned, before, domain, self.provisioner.failure(name).cloned())
    }

    /// Whether nothing keeps Gateways and their classes from being seen: one that is not seen is not gone.
    fn sees_gateways(&self) -> bool {
        !self.report.source_problems.iter().any(|problem| {
            let hidden = matches!(problem.kind, ProblemKind::Forbidden | ProblemKind::Away);
            hidden && matches!(&problem.origin, Origin::Watch { .. })
        })
    }

    fn remove_outlived(&mut self, now: Instant) {
        let mut gone = Vec::new();
        for gateway in self.ours() {
            let keys = outlived(gateway, &self.owned);
            let name = ObjectName::new(gateway.meta.name.namespace.clone(), object_name(gateway));
            if let Some(config_map) =
                self.owned.get(&Key { kind: "ConfigMap".to_owned(), name }).filter(|_| !keys.is_empty())
            {
                gone.push((config_map.clone(), keys));
            }
        }
        for (config_map, keys) in gone {
            self.provisioner.remove_keys(&config_map, keys, now);
        }
    }
}

fn is_accepted(status: &GatewayStatus) -> bool {
    status.conditions.iter().any(|condition| condition.kind == ConditionType::Accepted && condition.holds)
}

fn accepts(status: &GatewayStatus, listener: &str) -> bool {
    let mut of_name = status.listeners.iter().filter(|status| &*status.name == listener);
    of_name.any(|status| {
        status.conditions.iter().any(|condition| condition.kind == ConditionType::Accepted && condition.holds)
    })
}

fn orphans(snapshot: &Snapshot) -> impl Iterator<Item = &ObjectName> {
    let is_orphan = |(_, gateway): &(&ObjectName, &Arc<Gateway>)| {
        !snapshot.classes.contains_key(&ObjectName::cluster(gateway.spec.gateway_class_name.as_str()))
    };
    snapshot.gateways.iter().filter(is_orphan).map(|(name, _)| name)
}
