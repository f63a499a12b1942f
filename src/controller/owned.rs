//! What the controller has made, as the API server has it: watched by label, with the pods that run of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;

use futures_util::{Stream, StreamExt};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::provision::{self, GATEWAY, MadeKind};
use crate::api::ObjectName;

/// One object, by its kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) kind: String,
    pub(super) name: ObjectName,
}

impl Key {
    /// The key of an object that has its kind.
    pub(super) fn of(object: &DynamicObject) -> Self {
        let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
        Self { kind, name: name(&object.metadata.namespace, object.name_any()) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// What a watch tells.
#[derive(Debug)]
pub(super) enum Told {
    /// An object that is there, new or changed.
    Seen(Box<DynamicObject>),
    /// One that is gone.
    Gone(ObjectName),
    /// These are there, and no others.
    Listed(BTreeSet<ObjectName>),
}

/// An object as it is.
#[derive(Debug)]
struct Seen {
    object: DynamicObject,
    fingerprint: u64,
}

/// What is there of what was made.
#[derive(Debug, Default)]
pub(super) struct Owned {
    objects: BTreeMap<Key, Seen>,
    /// Kinds that have been listed.
    listed: BTreeSet<String>,
}

impl Owned {
    /// Takes in what the watch of a kind told.
    pub(super) fn take(&mut self, kind: &str, told: Told) {
        let key = |name| Key { kind: kind.to_owned(), name };
        match told {
            Told::Seen(object) => {
                let key = key(name(&object.metadata.namespace, object.name_any()));
                // The answer to a write overtakes the watch.
                let version = |object: &DynamicObject| object.resource_version().and_then(|v| v.parse::<u64>().ok());
                let is_late =
                    |known: &Seen| known.object.uid() == object.uid() && version(&known.object) > version(&object);
                if !self.objects.get(&key).is_some_and(is_late) {
                    let fingerprint = fingerprint(&object);
                    self.objects.insert(key, Seen { object: *object, fingerprint });
                }
            }
            Told::Gone(name) => drop(self.objects.remove(&key(name))),
            Told::Listed(names) => {
                self.objects.retain(|key, _| key.kind != kind || names.contains(&key.name));
                self.listed.insert(kind.to_owned());
            }
        }
    }

    /// Whether every kind has been listed: before, nothing that is missing is known to be.
    pub(super) fn is_whole(&self) -> bool {
        provision::kinds().iter().map(|made| made.kind).chain([POD]).all(|kind| self.listed.contains(kind))
    }

    /// An object.
    pub(super) fn get(&self, key: &Key) -> Option<&DynamicObject> {
        self.objects.get(key).map(|seen| &seen.object)
    }

    /// What of an object is no drift as long as it stays; `None`: it is not there.
    pub(super) fn fingerprint(&self, key: &Key) -> Option<u64> {
        self.objects.get(key).map(|seen| seen.fingerprint)
    }

    /// All but pods: what provision makes.
    pub(super) fn made(&self) -> impl Iterator<Item = (&Key, &DynamicObject)> {
        self.objects.iter().filter(|(key, _)| key.kind != POD).map(|(key, seen)| (key, &seen.object))
    }

    /// Names of the pods that run in a namespace for what is made under a name.
    pub(super) fn pods<'o>(&'o self, namespace: &'o str, object_name: &'o str) -> impl Iterator<Item = &'o str> {
        let pods = self.objects.iter().filter(move |(key, _)| key.kind == POD && &*key.name.namespace == namespace);
        pods.filter(move |(_, pod)| pod.object.labels().get(GATEWAY).is_some_and(|label| label == object_name))
            .map(|(key, _)| &*key.name.name)
    }
}

/// Pods are watched, and not made here.
const POD: &str = "Pod";

/// What is drift when it changes: all of an object but its status, and what the API server counts.
pub(super) fn fingerprint(object: &DynamicObject) -> u64 {
    let mut hasher = DefaultHasher::new();
    let meta = &object.metadata;
    (&meta.labels, &meta.annotations).hash(&mut hasher);
    for owner in meta.owner_references.iter().flatten() {
        (&owner.uid, &owner.name, &owner.kind, owner.controller).hash(&mut hasher);
    }
    // Replicas write a ConfigMap's data.
    if let Some(fields) = object.data.as_object().filter(|_| Key::of(object).kind != "ConfigMap") {
        for (field, value) in fields.iter().filter(|(field, _)| *field != "status") {
            (field, value.to_string()).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Watches every kind until the answer is dropped.
pub(super) fn watch_all(client: &Client, tell: &UnboundedSender<(String, Told)>) -> Vec<AbortOnDropHandle<()>> {
    let watch = |resource: ApiResource| {
        AbortOnDropHandle::new(tokio::spawn(watch_kind(client.clone(), resource, tell.clone())))
    };
    resources().into_iter().map(watch).collect()
}

fn resources() -> Vec<ApiResource> {
    let pods = ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
    provision::kinds().iter().map(MadeKind::resource).chain([pods]).collect()
}

async fn watch_kind(client: Client, resource: ApiResource, tell: UnboundedSender<(String, Told)>) {
    let config = Config::default().labels(GATEWAY);
    if resource.kind == POD {
        // Which of them live is all that is read.
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client, &resource);
        follow(&resource, watcher(api, config), tell, |pod| DynamicObject {
            types: None,
            metadata: pod.metadata,
            data: serde_json::Value::default(),
        })
        .await;
    } else {
        let api: Api<DynamicObject> = Api::all_with(client, &resource);
        follow(&resource, watcher(api, config), tell, |object| object).await;
    }
}

async fn follow<K: Resource + Send>(
    resource: &ApiResource,
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
    tell: UnboundedSender<(String, Told)>,
    whole: impl Fn(K) -> DynamicObject,
) {
    let mut events = pin!(events.default_backoff());
    let mut listed = BTreeSet::new();
    let mut failed = String::new();
    let whole = |object: K| {
        let mut object = whole(object);
        object.metadata.managed_fields = None;
        let (api_version, kind) = (resource.api_version.clone(), resource.kind.clone());
        object.types = Some(kube::api::TypeMeta { api_version, kind });
        object
    };
    while let Some(event) = events.next().await {
        let told = match event {
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitApply(object)) => {
                let object = whole(object);
                listed.insert(name(&object.metadata.namespace, object.name_any()));
                Told::Seen(Box::new(object))
            }
            Ok(Event::InitDone) => Told::Listed(std::mem::take(&mut listed)),
            Ok(Event::Apply(object)) => Told::Seen(Box::new(whole(object))),
            Ok(Event::Delete(object)) => {
                let object = whole(object);
                Told::Gone(name(&object.metadata.namespace, object.name_any()))
            }
            Err(error) => {
                let words = error.to_string();
                if words != failed {
                    warn!("{} cannot be watched, what is known stays: {words}", resource.plural);
                }
                failed = words;
                continue;
            }
        };
        failed.clear();
        if tell.send((resource.kind.clone(), told)).is_err() {
            return;
        }
    }
}

fn name(namespace: &Option<String>, name: String) -> ObjectName {
    ObjectName::new(namespace.as_deref().unwrap_or_default(), name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: serde_json::Value) -> DynamicObject {
        serde_json::from_value(value).expect("an object")
    }

    fn service(labels: &serde_json::Value, status: &str) -> DynamicObject {
        object(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "namespace": "shop", "name": "web", "labels": labels, "resourceVersion": status },
            "spec": { "type": "ClusterIP" }, "status": { "now": status },
        }))
    }

    #[test]
    fn a_status_is_no_drift_and_a_label_is() {
        let before = service(&json!({ "a": "1" }), "x");
        assert_eq!(fingerprint(&before), fingerprint(&service(&json!({ "a": "1" }), "y")));
        assert_ne!(fingerprint(&before), fingerprint(&service(&json!({ "a": "2" }), "x")));
    }

    #[test]
    fn a_list_drops_what_it_has_not_and_only_of_its_kind() {
        let mut owned = Owned::default();
        owned.take("Service", Told::Seen(Box::new(service(&json!({}), "x"))));
        let pod = object(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "namespace": "shop", "name": "web-1", "labels": { GATEWAY: "web" } },
        }));
        owned.take(POD, Told::Seen(Box::new(pod)));
        owned.take("Service", Told::Listed(BTreeSet::new()));
        assert_eq!(owned.made().count(), 0);
        assert_eq!(owned.pods("shop", "web").collect::<Vec<_>>(), ["web-1"]);
        assert_eq!(owned.pods("shop", "other").count(), 0);
        assert!(!owned.is_whole(), "other kinds have not been listed");
    }
}
