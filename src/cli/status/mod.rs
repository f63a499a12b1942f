//! `pingway status`: the waypoints of a cluster, who is enrolled with them, what istiod makes of it, and what is wrong.
//!
//! Facts are gathered, and judged by a pure function, with the compile that serves. Never here: writing to the API server.

mod facts;
mod findings;
mod gather;
mod judge;
mod naming;
mod outside;
mod pod;
mod pods;
mod replicas;
mod report;
#[cfg(test)]
mod tests;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Builder;

use super::folder::print;
use crate::source::kubernetes::{connect, words};
use facts::Facts;

/// Arguments of `pingway status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code: 0 when nothing is wrong, 1 when something is, 3 when the cluster cannot be asked.\nThe cluster is the kubeconfig's. \
                  Without it: kubectl get ns,gatewayclass,gateway,svc,serviceentry,cm,pod -A -o yaml > dump.yaml, and --from dump.yaml"
)]
pub(super) struct Args {
    /// Only Gateways of this namespace
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,

    /// Only the Gateway of this name
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,

    /// How to print
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,

    /// A file of what kubectl printed as YAML, in place of a cluster
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Gathers, judges, prints.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let gathered = match &args.from {
        Some(file) => of_file(file),
        None => of_cluster(),
    };
    let facts = match gathered {
        Ok(facts) => facts,
        Err(error) => {
            eprintln!("pingway: {error:#}");
            return Ok(ExitCode::from(3));
        }
    };
    let status = judge::judge(&facts, args.namespace.as_deref(), args.gateway.as_deref());
    let printed = match args.output {
        Output::Text => status.to_string(),
        Output::Json => serde_json::to_string_pretty(&status)? + "\n",
    };
    print(&printed)?;
    Ok(if status.is_wrong() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn of_cluster() -> anyhow::Result<Facts> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = connect().await?;
        gather::gather(&client)
            .await
            .map_err(|error| anyhow::anyhow!("the API server does not answer: {}", words(&error)))
    })
}

fn of_file(file: &Path) -> anyhow::Result<Facts> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut facts = Facts::default();
    for document in serde_yaml::Deserializer::from_str(&text) {
        let object = Value::deserialize(document).with_context(|| format!("{} is not YAML", file.display()))?;
        if !object.is_null() {
            facts.take(object);
        }
    }
    Ok(facts)
}
