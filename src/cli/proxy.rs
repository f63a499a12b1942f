//! `pingway proxy`: serves the Gateways found in a folder of manifests, and follows its changes.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::flags::ServeFlags;
use super::serve::serve;
use crate::source::manifests::follow;

/// Arguments of `pingway proxy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of manifests, with its subfolders
    #[arg(long, value_name = "DIR")]
    manifests: PathBuf,

    #[command(flatten)]
    flags: ServeFlags,
}

/// Serves until a signal ends it.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let source =
        |events| follow(&args.manifests, events).with_context(|| format!("cannot read {}", args.manifests.display()));
    serve(&args.flags, source, async |_| Ok(()))
}
