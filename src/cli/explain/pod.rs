//! What a waypoint's pod that runs sees of its cluster, by its own arguments and by the source that it has itself.
//!
//! The kubeconfig's user asks, so that what the pod's rights would keep from it is seen here. Never here: writing to the cluster.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Seen, pod_arguments};
use crate::api::ObjectName;
use crate::cli::proxy;
use crate::compile::{Options, scope};
use crate::snapshot::{Scope, Snapshot};
use crate::source::Problem;
use crate::source::kubernetes::{connect, start, words};
use crate::waypoint::{KEY_PREFIX, ReplicaReport};

/// How long the API server may take to tell all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of a pod's container.
#[derive(Parser)]
struct Container {
    #[command(flatten)]
    arguments: proxy::Args,
}

/// What a pod sees now.
///
/// # Errors
/// The cluster can't be asked, or the pod is not there, or is no waypoint's.
pub(super) fn read(pod: &ObjectName) -> Result<Seen> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = connect().await?;
        let object = get(&client, "Pod", pod).await?.with_context(|| format!("there is no Pod {pod}"))?;
        let arguments = pod_arguments::of(&object).with_context(|| format!("Pod {pod}"))?;
        let Container { arguments } = Container::try_parse_from(arguments)
            .map_err(|error| anyhow!("Pod {pod} has arguments that this version does not know: {error}"))?;
        let (gateway, options) = proxy::waypoint(&arguments)
            .with_context(|| format!("Pod {pod} serves a folder, no Gateway of the cluster"))?;
        let (snapshot, problems) = follow(&gateway, &options).await?;
        let mut problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        problems.extend(behind(&client, &arguments, &gateway, &snapshot).await);
        Ok(Seen { snapshot, options, problems })
    })
}

/// An object of the core, as the API server has it: the types of Kubernetes have much code, and little of it is read here.
async fn get(client: &Client, kind: &str, name: &ObjectName) -> Result<Option<Value>> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &name.namespace, &resource);
    let found = api.get_opt(&name.name).await;
    let found = found.map_err(|error| anyhow!("the API server does not answer: {}", words(&error)))?;
    Ok(found.map(serde_json::to_value).transpose()?)
}

/// Follows the source until it has told all that the Gateway needs, as the pipeline of the pod does.
async fn follow(gateway: &ObjectName, options: &Options) -> Result<(Snapshot, Vec<Problem>)> {
    let (ask, asked) = watch::channel(Scope::of_gateway(gateway.clone()));
    let (tell, mut events) = unbounded_channel();
    let _source = start(asked, tell)?;
    let (mut snapshot, mut problems) = (Snapshot::default(), Vec::new());
    let all = async {
        while let Some(event) = events.recv().await {
            snapshot.apply(event.changes);
            problems = event.problems;
            let wanted = scope(&snapshot, gateway, &options.policies.root_namespace, options.workload_labels);
            if event.scope.as_ref() == Some(&wanted) {
                return true;
            }
            ask.send_if_modified(|scope| std::mem::replace(scope, wanted.clone()) != wanted);
        }
        false
    };
    if timeout(PATIENCE, all).await != Ok(true) {
        let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
        bail!("the API server has not told all within {} s: {}", PATIENCE.as_secs(), words.join("; "));
    }
    if !snapshot.gateways.contains_key(gateway) {
        bail!("there is no Gateway {gateway}");
    }
    Ok((snapshot, problems))
}

/// What there is to say where the pod does not serve the Gateway as it is, by its own report.
async fn behind(client: &Client, arguments: &proxy::Args, gateway: &ObjectName, snapshot: &Snapshot) -> Option<String> {
    let (config_map, pod) = proxy::report(arguments)?;
    let name = ObjectName::new(gateway.namespace.clone(), config_map);
    let told = get(client, "ConfigMap", &name).await.ok()??;
    let report: ReplicaReport = serde_json::from_str(told["data"][format!("{KEY_PREFIX}{pod}")].as_str()?).ok()?;
    let object = snapshot.gateways.get(gateway)?;
    let (then, now) = (report.generation, object.meta.generation);
    (report.is_of(object) && then != now)
        .then(|| format!("the pod serves generation {then} of Gateway {gateway}, which is at {now}"))
}
