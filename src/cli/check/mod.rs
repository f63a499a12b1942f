//! `pingway check`: the status that every object of a folder would get, and whether something is wrong.

mod data;
mod findings;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::folder::{Folder, print};
use crate::compile::{compile, endpoints};
use findings::Findings;

/// Arguments of `pingway check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code: 0 when all is served as it is written (warnings may be told), 1 when something is not \
                        accepted, not resolved, not programmed, not supported or not readable."
)]
pub(super) struct Args {
    /// Folder of manifests, with its subfolders, or a single file
    #[arg(value_name = "DIR")]
    manifests: PathBuf,

    /// How to print
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,

    /// Judge as a proxy does that serves Services of type ExternalName
    #[arg(long)]
    allow_external_names: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Text,
    Yaml,
    Json,
}

/// Reads, compiles, prints.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let findings = find(args)?;
    let printed = match args.output {
        Output::Text => text::print(&findings),
        Output::Yaml => serde_yaml::to_string(&data::document(&findings))?,
        Output::Json => serde_json::to_string_pretty(&data::document(&findings))? + "\n",
    };
    print(&printed)?;
    Ok(if findings.wrong().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(args: &Args) -> anyhow::Result<Findings> {
    let Folder { snapshot, problems, options } = Folder::read(&args.manifests, args.allow_external_names)?;
    let compiled = compile(&snapshot, &options, &mut Default::default());
    let mut statuses = compiled.statuses;
    let of_endpoints = compiled.backends.iter().flat_map(|key| endpoints::warnings(&snapshot, key, &options));
    statuses.warnings.extend(of_endpoints);
    statuses.warnings.sort_unstable();
    statuses.warnings.dedup();
    Ok(Findings::new(&snapshot, statuses, problems))
}
