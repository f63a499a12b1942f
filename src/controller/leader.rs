//! Leader election: of the controller's replicas one writes, the one that holds the Lease.
//!
//! As Kubernetes' own components do it: who holds the Lease renews it; who does not takes it when it has not seen it renewed
//! for as long as its holder promised. Times are measured by one's own clock only, from when a change was seen, so clocks need
//! not agree.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::CONTROLLER;
use crate::source::kubernetes::words;

/// How long a Lease holds without being renewed.
const HOLDS: Duration = Duration::from_secs(15);
/// Without a renewal for this long, its holder writes no more: before another may take it.
const RENEWS_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A candidate.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The namespace of the Lease.
    pub(super) namespace: String,
    /// What tells this process from the other replicas.
    pub(super) identity: String,
}

/// What the last look at the Lease has shown.
struct Seen {
    lease: Lease,
    /// Since when it has been as it is.
    since: Instant,
}

/// Stands for election until `leading` has no receiver any more, and tells whether it leads.
pub(super) async fn stand(client: Client, candidate: Candidate, leading: watch::Sender<bool>) {
    let leases: Api<Lease> = Api::namespaced(client, &candidate.namespace);
    let mut election = Election { leases, candidate, seen: None, renewed: None, failure: String::new() };
    while !leading.is_closed() {
        election.look().await;
        let leads = election.leads();
        if *leading.borrow() != leads {
            info!(identity = election.candidate.identity, leads, "leader election");
            leading.send_replace(leads);
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = leading.closed() => {}
        }
    }
    if election.leads() {
        election.let_go().await;
    }
}

struct Election {
    leases: Api<Lease>,
    candidate: Candidate,
    seen: Option<Seen>,
    /// When the Lease was taken or renewed last.
    renewed: Option<Instant>,
    /// What failed last, so that it is told once.
    failure: String,
}

impl Election {
    fn leads(&self) -> bool {
        self.renewed.is_some_and(|renewed| renewed.elapsed() < RENEWS_WITHIN)
    }

    /// Looks at the Lease, and takes or renews it where it may.
    async fn look(&mut self) {
        let begun = Instant::now();
        // An API server that does not answer must not make a leader of one whose time has passed.
        let result = timeout(RENEWS_WITHIN / 2, self.try_once()).await;
        let failure = match result {
            Ok(Ok(true)) => {
                self.renewed = Some(begun);
                String::new()
            }
            Ok(Ok(false)) => {
                self.renewed = None;
                String::new()
            }
            Ok(Err(error)) => words(&error),
            Err(_) => "the API server does not answer".to_owned(),
        };
        if failure != self.failure && !failure.is_empty() {
            warn!("Lease {}/{CONTROLLER}: {failure}", self.candidate.namespace);
        }
        self.failure = failure;
    }

    /// Answers whether the Lease is ours now.
    async fn try_once(&mut self) -> kube::Result<bool> {
        let Some(lease) = self.leases.get_opt(CONTROLLER).await? else {
            let lease = self.ours(None);
            let made = self.leases.create(&PostParams::default(), &lease).await;
            return self.unless_taken(made);
        };
        let known = self.seen.as_ref().is_some_and(|seen| version(&seen.lease) == version(&lease));
        if !known {
            self.seen = Some(Seen { lease: lease.clone(), since: Instant::now() });
        }
        if !self.may_take() {
            return Ok(false);
        }
        let lease = self.ours(Some(&lease));
        let replaced = self.leases.replace(CONTROLLER, &PostParams::default(), &lease).await;
        self.unless_taken(replaced)
    }

    /// Another was faster: no failure.
    fn unless_taken(&mut self, written: kube::Result<Lease>) -> kube::Result<bool> {
        match written {
            Ok(lease) => {
                self.seen = Some(Seen { lease, since: Instant::now() });
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the Lease is ours, free, or has not been renewed for as long as it holds.
    fn may_take(&self) -> bool {
        let Some(Seen { lease, since }) = &self.seen else { return false };
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
        let holds = seconds.map_or(HOLDS, Duration::from_secs);
        holder.is_empty() || holder == self.candidate.identity || since.elapsed() > holds
    }

    /// The Lease as this candidate holds it.
    fn ours(&self, before: Option<&Lease>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let spec = before.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let renews = spec.holder_identity.as_deref() == Some(&self.candidate.identity);
        let transitions = spec.lease_transitions.unwrap_or_default() + i32::from(before.is_some() && !renews);
        Lease {
            metadata: before.map_or_else(
                || ObjectMeta { name: Some(CONTROLLER.to_owned()), ..ObjectMeta::default() },
                |lease| lease.meta().clone(),
            ),
            spec: Some(LeaseSpec {
                holder_identity: Some(self.candidate.identity.clone()),
                lease_duration_seconds: i32::try_from(HOLDS.as_secs()).ok(),
                acquire_time: if renews { spec.acquire_time.clone() } else { Some(now.clone()) },
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..spec
            }),
        }
    }

    /// Leaves the Lease to whoever comes first.
    async fn let_go(&mut self) {
        let Some(Seen { lease, .. }) = self.seen.take() else { return };
        let spec = lease.spec.map(|spec| LeaseSpec { holder_identity: Some(String::new()), ..spec });
        let lease = Lease { spec, ..lease };
        if let Err(error) = self.leases.replace(CONTROLLER, &PostParams::default(), &lease).await {
            warn!("the Lease cannot be let go, another leads after {HOLDS:?}: {}", words(&error));
        }
    }
}

fn version(lease: &Lease) -> Option<&str> {
    lease.metadata.resource_version.as_deref()
}
