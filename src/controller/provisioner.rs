//! The provisioner: which of what Gateways run on is to be made, mended or deleted, and when.
//!
//! Promises: an object that differs from what is wanted is applied again, whoever changed it; another's object is never
//! touched; what no Gateway wants any more is deleted. One Gateway is worked on at a time by one task, and none waits for
//! another's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use kube::api::DynamicObject;
use kube::{Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tracing::warn;

use super::apply::{ApplyError, apply, delete, remove_keys};
use super::owned::{Key, Owned, Told, fingerprint};
use super::provision::GATEWAY_NAMESPACE;
use super::retry;
use crate::api::{GATEWAY_NAME, ObjectName, label_value};
use crate::snapshot::ProvisioningFailure;
use crate::telemetry::label::WriteResult;

/// Before a deletion that has not come about is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// What a Gateway is to run on.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// These, in this order. `addresses`: its Service has addresses that were asked for.
    Objects { objects: Vec<DynamicObject>, addresses: bool },
    /// What there is: the Gateway is refused or being deleted.
    AsItIs,
}

impl Wanted {
    fn objects(&self) -> &[DynamicObject] {
        match self {
            Self::Objects { objects, .. } => objects,
            Self::AsItIs => &[],
        }
    }
}

/// What came of work on a Gateway.
pub(super) struct Provisioned {
    gateway: ObjectName,
    /// What was wanted, by a hash, and what is there now.
    applied: Vec<(u64, DynamicObject)>,
    failure: Option<ProvisioningFailure>,
}

impl Provisioned {
    /// What came of its writes.
    pub(super) fn results(&self) -> impl Iterator<Item = WriteResult> {
        let done = self.applied.iter().map(|_| WriteResult::Done);
        done.chain(self.failure.iter().map(|_| WriteResult::Failed))
    }
}

/// How an object was left.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Applied {
    /// Of what was wanted.
    wanted: u64,
    /// Of what was there then.
    there: u64,
}

/// What is known of a Gateway's objects.
#[derive(Default)]
struct Ground {
    wanted: Option<Wanted>,
    /// Of the wanted objects, in their order: what tells whether one is another than before.
    hashes: Vec<u64>,
    applied: HashMap<Key, Applied>,
    failure: Option<ProvisioningFailure>,
    busy: bool,
    failures: u32,
    not_before: Option<Instant>,
}

/// What is to be made, mended or deleted.
pub(super) struct Provisioner {
    client: Client,
    done: UnboundedSender<Provisioned>,
    gateways: BTreeMap<ObjectName, Ground>,
    /// Deletions on their way, by uid, and until when they are waited for.
    deleting: HashMap<String, Instant>,
    /// Keys of ConfigMaps on their way out, and until when they are waited for.
    removing: HashMap<(Key, String), Instant>,
}

impl Provisioner {
    /// Nothing known yet. What comes of work goes to `done`.
    pub(super) fn new(client: Client, done: UnboundedSender<Provisioned>) -> Self {
        Self { client, done, gateways: BTreeMap::new(), deleting: HashMap::new(), removing: HashMap::new() }
    }

    /// This is what Gateways are to run on: all that are ours.
    pub(super) fn want(&mut self, wanted: BTreeMap<ObjectName, Wanted>) {
        self.gateways.retain(|gateway, _| wanted.contains_key(gateway));
        for (gateway, wanted) in wanted {
            let ground = self.gateways.entry(gateway).or_default();
            ground.hashes = wanted.objects().iter().map(hash).collect();
            ground.wanted = Some(wanted);
        }
    }

    /// Why something of a Gateway could not be made.
    pub(super) fn failure(&self, gateway: &ObjectName) -> Option<&ProvisioningFailure> {
        self.gateways.get(gateway)?.failure.as_ref()
    }

    /// Something came of work. Answers whether a failure came or went.
    pub(super) fn take(&mut self, provisioned: Provisioned, owned: &mut Owned) -> bool {
        let Provisioned { gateway, applied, failure } = provisioned;
        let Some(ground) = self.gateways.get_mut(&gateway) else { return false };
        ground.busy = false;
        for (wanted, there) in applied {
            let key = Key::of(&there);
            ground.applied.insert(key.clone(), Applied { wanted, there: fingerprint(&there) });
            // An answer overtakes the watch.
            owned.take(&key.kind, Told::Seen(Box::new(there)));
        }
        ground.failures = if failure.is_some() { ground.failures + 1 } else { 0 };
        ground.not_before = failure.is_some().then(|| Instant::now() + retry(ground.failures));
        let differs = ground.failure != failure;
        if differs && let Some(ProvisioningFailure::Address(why) | ProvisioningFailure::Object(why)) = &failure {
            warn!("Gateway {gateway}: {why}");
        }
        ground.failure = failure;
        differs
    }

