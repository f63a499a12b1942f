//! `pingway quickstart`: serves the built-in example with echo backends, and prints what to try.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::flags::ServeFlags;
use super::serve::{Own, Served, Started, Wires, serve};
use crate::proxy::Addresses;
use crate::quickstart::{self, Backends, MANIFESTS, Ports, ZTUNNEL_PORT};
use crate::snapshot::{Change, Observed};
use crate::source::SourceEvent;
use crate::source::manifests::read_texts;

/// The port on which the manifests' waypoint takes what is handed over.
const INBOUND: u16 = 15088;

/// Arguments of `pingway quickstart`: those of whatever serves, with defaults for trying it out on one's own machine.
#[derive(Debug, clap::Args)]
#[command(mut_arg("metrics", |arg| arg.default_value("127.0.0.1:15020")))]
#[command(mut_arg("drain_delay", |arg| arg.default_value("0")))]
#[command(mut_arg("drain_deadline", |arg| arg.default_value("500ms")))]
#[command(mut_arg("log", |arg| arg.default_value("warn")))]
pub(super) struct Args {
    #[command(flatten)]
    flags: ServeFlags,
}

/// Serves until a signal ends it.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let map = args.flags.port_map();
    let manifests = read_texts(MANIFESTS);
    let (sender, events) = oneshot::channel();
    let source = |wires: Wires| {
        let backends = start_backends(&map, manifests.clone(), &wires.events)?;
        // The receiver is kept below.
        let _ = sender.send(wires.events);
        Ok(backends)
    };
    serve(&args.flags, Own::default(), Served::All, source, async |started| {
        check(started.observed)?;
        redirect(&manifests.changes, &started, &events.await?).await?;
        print(&started, stand_in(&map, started.addresses).await?);
        Ok(())
    })
}

/// Starts the backends, and tells the manifests as their endpoints then are.
fn start_backends(
    map: &BTreeMap<u16, u16>,
    mut manifests: SourceEvent,
    events: &UnboundedSender<SourceEvent>,
) -> anyhow::Result<Backends> {
    let backends = quickstart::start(&mut manifests.changes, map)?;
    // Without a receiver the pipeline has ended, which is told where it ends.
    let _ = events.send(manifests);
    Ok(backends)
}

/// Whether every socket is bound; else the first one's failure, which names the flag that helps.
fn check(observed: &Observed) -> anyhow::Result<()> {
    match observed.sockets.values().find_map(|bound| bound.as_ref().err()) {
        Some(failure) => bail!("{}", failure.message),
        None => Ok(()),
    }
}

/// The port at which one that the manifests name is open.
fn actual(addresses: &Addresses, declared: u16) -> u16 {
    let mut open = addresses.iter().filter(|(socket, _)| socket.port == declared);
    open.next().map_or(declared, |(_, address)| address.port())
}

/// Lets redirects name the ports as they are, and waits until they are served so.
async fn redirect(
    manifests: &[Change],
    started: &Started<'_>,
    events: &UnboundedSender<SourceEvent>,
) -> anyhow::Result<()> {
    let changes = quickstart::redirects(manifests, |declared| actual(started.addresses, declared));
    if changes.is_empty() {
        return Ok(());
    }
    let mut published = started.published.clone();
    let before = *published.borrow_and_update();
    events.send(SourceEvent { changes, ..SourceEvent::default() })?;
    published.wait_for(|&generation| generation > before).await?;
    Ok(())
}

/// Plays ztunnel's part; answers the port.
async fn stand_in(map: &BTreeMap<u16, u16>, addresses: &Addresses) -> anyhow::Result<u16> {
    let mut inbound = addresses.iter().filter(|(socket, _)| socket.port == INBOUND);
    let (_, address) = inbound.next().context("the manifests have no waypoint")?;
    let port = map.get(&ZTUNNEL_PORT).copied().unwrap_or(ZTUNNEL_PORT);
    quickstart::stand_in(port, *address).await.with_context(|| {
        format!("port {port} cannot be opened, for ztunnel's part: --port-map {ZTUNNEL_PORT}=PORT takes another")
    })
}

/// Prints what to try, where the listeners really are.
fn print(started: &Started<'_>, ztunnel: u16) {
    let actual = |declared| actual(started.addresses, declared);
    let text = quickstart::what_to_try(Ports {
        http: actual(8080),
        https: actual(8443),
        ztunnel,
        metrics: started.pages.metrics.port(),
        admin: started.pages.admin.map(|address| address.port()),
    });
    // Whoever closed the output does not want to know.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
