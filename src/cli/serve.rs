//! Everything that serves, wired: source, pipeline, request path, pages, and the end.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use anyhow::Context;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tracing::info;

use super::flags::ServeFlags;
use crate::admin::{self, Ports, Sources};
use crate::pipeline::{Input, Pipeline};
use crate::proxy;
use crate::shutdown::{self, Plan, Signals};
use crate::snapshot::Observed;
use crate::source::SourceEvent;
use crate::telemetry::{Telemetry, log};

/// Serves until a signal ends it, and then ends the process. `start_source` gets where a source's changes go; what it
/// answers is kept until the end.
///
/// Errors: what can't be had at the start, like the port of the metrics. What goes wrong later is told, and served around.
pub(super) fn serve<S>(
    flags: &ServeFlags,
    start_source: impl FnOnce(UnboundedSender<SourceEvent>) -> anyhow::Result<S>,
) -> anyhow::Result<ExitCode> {
    let log = log::set_up(flags.log_filter(), flags.log_format())?;
    let telemetry = Arc::new(match flags.access_log() {
        Some(options) => Telemetry::with_access_log(options, Box::new(std::io::stdout()))?,
        None => Telemetry::default(),
    });
    let settings = Arc::new(flags.settings());
    // Listeners and signals share this thread; workers, pipeline and pages have their own.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::install()?;
        let Pipeline { inputs, serving, published, report } = Pipeline::start(flags.options(), telemetry.clone())?;
        let (observed, told) = watch::channel(Observed::default());
        let running = proxy::start(settings.clone(), serving, published.clone(), telemetry.clone(), observed)
            .context("cannot start the workers")?;
        let (addresses, phase) = (running.addresses(), running.phase());
        let ports = Ports { metrics: settings.metrics, admin: settings.admin };
        let pages = admin::start(ports, Sources { telemetry, report, addresses, phase, log: Some(log) })?;
        info!(metrics = %pages.metrics, admin = pages.admin.map(tracing::field::display), "pages");
        tokio::spawn(pass_observed(told, inputs.clone()));
        let (events, told) = unbounded_channel();
        tokio::spawn(pass_events(told, inputs));
        let source = start_source(events)?;
        let plan = Plan { delay: settings.drain_delay, deadline: settings.drain_deadline };
        let ended = shutdown::serve_until_signal(running, plan, &mut signals).await;
        drop((source, pages));
        anyhow::Ok(ended)
    })?;
    std::process::exit(i32::from(ended.exit_code()))
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

/// What a source tells goes to the pipeline.
async fn pass_events(mut events: UnboundedReceiver<SourceEvent>, inputs: Sender<Input>) {
    while let Some(event) = events.recv().await {
        if inputs.send(Input::Source(event)).is_err() {
            return;
        }
    }
}
