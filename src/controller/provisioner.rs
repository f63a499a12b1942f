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
use tracing::{debug, warn};

use super::apply::{ApplyError, apply, delete, remove_keys};
use super::owned::{Key, Owned, Told, fingerprint};
use super::provision::GATEWAY_NAMESPACE;
use super::retry;
use crate::api::{GATEWAY_NAME, ObjectName, label_value};
use crate::snapshot::ProvisioningFailure;
use crate::telemetry::label::WriteResult;

/// Before a deletion that has not come about is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// So often must a failure that may pass have come before users are told.
const PATIENCE: u32 = 3;

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
    failed: Vec<(Key, Refused)>,
}

/// Why an object could not be applied.
struct Refused {
    /// What was wanted, by a hash.
    wanted: u64,
    why: ProvisioningFailure,
    /// It may well come about when it is tried again.
    is_passing: bool,
}

impl Provisioned {
    /// What came of its writes.
    pub(super) fn results(&self) -> impl Iterator<Item = WriteResult> {
        let done = self.applied.iter().map(|_| WriteResult::Done);
        done.chain(self.failed.iter().map(|_| WriteResult::Failed))
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
    failed: BTreeMap<Key, Failed>,
    /// Out of these, what users are told.
    failure: Option<ProvisioningFailure>,
    busy: bool,
}

/// An object that could not be applied.
struct Failed {
    /// What was wanted, by a hash.
    wanted: u64,
    why: ProvisioningFailure,
    /// Whether users are told.
    told: bool,
    /// How often in a row.
    times: u32,
    not_before: Instant,
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

    /// This is what Gateways are to run on: all that are ours. Answers whether a failure went, as its object is wanted no more.
    pub(super) fn want(&mut self, wanted: BTreeMap<ObjectName, Wanted>) -> bool {
        let mut went = false;
        self.gateways.retain(|gateway, _| wanted.contains_key(gateway));
        for (gateway, wanted) in wanted {
            let ground = self.gateways.entry(gateway).or_default();
            ground.hashes = wanted.objects().iter().map(hash).collect();
            ground.wanted = Some(wanted);
            let keys: BTreeSet<Key> = ground.keys().collect();
            ground.failed.retain(|key, _| keys.contains(key));
            went |= ground.tell();
        }
        went
    }

    /// Why something of a Gateway could not be made.
    pub(super) fn failure(&self, gateway: &ObjectName) -> Option<&ProvisioningFailure> {
        self.gateways.get(gateway)?.failure.as_ref()
    }

    /// Something came of work. Answers whether a failure came or went.
    pub(super) fn take(&mut self, provisioned: Provisioned, owned: &mut Owned) -> bool {
        let Provisioned { gateway, applied, failed } = provisioned;
        let Some(ground) = self.gateways.get_mut(&gateway) else { return false };
        ground.busy = false;
        for (wanted, there) in applied {
            let key = Key::of(&there);
            ground.failed.remove(&key);
            ground.applied.insert(key.clone(), Applied { wanted, there: fingerprint(&there) });
            // An answer overtakes the watch.
            owned.take(&key.kind, Told::Seen(Box::new(there)));
        }
        for (key, refused) in failed {
            ground.fail(&gateway, key, refused);
        }
        ground.tell()
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
                // What was refused last may be wanted no more, and what is there be right.
                let was_refused = ground.failed.contains_key(&key);
                was_refused || as_it_is.is_none() || ground.applied.get(&key) != as_it_is.as_ref()
            };
            let todo = objects.iter().zip(&ground.hashes).filter(differs);
            let (todo, later): (Vec<_>, Vec<_>) =
                todo.partition(|(object, wanted)| ground.waits(object, **wanted, now).is_none());
            wake = later.iter().filter_map(|(object, wanted)| ground.waits(object, **wanted, now)).chain(wake).min();
            if todo.is_empty() {
                continue;
            }
            ground.busy = true;
            let todo = todo.into_iter().map(|(object, _)| (owned.get(&Key::of(object)).cloned(), object.clone()));
            let todo = todo.collect();
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

    /// Until when an object waits that was refused as it is wanted now.
    fn waits(&self, object: &DynamicObject, wanted: u64, now: Instant) -> Option<Instant> {
        let failed = self.failed.get(&Key::of(object)).filter(|failed| failed.wanted == wanted)?;
        Some(failed.not_before).filter(|at| *at > now)
    }

