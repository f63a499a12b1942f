//! `pingway controller`: accepts the classes of a cluster, makes what their Gateways run on, and writes every status.

use std::collections::BTreeSet;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tracing::{info, warn};

use super::log_flags::LogFlags;
use super::page_flags::PageFlags;
use crate::admin::{self, Sources};
use crate::controller::provision::Install;
use crate::controller::{self, Options};
use crate::pipeline::Report;
use crate::proxy::{Addresses, Phase};
use crate::settings::Settings;
use crate::shutdown::Signals;
use crate::telemetry::{Telemetry, log};

/// Where kubelet writes which domain the cluster has.
const RESOLVER: &str = "/etc/resolv.conf";

/// Arguments of `pingway controller`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The image that waypoints run; PINGWAY_IMAGE where it is not given
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// The namespace of the controller, where its Lease is
    #[arg(long, value_name = "NAME", default_value = "pingway-system")]
    namespace: String,

    /// What tells this process from the other replicas: the name of its pod; HOSTNAME where it is not given
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,

    /// Namespaces whose Secrets it reads, by commas; all where it is not given
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    secret_namespaces: Option<Vec<String>>,

    #[command(flatten)]
    pages: PageFlags,

    #[command(flatten)]
    log: LogFlags,
}

/// Runs until a signal ends it.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let log = log::set_up(args.log.filter(), args.log.format())?;
    let options = options(args)?;
    let telemetry = Arc::new(Telemetry::default());
    let report = Arc::new(ArcSwap::from_pointee(Report::default()));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::install()?;
        // It has no sockets of listeners.
        let (_addresses, addresses) = watch::channel(Addresses::default());
        let (phases, phase) = watch::channel(Phase::Running);
        let sources =
            Sources { telemetry: telemetry.clone(), report: report.clone(), addresses, phase, log: Some(log) };
        let pages = admin::start(args.pages.ports(), sources)?;
        info!(metrics = %pages.metrics, admin = pages.admin.map(tracing::field::display), "pages");
        let (stop, stopped) = watch::channel(false);
        let mut running = pin!(controller::run(options, telemetry, report, stopped));
        let name = tokio::select! {
            ended = &mut running => return ended.map_err(Into::into),
            name = signals.next() => name,
        };
        info!(signal = name, "leaving");
        phases.send_replace(Phase::Leaving);
        stop.send_replace(true);
        tokio::select! {
            ended = &mut running => ended?,
            name = signals.next() => warn!(signal = name, "second signal: exiting at once"),
        }
        drop(pages);
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Args) -> anyhow::Result<Options> {
    let from_environment = |given: &Option<String>, name: &str| given.clone().or_else(|| std::env::var(name).ok());
    let image = from_environment(&args.image, "PINGWAY_IMAGE")
        .context("no image for waypoints: --image or PINGWAY_IMAGE names one")?;
    let identity = from_environment(&args.identity, "HOSTNAME")
        .context("nothing tells this process from other replicas: --identity names it")?;
    let names = |names: &Vec<String>| names.iter().map(|name| name.as_str().into()).collect::<BTreeSet<_>>();
    Ok(Options {
        install: Install { image, cluster_role_uid: None },
        namespace: args.namespace.clone(),
        identity,
        secret_namespaces: args.secret_namespaces.as_ref().map(names),
        cluster_domain: std::fs::read_to_string(RESOLVER).ok().and_then(|text| controller::cluster_domain(&text)),
        // Waypoints are made with the default ports.
        own_ports: Settings::default().own_ports(),
    })
}