    /// Makes and mends what differs. Answers when there is more to do, if nothing else happens.
    pub(super) fn flush(&mut self, owned: &Owned, now: Instant) -> Option<Instant> {
        let mut wake: Option<Instant> = None;
        for (gateway, ground) in &mut self.gateways {
            let Some(Wanted::Objects { objects, addresses }) = &ground.wanted else { continue };
            if ground.busy {
                continue;
            }
            let differs = |(object, wanted): &(&DynamicObject, &u64)| {
                let key = Key::of(object);
                let as_it_is = owned.fingerprint(&key).map(|there| Applied { wanted: **wanted, there });
                as_it_is.is_none() || ground.applied.get(&key) != as_it_is.as_ref()
            };
            let todo = objects.iter().zip(&ground.hashes).filter(differs).map(|(object, _)| object.clone());
            let todo: Vec<_> = todo.collect();
            if todo.is_empty() {
                continue;
            }
            if let Some(at) = ground.not_before.filter(|at| *at > now) {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
                continue;
            }
            ground.busy = true;
            let todo = todo.into_iter().map(|object| (owned.get(&Key::of(&object)).cloned(), object)).collect();
            let work = Work { client: self.client.clone(), gateway: gateway.clone(), todo, addresses: *addresses };
            let done = self.done.clone();
            tokio::spawn(async move {
                // The loop has ended: nobody is left to be told.
                let _ = done.send(work.run().await);
            });
        }
        wake
    }

    /// Deletes what no Gateway wants. Answers when what is on its way is to be looked at again.
    pub(super) fn prune(&mut self, owned: &Owned, now: Instant) -> Option<Instant> {
        self.deleting.retain(|_, until| *until > now);
        let wanted: BTreeSet<Key> = self.gateways.values().flat_map(Ground::keys).collect();
        let kept: BTreeSet<(&str, &str)> =
            self.gateways.iter().filter(|(_, g)| g.is_as_it_is()).map(|(g, _)| (&*g.namespace, &*g.name)).collect();
        for (key, object) in owned.made().filter(|(key, _)| !wanted.contains(key)) {
            let uid = object.uid().unwrap_or_default();
            let label = |label| object.labels().get(label);
            let is_kept = kept.iter().any(|(namespace, name)| {
                label(GATEWAY_NAMESPACE).is_some_and(|label| label == namespace)
                    && label(GATEWAY_NAME).is_some_and(|label| *label == label_value(name))
            });
            if is_kept || object.metadata.deletion_timestamp.is_some() || self.deleting.contains_key(&uid) {
                continue;
            }
            self.deleting.insert(uid, now + AGAIN);
            let (client, object, key) = (self.client.clone(), object.clone(), key.clone());
            tokio::spawn(async move {
                if let Err(error) = delete(client, &object).await {
                    warn!("{key} is wanted no more and cannot be deleted: {error}");
                }
            });
        }
        self.deleting.values().min().copied()
    }

    /// Takes keys that tell nothing any more out of a ConfigMap.
    pub(super) fn remove_keys(&mut self, config_map: &DynamicObject, keys: Vec<String>, now: Instant) {
        self.removing.retain(|_, until| *until > now);
        let key = Key::of(config_map);
        let new: Vec<String> =
            keys.into_iter().filter(|name| !self.removing.contains_key(&(key.clone(), name.clone()))).collect();
        if new.is_empty() {
            return;
        }
        self.removing.extend(new.iter().map(|name| ((key.clone(), name.clone()), now + AGAIN)));
        let (client, config_map) = (self.client.clone(), config_map.clone());
        tokio::spawn(async move {
            if let Err(error) = remove_keys(client, &config_map, &new).await {
                warn!("reports of pods that are gone cannot be removed: {error}");
            }
        });
    }
}

impl Ground {
    fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.wanted.iter().flat_map(Wanted::objects).map(Key::of)
    }

    fn is_as_it_is(&self) -> bool {
        matches!(self.wanted, Some(Wanted::AsItIs))
    }
}

fn hash(object: &DynamicObject) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(object).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

/// What is to be done for one Gateway.
struct Work {
    client: Client,
    gateway: ObjectName,
    /// Each after what is there of it.
    todo: Vec<(Option<DynamicObject>, DynamicObject)>,
    addresses: bool,
}

impl Work {
    /// Applies each; one that fails keeps none of the others.
    async fn run(self) -> Provisioned {
        let mut provisioned = Provisioned { gateway: self.gateway, applied: Vec::new(), failure: None };
        for (known, object) in &self.todo {
            match apply(self.client.clone(), object, known.as_ref()).await {
                Ok(mut there) => {
                    there.types.clone_from(&object.types);
                    there.metadata.managed_fields = None;
                    provisioned.applied.push((hash(object), there));
                }
                Err(error) => {
                    let failure = failure(&error, object, self.addresses);
                    provisioned.failure.get_or_insert(failure);
                }
            }
        }
        provisioned
    }
}

/// What the Gateway's status says of a failure.
fn failure(error: &ApplyError, object: &DynamicObject, addresses: bool) -> ProvisioningFailure {
    let is_service = object.types.as_ref().is_some_and(|types| types.kind == "Service");
    let message = error.to_string();
    if addresses && is_service && error.is_invalid() {
        ProvisioningFailure::Address(message)
    } else {
        ProvisioningFailure::Object(message)
    }
}
