//! `pingway quickstart`: serves the built-in example with echo backends, and prints what to try.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use tokio::sync::mpsc::UnboundedSender;

use super::flags::ServeFlags;
use super::serve::{Started, serve};
use crate::quickstart::{self, Backends, MANIFESTS, Ports};
use crate::source::SourceEvent;
use crate::source::manifests::read_texts;

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
    serve(&args.flags, |events| start_backends(&map, &events), |started| print(&map, &started))
}

/// Starts the backends, and tells the manifests as their endpoints then are.
fn start_backends(map: &BTreeMap<u16, u16>, events: &UnboundedSender<SourceEvent>) -> anyhow::Result<Backends> {
    let mut event = read_texts(MANIFESTS);
    let backends = quickstart::start(&mut event.changes, map)?;
    // Without a receiver the pipeline has ended, which is told where it ends.
    let _ = events.send(event);
    Ok(backends)
}

/// Prints what to try, where the listeners really are.
fn print(map: &BTreeMap<u16, u16>, started: &Started<'_>) -> anyhow::Result<()> {
    for (socket, bound) in &started.observed.sockets {
        if let Err(failure) = bound {
            let port = map.get(&socket.port).unwrap_or(&socket.port);
            bail!("port {port} cannot be opened ({}): --port-map {}=PORT takes another", failure.message, socket.port);
        }
    }
    let actual = |declared: u16| {
        let mut addresses = started.addresses.iter().filter(|(socket, _)| socket.port == declared);
        addresses.next().map_or(declared, |(_, address)| address.port())
    };
    let text = quickstart::what_to_try(Ports {
        http: actual(8080),
        https: actual(8443),
        metrics: started.pages.metrics.port(),
        admin: started.pages.admin.map(|address| address.port()),
    });
    // Whoever closed the output does not want to know.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
