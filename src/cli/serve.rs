//! Everything that serves, wired: source, pipeline, request path, pages, and the end.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use anyhow::Context;
use tokio::runtime::Builder;
use tokio::sync::watch;

use super::flags::ServeFlags;
use crate::pipeline::{Input, Pipeline};
use crate::proxy::{self, Running};
use crate::settings::Settings;
use crate::shutdown::{self, Plan, Signals};
use crate::snapshot::Observed;
use crate::telemetry::{Telemetry, log};

/// Serves until a signal ends it. `start_source` gets where a source's changes go; what it answers is kept until the end.
///
/// Errors: what can't be had at the start, like the port of the metrics. What goes wrong later is told, and served around.
pub(super) fn serve<S>(
    flags: &ServeFlags,
    start_source: impl FnOnce(Sender<Input>) -> anyhow::Result<S>,
) -> anyhow::Result<ExitCode> {
    let log = log::set_up(flags.log_filter(), flags.log_format())?;
    let settings = Arc::new(flags.settings());
    let telemetry = Arc::new(match flags.access_log() {
        Some(options) => Telemetry::with_access_log(options, Box::new(std::io::stdout()))?,
        None => Telemetry::default(),
    });
    // Listeners, pages and signals share one thread; the workers and the pipeline have their own.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::install()?;
        let pipeline = Pipeline::start(flags.options(), telemetry.clone())?;
        let source = start_source(pipeline.inputs.clone())?;
        let running = start(&settings, &pipeline, &telemetry).await?;
        let plan = Plan { delay: settings.drain_delay, deadline: settings.drain_deadline };
        let ended = shutdown::serve_until_signal(running, plan, &mut signals).await;
        drop((source, log));
        anyhow::Ok(ended)
    })?;
    std::process::exit(i32::from(ended.exit_code()))
}

/// Starts the request path once a first table is served, and waits until each of its sockets is bound or reported.
async fn start(settings: &Arc<Settings>, pipeline: &Pipeline, telemetry: &Arc<Telemetry>) -> anyhow::Result<Running> {
    let mut published = pipeline.published.clone();
    published.wait_for(|&generation| generation > 0).await.context("the pipeline ended")?;
    let (observed, mut seen) = watch::channel(Observed::default());
    let serving = pipeline.serving.clone();
    let running = proxy::start(settings.clone(), serving.clone(), published, telemetry.clone(), observed)
        .context("cannot start the workers")?;
    let told = |observed: &Observed| serving.load().sockets.keys().all(|socket| observed.sockets.contains_key(socket));
    seen.wait_for(told).await.context("the listeners ended")?;
    let inputs = pipeline.inputs.clone();
    tokio::spawn(async move {
        seen.mark_changed();
        while seen.changed().await.is_ok() {
            let observed = seen.borrow_and_update().clone();
            if inputs.send(Input::Observed(observed)).is_err() {
                return;
            }
        }
    });
    Ok(running)
}
