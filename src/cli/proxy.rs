//! `pingway proxy`: serves the Gateways found in a folder of manifests, or, as a waypoint's pod, the one of a cluster that it
//! is for.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use super::flags::ServeFlags;
use super::serve::{Own, Served, Wires, serve};
use crate::api::ObjectName;
use crate::api::parameters::{Unenforced, WorkloadLabels};
use crate::compile::{Options, PolicySettings};
use crate::settings::ServiceAccount;
use crate::source::{kubernetes, manifests};
use crate::telemetry::mesh::Cluster;
use crate::waypoint;

/// Arguments of `pingway proxy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,

    /// Addresses of this pod, by commas: never dialled, so that no request reaches the proxy through itself
    #[arg(long, value_name = "IP,..", value_delimiter = ',')]
    own_addresses: Vec<IpAddr>,

    /// The ServiceAccount that this pod runs under: what ztunnel hands over from there is a loop, and refused
    #[arg(long, value_name = "NS/NAME", value_parser = object_name)]
    service_account: Option<ObjectName>,

    /// The node that this pod is on: of Services that ask for it, endpoints there get requests before others, or alone
    #[arg(long, value_name = "NAME", requires = "gateway")]
    node: Option<String>,

    /// The zone of that node, likewise; empty: it has none
    #[arg(long, value_name = "NAME", requires = "node")]
    zone: Option<String>,

    /// Deny or Warn: what becomes of what policies of Istio would judge that are not enforced; by default by their kind
    #[arg(long, value_name = "WORD", value_parser = unenforced, requires = "gateway")]
    unenforced_policies: Option<Unenforced>,

    /// Istio's root namespace, where policies may be for the Gateway's class
    #[arg(long, value_name = "NAME", requires = "gateway", default_value = "istio-system")]
    root_namespace: String,

    /// Local, Cluster or Off: whose workloads are told in metrics and the access log
    #[arg(long, value_name = "WORD", value_parser = workload_labels, requires = "gateway", default_value = "Local")]
    workload_labels: WorkloadLabels,

    /// The cluster's name in Istio's metrics, as Istio's installation has it
    #[arg(long, value_name = "NAME", default_value = "Kubernetes")]
    cluster_name: String,

    /// The domain below which Services have names in Istio's metrics, likewise
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    cluster_domain: String,

    /// ConfigMap of the Gateway's namespace in which this pod reports what it serves
    #[arg(long, value_name = "NAME", requires_all = ["gateway", "pod"])]
    report: Option<String>,

    /// The name of this pod
    #[arg(long, value_name = "NAME", requires = "report")]
    pod: Option<String>,

    #[command(flatten)]
    flags: ServeFlags,
}

/// Where objects come from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct From {
    /// Folder of manifests, with its subfolders
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,

    /// The Gateway to serve, of the cluster whose pod this is (elsewhere: of KUBECONFIG)
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = object_name)]
    gateway: Option<ObjectName>,
}

/// Serves until a signal ends it.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.from {
        From { gateway: Some(gateway), .. } => serve_gateway(args, gateway),
        From { manifests, .. } => serve_folder(args, manifests.as_deref().unwrap_or(Path::new("."))),
    }
}

fn serve_folder(args: &Args, folder: &Path) -> anyhow::Result<ExitCode> {
    let source = |wires: Wires| {
        manifests::follow(folder, wires.events).with_context(|| format!("cannot read {}", folder.display()))
    };
    serve(&args.flags, own(args), Served::All, source, async |_| Ok(()))
}

/// The Gateway of a cluster that a proxy of these arguments serves, and how it compiles it; `None`: it serves a folder.
pub(super) fn waypoint(args: &Args) -> Option<(ObjectName, Options)> {
    let gateway = args.from.gateway.as_ref()?;
    let flags = Options { own_addresses: own(args).addresses, ..args.flags.options() };
    Some((gateway.clone(), served(args, gateway).options(flags).0))
}

/// Where a proxy of these arguments reports what it serves: a ConfigMap, and the name of its pod.
pub(super) fn report(args: &Args) -> Option<(&str, &str)> {
    args.report.as_deref().zip(args.pod.as_deref())
}

fn served(args: &Args, gateway: &ObjectName) -> Served {
    // A label that a pod does not have comes as an empty word.
    let [node, zone] =
        [&args.node, &args.zone].map(|place| place.as_deref().filter(|name| !name.is_empty()).map(Arc::from));
    let (unenforced, root_namespace) = (args.unenforced_policies, args.root_namespace.as_str().into());
    let policies = PolicySettings { unenforced, root_namespace };
    Served::Pod { gateway: gateway.clone(), node, zone, policies, workload_labels: args.workload_labels }
}

fn serve_gateway(args: &Args, gateway: &ObjectName) -> anyhow::Result<ExitCode> {
    let served = served(args, gateway);
    let place = report(args).map(|(config_map, pod)| {
        let (config_map, pod) = (config_map.to_owned(), pod.to_owned());
        waypoint::Place { namespace: gateway.namespace.to_string(), config_map, pod }
    });
    let source = |wires: Wires| {
        let source = kubernetes::start(wires.scope, wires.events)?;
        let reporter = place.map(|place| waypoint::start(place, wires.report, wires.rounds)).transpose()?;
        Ok((source, reporter))
    };
    serve(&args.flags, own(args), served, source, async |_| Ok(()))
}

fn own(args: &Args) -> Own {
    let account = |name: &ObjectName| ServiceAccount { namespace: name.namespace.clone(), name: name.name.clone() };
    Own {
        addresses: args.own_addresses.iter().copied().collect(),
        service_account: args.service_account.as_ref().map(account),
        cluster: Cluster { name: args.cluster_name.clone(), domain: args.cluster_domain.clone() },
    }
}

fn unenforced(text: &str) -> Result<Unenforced, String> {
    let known = [Unenforced::Deny, Unenforced::Warn].into_iter().find(|known| known.as_str() == text);
    known.ok_or_else(|| format!("{text:?} is neither Deny nor Warn"))
}

fn workload_labels(text: &str) -> Result<WorkloadLabels, String> {
    let known = WorkloadLabels::ALL.into_iter().find(|known| known.as_str() == text);
    known.ok_or_else(|| format!("{text:?} is none of Local, Cluster and Off"))
}

pub(super) fn object_name(text: &str) -> Result<ObjectName, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(ObjectName::new(namespace, name))
        }
        _ => Err(format!("{text:?} is not NAMESPACE/NAME")),
    }
}
