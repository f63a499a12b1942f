//! `pingway explain`: which listener, route, rule and backends a request gets, and why the others lost.
//!
//! The tables are compiled and searched by the very code that serves; a witness that records takes the place of the
//! silent one.

mod candidates;
mod effect;
mod find;
mod print;
mod request;
mod words;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;

use crate::compile::{Options, compile};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::source::manifests;
use find::{Configuration, explain};
use request::Request;

/// Arguments of `pingway explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 when a rule takes the request, 1 when none does or the request cannot be read.\n\
                  Example: pingway explain config GET http://shop.test/cart -H 'x-version: 2'")]
pub(super) struct Args {
    /// Folder of manifests, with its subfolders, or a single file
    #[arg(value_name = "DIR")]
    manifests: PathBuf,

    /// Method of the request
    #[arg(value_name = "METHOD")]
    method: String,

    /// URL of the request; its port is the listener's, and an https URL's host is the server name of TLS
    #[arg(value_name = "URL")]
    url: String,

    /// Header field of the request; can be given more than once. A Host goes before the URL's
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// How to print
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,

    /// Explain for a proxy that serves Services of type ExternalName
    #[arg(long)]
    allow_external_names: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Reads, compiles, looks up, prints.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let request = Request::parse(&args.method, &args.url, &args.headers)?;
    let read = manifests::read(&args.manifests).with_context(|| format!("cannot read {}", args.manifests.display()))?;
    for problem in &read.problems {
        eprintln!("{problem}");
    }
    let mut snapshot = Snapshot::default();
    snapshot.apply(read.changes);
    let settings = Settings::default();
    let own = std::iter::once(settings.metrics).chain(settings.admin);
    let options = Options {
        external_names: args.allow_external_names,
        loopback_endpoints: true,
        reserved_ports: own.map(|address| address.port()).collect(),
    };
    let tables = compile(&snapshot, &options, &mut Default::default()).tables;
    let answer = explain(Configuration { tables: &tables, snapshot: &snapshot, options: &options }, &request);
    let printed = match args.output {
        Output::Text => answer.to_string(),
        Output::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    match io::stdout().write_all(printed.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("cannot write to stdout")?,
    }
    Ok(if answer.rule.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests;
