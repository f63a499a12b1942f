//! Everything that serves, wired: source, pipeline, request path, pages, and the end.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tracing::{info, warn};

use super::flags::ServeFlags;
use crate::admin::{self, Ports, Servers, Sources};
use crate::api::ObjectName;
use crate::api::parameters::WorkloadLabels;
use crate::compile::{Options, Placement, PolicySettings};
use crate::live::Serving;
use crate::pipeline::{Input, Pipeline, Report};
use crate::proxy::{self, Addresses};
use crate::settings::{ServiceAccount, Settings};
use crate::shutdown::{self, Plan, Signals};
use crate::snapshot::{Observed, Scope};
use crate::source::SourceEvent;
use crate::source::names::{self, Names, SystemResolver};
use crate::telemetry::mesh::Cluster;
use crate::telemetry::{Telemetry, log};

/// What is there once a first table is served, and each of its sockets is bound or reported.
pub(super) struct Started<'a> {
    /// Where metrics, health and the admin page are.
    pub(super) pages: &'a Servers,
    /// Where the listeners' sockets are bound.
    pub(super) addresses: &'a Addresses,
    /// Which sockets are bound, and why others are not.
    pub(super) observed: &'a Observed,
    /// The generation that is served.
    pub(super) published: watch::Receiver<u64>,
}

/// What is known of the pod that serves.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Its addresses, which are never dialled: no request reaches it through itself.
    pub(super) addresses: BTreeSet<IpAddr>,
    /// The ServiceAccount that it runs under.
    pub(super) service_account: Option<ServiceAccount>,
    /// The cluster that it is in.
    pub(super) cluster: Cluster,
}

/// Which Gateways are served.
pub(super) enum Served {
    /// All that the source has, in this process.
    All,
    /// One, whose pod this is.
    Pod {
        /// Its name.
        gateway: ObjectName,
        /// The node that the pod is on, where that is known.
        node: Option<Arc<str>>,
        /// The node's zone, where that is known.
        zone: Option<Arc<str>>,
        /// What the Gateway's parameters say of Istio's policies.
        policies: PolicySettings,
        /// Whose workloads are told.
        workload_labels: WorkloadLabels,
    },
}

impl Served {
    /// How they are compiled, `options` being what flags say of that; and the one Gateway, where it is one.
    pub(super) fn options(self, options: Options) -> (Options, Option<ObjectName>) {
        match self {
            Self::All => (options, None),
            Self::Pod { gateway, node, zone, policies, workload_labels } => {
                let placement = Placement::Pods;
                let parameters_unseen = true;
                let told = Options { placement, node, zone, policies, workload_labels, parameters_unseen, ..options };
                (told, Some(gateway))
            }
        }
    }
}

/// What a source works with.
pub(super) struct Wires {
    /// Where its changes go.
    pub(super) events: UnboundedSender<SourceEvent>,
    /// What it is to see, where one Gateway alone is served.
    pub(super) scope: watch::Receiver<Scope>,
    /// What is known of what is served.
    pub(super) report: Arc<ArcSwap<Report>>,
    /// Tells when the report is a new one.
    pub(super) rounds: watch::Receiver<u64>,
}

