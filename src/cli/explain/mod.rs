//! `pingway explain`: which listener, route, rule and backends a request gets, and why the others lost.
//!
//! The tables are compiled and searched by the very code that serves; a witness that records takes the place of the
//! silent one.

mod candidates;
mod compare;
mod effect;
mod find;
mod line;
mod mesh;
mod pod;
mod pod_arguments;
mod print;
mod request;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::folder::{Folder, print};
use super::proxy::object_name;
use crate::api::ObjectName;
use crate::compile::{Memo, Options, compile};
use crate::snapshot::Snapshot;
use find::{Configuration, explain};
use line::Line;
use request::Request;

/// Arguments of `pingway explain`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code: 0 when a rule takes the request, 1 when none does or the request cannot be read, 3 when the cluster cannot be asked.\n\
                  Example: pingway explain config GET http://shop.test/cart -H 'x-version: 2'\n\
                  Example: pingway explain pod:shop/waypoint-pingway-7d9f-x2x GET http://cart/ --dialled 10.96.0.1:80\n\
                  Example: pingway explain config --line '{\"method\":\"GET\", ...}'\n\
                  Example: pingway explain config GET http://cart/ --dialled 10.96.0.1:80 --identity spiffe://cluster.local/ns/web/sa/shopper"
)]
pub(super) struct Args {
    /// Folder of manifests, with its subfolders, or a single file; or pod:NAMESPACE/NAME, a waypoint's pod of the kubeconfig's cluster
    #[arg(value_name = "DIR", value_parser = place)]
    place: Place,

    /// Method of the request
    #[arg(value_name = "METHOD", required_unless_present = "line", requires = "url")]
    method: Option<String>,

    /// URL of the request; its port is the listener's, and an https URL's host is the server name of TLS
    #[arg(value_name = "URL")]
    url: Option<String>,

    /// In their place a line of the access log: its JSON, a file that has it, or - for standard input
    #[arg(long, value_name = "LINE", conflicts_with_all = ["method", "url", "dialled", "identity"])]
    line: Option<String>,

    /// Header field of the request; can be given more than once. A Host goes before the URL's
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The address that the client dialled, where ztunnel hands the request over to a waypoint
    #[arg(long, value_name = "IP:PORT")]
    dialled: Option<SocketAddr>,

    /// The client's identity then, a SPIFFE id; none: it is from outside of the mesh
    #[arg(long, value_name = "SPIFFE", requires = "dialled")]
    identity: Option<String>,

    /// How to print
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,

    /// Explain for a proxy that serves Services of type ExternalName
    #[arg(long)]
    allow_external_names: bool,
}

/// What is configured, and how it is compiled.
struct Seen {
    snapshot: Snapshot,
    options: Options,
    /// What is wrong with it, for people.
    problems: Vec<String>,
}

/// Where the configuration is.
#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    /// In a cluster, as this pod sees it.
    Pod(ObjectName),
}

fn place(text: &str) -> Result<Place, String> {
    match text.strip_prefix("pod:") {
        Some(name) => object_name(name).map(Place::Pod),
        None => Ok(Place::Folder(text.into())),
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Reads, compiles, looks up, prints.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let line = args.line.as_deref().map(Line::read).transpose()?;
    let Seen { snapshot, options, problems } = match &args.place {
        Place::Folder(folder) => {
            let Folder { snapshot, problems, options } = Folder::read(folder, args.allow_external_names)?;
            Seen { snapshot, options, problems: problems.iter().map(ToString::to_string).collect() }
        }
        Place::Pod(pod) => match pod::read(pod) {
            Ok(seen) => seen,
            Err(error) => {
                eprintln!("pingway: {error:#}");
                return Ok(ExitCode::from(3));
            }
        },
    };
    for problem in &problems {
        eprintln!("{problem}");
    }
    let mut memo = Memo::default();
    let tables = compile(&snapshot, &options, &mut memo).tables;
    let request = match &line {
        Some(line) => line.request(&args.headers)?,
        None => asked(args)?,
    };
    let configuration = Configuration { tables: &tables, memo: &memo, snapshot: &snapshot, options: &options };
    let mut answer = explain(configuration, &request);
    answer.logged = line.map(|line| compare::compare(&line, &answer));
    let printed = match args.output {
        Output::Text => answer.to_string(),
        Output::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    print(&printed)?;
    Ok(if answer.rule.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The request that the command line spells out.
fn asked(args: &Args) -> anyhow::Result<Request> {
    let (method, url) = (args.method.as_deref().unwrap_or_default(), args.url.as_deref().unwrap_or_default());
    let request = Request::parse(method, url, &args.headers)?;
    match args.dialled {
        Some(address) => request.handed_over(address, args.identity.as_deref()),
        None => Ok(request),
    }
}

#[cfg(test)]
mod tests;
