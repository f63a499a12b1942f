//! The thread that writes a replica's report.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::report::{KEY_PREFIX, ReplicaReport};
use crate::pipeline::Report;
use crate::source::kubernetes::{ConnectError, connect, words};

/// Shortest time between two writes.
const PACE: Duration = Duration::from_secs(1);
/// How often it is looked whether the report is still there, where there is no news.
const LOOK: Duration = Duration::from_secs(10);
/// Longest time before a write that failed is tried again.
const LONGEST: Duration = Duration::from_secs(10);

/// Where a replica's report is written.
#[derive(Clone, Debug)]
pub struct Place {
    /// The namespace of its Gateway.
    pub namespace: String,
    /// The ConfigMap, which the controller makes.
    pub config_map: String,
    /// The pod's own name.
    pub pod: String,
}

/// The running reporter. It ends when dropped.
#[derive(Debug)]
pub struct Reporter {
    _stop: oneshot::Sender<()>,
}

/// Starts to write what the pipeline reports. `rounds` tells when that is new.
///
/// # Errors
/// The system gives no thread. What goes wrong later is logged, and tried again.
pub fn start(
    place: Place,
    report: Arc<ArcSwap<Report>>,
    rounds: watch::Receiver<u64>,
) -> Result<Reporter, ConnectError> {
    let (stop, stopped) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(ConnectError::Thread)?;
    let run = move || {
        runtime.block_on(async {
            tokio::select! {
                () = write_all(&place, &report, rounds) => {}
                _ = stopped => {}
            }
        });
    };
    std::thread::Builder::new().name("report".into()).spawn(run).map_err(ConnectError::Thread)?;
    Ok(Reporter { _stop: stop })
}

async fn write_all(place: &Place, report: &ArcSwap<Report>, mut rounds: watch::Receiver<u64>) {
    // The source has connected by the same configuration already.
    let client = match connect().await {
        Ok(client) => client,
        Err(error) => return warn!("no report of this replica is written: {error}"),
    };
    let config_maps: Api<ConfigMap> = Api::namespaced(client, &place.namespace);
    let (mut written, mut failed, mut wait) = (None, String::new(), PACE);
    loop {
        let told = ReplicaReport::of(&report.load());
        let news = told.filter(|told| written.as_ref() != Some(told));
        let Some(news) = news else {
            match timeout(LOOK, rounds.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) if is_lost(&config_maps, place).await => written = None,
                Err(_) => {}
            }
            continue;
        };
        match write(&config_maps, place, &news).await {
            Ok(()) => {
                (written, wait) = (Some(news), PACE);
                failed.clear();
            }
            Err(error) => {
                let words = words(&error);
                if words != failed {
                    warn!(
                        "the report in ConfigMap {}/{} cannot be written: {words}",
                        place.namespace, place.config_map
                    );
                }
                (failed, wait) = (words, (wait * 2).min(LONGEST));
            }
        }
        sleep(wait).await;
    }
}

/// Whether what was written is there no more: somebody deleted the object, say, and the controller has made another.
async fn is_lost(config_maps: &Api<ConfigMap>, place: &Place) -> bool {
    let key = format!("{KEY_PREFIX}{}", place.pod);
    match config_maps.get_opt(&place.config_map).await {
        Ok(found) => found.is_none_or(|found| found.data.is_none_or(|data| !data.contains_key(&key))),
        // It is not known.
        Err(_) => false,
    }
}

async fn write(config_maps: &Api<ConfigMap>, place: &Place, report: &ReplicaReport) -> kube::Result<()> {
    let mut manager = format!("pingway-proxy-{}", place.pod);
    // The API's limit of a field manager's name.
    manager.truncate(128);
    let params = PatchParams::apply(&manager).force();
    config_maps.patch_metadata(&place.config_map, &params, &Patch::Apply(body(place, report))).await.map(drop)
}

fn body(place: &Place, report: &ReplicaReport) -> Value {
    let text = serde_json::to_string(report).unwrap_or_default();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": place.config_map, "namespace": place.namespace },
        "data": { (format!("{KEY_PREFIX}{}", place.pod)): text },
    })
}