/// Serves until a signal ends it, and then ends the process. What `start_source` answers is kept until the end. An error
/// of `started` is the command's.
///
/// Errors: what can't be had at the start, like the port of the metrics. What goes wrong later is told, and served around.
pub(super) fn serve<S>(
    flags: &ServeFlags,
    own: Own,
    served: Served,
    start_source: impl FnOnce(Wires) -> anyhow::Result<S>,
    started: impl AsyncFnOnce(Started<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let log = log::set_up(flags.log.filter(), flags.log.format())?;
    let telemetry = Telemetry::of(own.cluster);
    let telemetry = Arc::new(match flags.access_log() {
        Some(options) => telemetry.with_access_log(options, Box::new(std::io::stdout()))?,
        None => telemetry,
    });
    let settings = Arc::new(Settings { service_account: own.service_account, ..flags.settings() });
    // Listeners and signals share this thread; workers, pipeline and pages have their own.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::install()?;
        let (options, gateway) = served.options(Options { own_addresses: own.addresses, ..flags.options() });
        if let Some(gateway) = &gateway {
            info!(%gateway, node = options.node.as_deref(), zone = options.zone.as_deref(), "waypoint");
        }
        let external_names = options.external_names;
        let pipeline = Pipeline::start(options, gateway, telemetry.clone())?;
        let Pipeline { inputs, serving, published, names, scope, report, rounds } = pipeline;
        match resolve_names(names, inputs.clone()) {
            Err(error) if external_names => return Err(error),
            Err(error) => warn!("names of ServiceEntries are not resolved: {error:#}"),
            Ok(()) => {}
        }
        let (observed, told) = watch::channel(Observed::default());
        let running = proxy::start(settings.clone(), serving.clone(), published.clone(), telemetry.clone(), observed)
            .context("cannot start the workers")?;
        let (addresses, phase) = (running.addresses(), running.phase());
        let ports = Ports { metrics: settings.metrics, admin: settings.admin };
        let wires = |events| Wires { events, scope, report: report.clone(), rounds };
        let sources = Sources {
            telemetry: telemetry.clone(),
            report: report.clone(),
            addresses: addresses.clone(),
            phase,
            log: Some(log),
        };
        let pages = admin::start(ports, sources)?;
        info!(metrics = %pages.metrics, admin = pages.admin.map(tracing::field::display), "pages");
        let settled = settle(published.clone(), serving, told.clone());
        tokio::spawn(pass_observed(told.clone(), inputs.clone()));
        let (events, sent) = unbounded_channel();
        tokio::spawn(pass(sent, inputs, Input::Source));
        let source = start_source(wires(events))?;
        let plan = Plan { delay: settings.drain_delay, deadline: settings.drain_deadline };
        let fails_to_start = async {
            settled.await;
            let (observed, addresses) = (told.borrow().clone(), addresses.borrow().clone());
            match started(Started { pages: &pages, addresses: &addresses, observed: &observed, published }).await {
                Ok(()) => tell_unbound(told).await,
                Err(error) => error,
            }
        };
        let ended = tokio::select! {
            ended = shutdown::serve_until_signal(running, plan, &mut signals) => Ok(ended),
            error = fails_to_start => Err(error),
        };
        drop((source, pages));
        ended
    })?;
    telemetry.flush();
    std::process::exit(i32::from(ended.exit_code()))
}

/// Starts to ask what the names of ExternalName Services and ServiceEntries stand for; the answers go to the pipeline.
fn resolve_names(wanted: watch::Receiver<Names>, inputs: Sender<Input>) -> anyhow::Result<()> {
    let resolver = SystemResolver::new().context("cannot read how the system resolves names")?;
    let (told, heard) = unbounded_channel();
    tokio::spawn(names::follow(Arc::new(resolver), wanted, told));
    tokio::spawn(pass(heard, inputs, |(name, resolution)| Input::Resolved(name, resolution)));
    Ok(())
}

/// Waits until a first table is served, and each of its sockets is bound or reported.
async fn settle(
    mut published: watch::Receiver<u64>,
    serving: Arc<ArcSwap<Serving>>,
    mut observed: watch::Receiver<Observed>,
) {
    let told = |observed: &Observed| serving.load().wanted().all(|socket| observed.sockets.contains_key(&socket));
    // What ends before that is told where it ends.
    if published.wait_for(|&generation| generation > 0).await.is_ok() {
        let _ = observed.wait_for(told).await;
    }
}

/// Tells of each socket that can't be bound, once for each reason; without end.
async fn tell_unbound<T>(mut observed: watch::Receiver<Observed>) -> T {
    let mut before = Observed::default();
    loop {
        let now = observed.borrow_and_update().clone();
        for (socket, bound) in &now.sockets {
            if let Err(failure) = bound
                && before.sockets.get(socket) != Some(bound)
            {
                warn!(port = socket.port, "{}; trying again", failure.message);
            }
        }
        before = now;
        if observed.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// What the proxy observes goes to the pipeline.
async fn pass_observed(mut observed: watch::Receiver<Observed>, inputs: Sender<Input>) {
    while observed.changed().await.is_ok() {
        let facts = observed.borrow_and_update().clone();
        if inputs.send(Input::Observed(facts)).is_err() {
            return;
        }
    }
}

/// What is told goes to the pipeline.
async fn pass<T>(mut told: UnboundedReceiver<T>, inputs: Sender<Input>, input: fn(T) -> Input) {
    while let Some(one) = told.recv().await {
        if inputs.send(input(one)).is_err() {
            return;
        }
    }
}
