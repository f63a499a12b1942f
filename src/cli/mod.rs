//! The command line: one file for each command, and the flags that several share.

mod check;
mod controller;
mod duration;
mod explain;
mod flags;
mod folder;
mod log_flags;
mod page_flags;
mod proxy;
mod quickstart;
mod serve;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A Kubernetes Gateway API proxy.
#[derive(Debug, Parser)]
#[command(name = "pingway", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the Gateways found in a folder of manifests, or the one of a cluster, and follow their changes
    Proxy(Box<proxy::Args>),
    /// Run the controller of a cluster: make what Gateways run on, and write statuses
    Controller(Box<controller::Args>),
    /// Tell which listener, route, rule and backends a request gets, and why the others lost
    Explain(explain::Args),
    /// Serve a built-in example with echo backends, and print what to try
    Quickstart(Box<quickstart::Args>),
    /// Tell which waypoints a cluster has, what is enrolled with them, and what is wrong
    Status(status::Args),
    /// Print the status that every object of a folder of manifests would get
    Check(check::Args),
}

/// Runs the command of the process's arguments; answers its exit code.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Proxy(args) => proxy::run(&args),
        Command::Controller(args) => controller::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Quickstart(args) => quickstart::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Check(args) => check::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("pingway: {error:#}");
        ExitCode::FAILURE
    })
}
