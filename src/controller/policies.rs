//! Events on Istio's policies that are not enforced: their status is istiod's, which may well say that all is well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Reporter;

use super::status::{Complaint, reporter, tell};
use crate::api::{ObjectRef, Policy};
use crate::status::{Statuses, Warning};

/// What has been told.
pub(super) struct PolicyEvents {
    client: Client,
    reporter: Reporter,
    told: BTreeSet<Warning>,
    /// Of which that was all.
    of: Arc<Statuses>,
}

impl PolicyEvents {
    /// Nothing told yet. `instance` names this process.
    pub(super) fn new(client: Client, instance: &str) -> Self {
        Self { client, reporter: reporter(instance), told: BTreeSet::new(), of: Arc::default() }
    }

    /// Tells what is new, each on its policy.
    pub(super) fn tell(&mut self, statuses: &Arc<Statuses>, policies: &BTreeMap<ObjectRef, Arc<Policy>>) {
        if Arc::ptr_eq(&self.of, statuses) {
            return;
        }
        self.of = statuses.clone();
        let now: BTreeSet<Warning> = statuses.unenforced().cloned().collect();
        for warning in now.difference(&self.told) {
            let Some(uid) = policies.get(&warning.object).and_then(|policy| policy.meta.uid.clone()) else { continue };
            let complaint =
                Complaint { reason: warning.kind.as_str().to_owned(), message: format!("It {}", warning.message) };
            let (client, reporter, object) = (self.client.clone(), self.reporter.clone(), warning.object.clone());
            tokio::spawn(async move { tell(&client, &reporter, &object, &uid, [complaint]).await });
        }
        self.told = now;
    }
}
