//! The controller: accepts classes, makes what Gateways run on, and writes every status.
//!
//! ```text
//! API server ─► source ─► Snapshot ─► compile ─► Statuses ──────► status writer ─► API server
//!                            ▲    └─► scope, parameters ─► provision (pure) ─► provisioner ─► API server
//! API server ─► owned ─► facts (reports of replicas, addresses, failures)
//! API server ─► bundles (versions of the Gateway API's CRDs)
//! ```
//!
//! One loop holds all state and does no I/O: writes are tasks whose answers come back to it. Replicas that do not lead keep
//! the same state and write nothing.
//!
//! Promises: nothing is written before everything has been seen; what differs is written, and what does not is not; what
//! another controller owns is never touched.
//!
//! Never here: verdicts, tables, requests.

mod apply;
mod bundles;
mod cluster_domain;
mod facts;
mod leader;
mod owned;
mod policies;
pub mod provision;
mod provisioner;
mod state;
mod status;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::{Api, Client};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use crate::pipeline::Report;
use crate::snapshot::{Namespaces, Scope, Secrets};
use crate::source::SourceEvent;
use crate::source::kubernetes::{self, ConnectError};
use crate::telemetry::Telemetry;
pub(crate) use cluster_domain::cluster_domain;
use leader::Candidate;
use state::State;

/// The controller's name in Leases, Events and logs.
const CONTROLLER: &str = "pingway-controller";
/// Its name as an owner of fields.
const MANAGER: &str = CONTROLLER;

/// What the controller is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is set at installation.
    pub install: provision::Install,
    /// The namespace that it runs in, where its Lease is.
    pub namespace: String,
    /// What tells this process from the other replicas: the pod's name.
    pub identity: String,
    /// Namespaces in which Secrets are seen; `None`: all.
    pub secret_namespaces: Option<BTreeSet<Arc<str>>>,
    /// The domain below which Services have names; `None`: not known, and no status names one.
    pub cluster_domain: Option<String>,
    /// Ports that waypoints use themselves.
    pub own_ports: BTreeSet<u16>,
}

impl Options {
    fn scope(&self) -> Scope {
        let namespaces = self.secret_namespaces.clone().map_or(Namespaces::All, Namespaces::Named);
        Scope { secrets: Secrets::In(namespaces), ..Scope::everything() }
    }
}

/// Runs until `stop` is set, and then gives the lead to another replica. `report` shows what it knows.
///
/// # Errors
/// There is no configuration of an API server, or none that can be used. That it is away is no error.
pub async fn run(
    mut options: Options,
    telemetry: Arc<Telemetry>,
    report: Arc<ArcSwap<Report>>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ConnectError> {
    let client = kubernetes::connect().await?;
    options.install.cluster_role_uid = tokio::select! {
        uid = installation(&client) => uid,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let (_scope, scope) = watch::channel(options.scope());
    let (events, source_events) = unbounded_channel();
    let source = kubernetes::start(scope, events)?;
    let (tell, owned) = unbounded_channel();
    let (tell_bundle, bundles) = unbounded_channel();
    let watches = (owned::watch_all(&client, &tell), bundles::watch_all(&client, &tell_bundle));
    let candidate = Candidate { namespace: options.namespace.clone(), identity: options.identity.clone() };
    let (leading, leads) = watch::channel(false);
    let election = tokio::spawn(leader::stand(client.clone(), candidate, leading));
    let (wrote, written) = unbounded_channel();
    let (done, provisioned) = unbounded_channel();
    let state = State::new(client, options, telemetry, report, wrote, done);
    Loop { state, source_events, owned, bundles, written, provisioned, leads, stop }.run().await;
    drop((source, watches));
    // It lets the Lease go, as nobody listens any more.
    let _ = election.await;
    Ok(())
}

/// The uid of what everything that is made outside of Gateways' namespaces belongs to; `None`: it is not installed, or may not
/// be read.
async fn installation(client: &Client) -> Option<String> {
    let roles: Api<ClusterRole> = Api::all(client.clone());
    let mut failures = 0;
    loop {
        let name = provision::CLUSTER_ROLE;
        match roles.get_opt(name).await {
            Ok(Some(role)) => return role.metadata.uid,
            Ok(None) => {
                warn!("ClusterRole {name} is not installed: waypoints will lack its rights");
                return None;
            }
            Err(error) => {
                warn!("ClusterRole {name} cannot be read: {}", kubernetes::words(&error));
                if matches!(&error, kube::Error::Api(status) if status.code == 403) {
                    return None;
                }
                failures += 1;
                sleep(retry(failures)).await;
            }
        }
    }
}

/// The loop that holds all state.
struct Loop {
    state: State,
    source_events: UnboundedReceiver<SourceEvent>,
    owned: UnboundedReceiver<(String, owned::Told)>,
    bundles: UnboundedReceiver<(&'static str, bundles::Bundle)>,
    written: UnboundedReceiver<status::Wrote>,
    provisioned: UnboundedReceiver<provisioner::Provisioned>,
    leads: watch::Receiver<bool>,
    stop: watch::Receiver<bool>,
}

impl Loop {
    async fn run(mut self) {
        loop {
            let wake = self.state.work(*self.leads.borrow_and_update());
            tokio::select! {
                Some(event) = self.source_events.recv() => self.state.take_source(event),
                Some((kind, told)) = self.owned.recv() => self.state.take_owned(&kind, told),
                Some(told) = self.bundles.recv() => self.state.take_bundle(told),
                Some(wrote) = self.written.recv() => self.state.take_written(wrote),
                Some(provisioned) = self.provisioned.recv() => self.state.take_provisioned(provisioned),
                Ok(()) = self.leads.changed() => {}
                () = sleep_until(wake) => {}
                _ = self.stop.wait_for(|stop| *stop) => return,
            }
            // A burst is one round.
            while let Ok(event) = self.source_events.try_recv() {
                self.state.take_source(event);
            }
            while let Ok((kind, told)) = self.owned.try_recv() {
                self.state.take_owned(&kind, told);
            }
            while let Ok(told) = self.bundles.try_recv() {
                self.state.take_bundle(told);
            }
            while let Ok(wrote) = self.written.try_recv() {
                self.state.take_written(wrote);
            }
            while let Ok(provisioned) = self.provisioned.try_recv() {
                self.state.take_provisioned(provisioned);
            }
        }
    }
}

/// How long to wait after so many failures in a row.
fn retry(failures: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(30);
    let doubled = Duration::from_millis(500) * 2_u32.pow(failures.clamp(1, 7) - 1);
    doubled.min(LONGEST).mul_f32(0.75 + fastrand::f32() / 2.0)
}

/// The earlier of two times, where there are any.
fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}