    /// Keeps that an object was refused.
    fn fail(&mut self, gateway: &ObjectName, key: Key, refused: Refused) {
        let Refused { wanted, why, is_passing } = refused;
        let before = self.failed.remove(&key);
        let times = before.as_ref().filter(|before| before.wanted == wanted).map_or(0, |before| before.times) + 1;
        let told = !is_passing || times >= PATIENCE || before.as_ref().is_some_and(|before| before.told);
        match &before {
            Some(before) if before.why == why && before.told => {}
            _ if told => warn!("Gateway {gateway}: {why}"),
            _ => debug!("Gateway {gateway}: {why}"),
        }
        let not_before = Instant::now() + retry(times);
        self.failed.insert(key, Failed { wanted, why, told, times, not_before });
    }

    /// Puts together what users are told, addresses first. Answers whether it differs from before.
    fn tell(&mut self) -> bool {
        let told = self.failed.values().filter(|failed| failed.told).map(|failed| &failed.why);
        let (mut told, others): (Vec<_>, Vec<_>) = told.partition(|why| matches!(why, ProvisioningFailure::Address(_)));
        let of_address = !told.is_empty();
        told.extend(others);
        let words = told.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let failure = match (told.is_empty(), of_address) {
            (true, _) => None,
            (false, true) => Some(ProvisioningFailure::Address(words)),
            (false, false) => Some(ProvisioningFailure::Object(words)),
        };
        let differs = self.failure != failure;
        self.failure = failure;
        differs
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
        let mut provisioned = Provisioned { gateway: self.gateway, applied: Vec::new(), failed: Vec::new() };
        for (known, object) in &self.todo {
            match apply(self.client.clone(), object, known.as_ref()).await {
                Ok(mut there) => {
                    there.types.clone_from(&object.types);
                    there.metadata.managed_fields = None;
                    provisioned.applied.push((hash(object), there));
                }
                Err(error) => {
                    let why = failure(&error, object, self.addresses);
                    let refused = Refused { wanted: hash(object), why, is_passing: error.is_passing() };
                    provisioned.failed.push((Key::of(object), refused));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str) -> Key {
        Key { kind: kind.to_owned(), name: ObjectName::new("shop", "web") }
    }

    fn refused(why: ProvisioningFailure, is_passing: bool) -> Refused {
        Refused { wanted: 1, why, is_passing }
    }

    #[test]
    fn a_refusal_is_told_at_once_and_what_may_pass_only_when_it_stays() {
        let gateway = ObjectName::new("shop", "web");
        let object = |words: &str| ProvisioningFailure::Object(words.to_owned());
        let mut ground = Ground::default();
        for _ in 1..PATIENCE {
            ground.fail(&gateway, key("Deployment"), refused(object("busy"), true));
            assert!(!ground.tell());
        }
        ground.fail(&gateway, key("Deployment"), refused(object("busy"), true));
        assert!(ground.tell());
        assert_eq!(ground.failure, Some(object("busy")));
        ground.fail(&gateway, key("Service"), refused(ProvisioningFailure::Address("taken".to_owned()), false));
        assert!(ground.tell());
        assert_eq!(ground.failure, Some(ProvisioningFailure::Address("taken; busy".to_owned())));
        ground.failed.clear();
        assert!(ground.tell());
        assert_eq!(ground.failure, None);
    }

    #[test]
    fn a_refused_object_waits_alone_and_not_once_it_is_wanted_otherwise() {
        let object = |kind: &str| -> DynamicObject {
            let metadata = serde_json::json!({ "namespace": "shop", "name": "web" });
            let object = serde_json::json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata });
            serde_json::from_value(object).expect("an object")
        };
        let mut ground = Ground::default();
        let now = Instant::now();
        let gateway = ObjectName::new("shop", "web");
        ground.fail(&gateway, key("Deployment"), refused(ProvisioningFailure::Object("no".to_owned()), false));
        assert!(ground.waits(&object("Deployment"), 1, now).is_some());
        assert_eq!(ground.waits(&object("Deployment"), 2, now), None);
        assert_eq!(ground.waits(&object("Service"), 1, now), None);
    }
}
