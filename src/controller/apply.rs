//! One object made, mended or deleted at the API server.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ApiResource, GroupVersionKind, PartialObjectMeta};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::MANAGER;
use super::owned::Key;
use super::provision::{GATEWAY, MANAGED_BY, PINGWAY, is_readdressed, on_trial, reset, without_strays, yet_to_be_had};
use crate::api::ObjectName;
use crate::source::kubernetes::words;

/// Why an object is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    /// Another has an object of this name.
    #[error("{0} is there already and is not Pingway's: rename or delete it")]
    Foreign(Key),
    /// Another Service has the address.
    #[error("{key}: the address {address} is Service {by}'s")]
    Taken { key: Key, address: IpAddr, by: ObjectName },
    /// The API server's words.
    #[error("{key}: {}", words(.error))]
    Refused { key: Key, error: Box<kube::Error> },
}

impl ApplyError {
    /// Whether the API server is to be asked again before anything is said: it was away or busy, or another was faster.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Taken { .. } | Self::Foreign(_) => false,
            Self::Refused { error, .. } => match &**error {
                kube::Error::Api(status) => matches!(status.code, 401 | 408 | 409 | 429 | 500..),
                _ => true,
            },
        }
    }

    /// Whether the API server finds the object invalid, as it does where an address can't be had.
    pub(super) fn is_invalid(&self) -> bool {
        match self {
            Self::Taken { .. } => true,
            Self::Refused { error, .. } => is_invalid(error),
            Self::Foreign(_) => false,
        }
    }
}

/// Applies an object; answers it as it is then. `known`: as it has been seen; it is ours.
///
/// # Errors
/// Another's object has its name, or the API server refuses it.
pub(super) async fn apply(
    client: Client,
    object: &DynamicObject,
    known: Option<&DynamicObject>,
) -> Result<DynamicObject, ApplyError> {
    let key = Key::of(object);
    let refused = |error| ApplyError::Refused { key: key.clone(), error: Box::new(error) };
    let at = At { api: api(client.clone(), object), name: &key.name.name };
    let there = match known {
        Some(there) if is_readdressed(object, there) => {
            make_way(client, object, there).await?;
            None
        }
        Some(there) => Some(there.clone()),
        None => at.api.get_opt(at.name).await.map_err(refused)?,
    };
    if known.is_none() && there.as_ref().is_some_and(|there| !is_same(there, object)) {
        return Err(ApplyError::Foreign(key));
    }
    let applied = match there {
        Some(there) => at.mend(object, &there).await,
        None => at.apply(object).await,
    };
    applied.map_err(refused)
}

/// Where an object is.
struct At<'a> {
    api: Api<DynamicObject>,
    name: &'a str,
}

impl At<'_> {
    /// Makes an object what is wanted, if it is still the one that was seen, whatever others made of it.
    async fn mend(&self, wanted: &DynamicObject, there: &DynamicObject) -> kube::Result<DynamicObject> {
        let weeded = match without_strays(wanted, there) {
            Some(patch) => self.set(there, patch).await.map(drop),
            None => Ok(()),
        };
        let applied = match weeded {
            Ok(()) => self.apply(wanted).await,
            Err(error) => Err(error),
        };
        let error = match applied {
            Err(error) if is_invalid(&error) => error,
            other => return other,
        };
        // It may be that what others set is in the way of what is wanted.
        let now = self.api.get(self.name).await?;
        let Some(patch) = reset(wanted, &now) else { return Err(error) };
        match self.set(&now, patch).await {
            Ok(_) => self.apply(wanted).await,
            // What is wanted is itself no good.
            Err(again) if is_invalid(&again) => Err(error),
            Err(again) => Err(again),
        }
    }

    async fn apply(&self, wanted: &DynamicObject) -> kube::Result<DynamicObject> {
        let params = PatchParams::apply(MANAGER).force();
        let applied = self.api.patch(self.name, &params, &Patch::Apply(wanted)).await?;
        // Fields that `set` has set would stay when an apply no longer has them.
        let entries = applied.metadata.managed_fields.as_deref().unwrap_or_default();
        let kept: Vec<_> = entries.iter().filter(|entry| !is_of_set(entry)).collect();
        if kept.len() == entries.len() {
            return Ok(applied);
        }
        self.set(&applied, json!({ "metadata": { "managedFields": kept } })).await
    }

    /// Merges a patch into an object, if it is still the one that was seen.
    async fn set(&self, there: &DynamicObject, mut patch: Value) -> kube::Result<DynamicObject> {
        patch["metadata"]["uid"] = json!(there.metadata.uid);
        patch["metadata"]["resourceVersion"] = json!(there.metadata.resource_version);
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.api.patch(self.name, &params, &Patch::Merge(patch)).await
    }
}

/// Whether the entry says what is ours otherwise than by an apply.
fn is_of_set(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(MANAGER)
        && entry.operation.as_deref() == Some("Update")
        && entry.subresource.as_deref().unwrap_or_default().is_empty()
}

fn is_invalid(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 422)
}

/// Deletes an object, if it is still the one that was seen.
///
/// # Errors
/// The API server refuses. That it is gone, or another, is no error.
pub(super) async fn delete(client: Client, object: &DynamicObject) -> Result<(), ApplyError> {
    let key = Key::of(object);
    let preconditions = Some(Preconditions { uid: object.metadata.uid.clone(), resource_version: None });
    let params = DeleteParams { preconditions, ..DeleteParams::background() };
    match api(client, object).delete(&key.name.name, &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(ApplyError::Refused { key, error: Box::new(error) }),
    }
}

/// Deletes a Service that can't become the one that is wanted, once it is known that this one can be made: what is served is not
/// given up for an address that can't be had.
///
/// # Errors
/// The API server refuses the address or the deletion, or another Service has the address.
async fn make_way(client: Client, wanted: &DynamicObject, there: &DynamicObject) -> Result<(), ApplyError> {
    let key = || Key::of(wanted);
    let refused = |error| ApplyError::Refused { key: key(), error: Box::new(error) };
    let addresses = yet_to_be_had(wanted, there);
    if let Some(trial) = on_trial(wanted, &addresses) {
        let params = PostParams { dry_run: true, field_manager: Some(MANAGER.to_owned()) };
        match api(client.clone(), wanted).create(&params, &trial).await {
            // What is wrong with an address is seen before that the name is taken, by the one that is there.
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(refused(error)),
        }
    }
    // Which a dry run does not see.
    let services: Api<PartialObjectMeta<Service>> = Api::all(client.clone());
    for address in addresses {
        let params = ListParams::default().fields(&format!("spec.clusterIP={address}")).limit(1);
        if let Some(other) = services.list(&params).await.map_err(refused)?.items.first() {
            let by = ObjectName::new(other.namespace().unwrap_or_default(), other.name_any());
            return Err(ApplyError::Taken { key: key(), address, by });
        }
    }
    delete(client, there).await
}

/// Takes keys out of a ConfigMap.
///
/// # Errors
/// The API server refuses.
pub(super) async fn remove_keys(client: Client, config_map: &DynamicObject, keys: &[String]) -> Result<(), ApplyError> {
    let key = Key::of(config_map);
    let gone: serde_json::Map<_, _> = keys.iter().map(|key| (key.clone(), serde_json::Value::Null)).collect();
    let patch = Patch::Merge(json!({ "metadata": { "uid": config_map.metadata.uid }, "data": gone }));
    let patched = api(client, config_map).patch_metadata(&key.name.name, &PatchParams::default(), &patch).await;
    patched.map(drop).map_err(|error| ApplyError::Refused { key, error: Box::new(error) })
}

/// Whether an object is ours, and made for what is wanted: by its labels (the Gateway may be another of the same name), or, where
/// somebody took these away, by the Gateway that it belongs to.
fn is_same(there: &DynamicObject, wanted: &DynamicObject) -> bool {
    let is_labelled = there.labels().get(MANAGED_BY).is_some_and(|by| by == PINGWAY)
        && there.labels().get(GATEWAY) == wanted.labels().get(GATEWAY);
    // What lies elsewhere belongs to the installation, which is no controller of it.
    let owner = |object: &DynamicObject| {
        let mut owners = object.owner_references().iter().filter(|owner| owner.controller == Some(true));
        owners.next().map(|owner| owner.uid.clone())
    };
    is_labelled || owner(wanted).is_some_and(|wanted| owner(there) == Some(wanted))
}

fn api(client: Client, object: &DynamicObject) -> Api<DynamicObject> {
    let types = object.types.clone().unwrap_or_default();
    let kind = GroupVersionKind::try_from(&types).unwrap_or_else(|_| GroupVersionKind::gvk("", "v1", &types.kind));
    let resource = ApiResource::from_gvk(&kind);
    match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(labels: &Value, owner: &Value) -> DynamicObject {
        let metadata = json!({ "name": "web", "labels": labels, "ownerReferences": [owner] });
        let object = json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata });
        serde_json::from_value(object).expect("an object")
    }

    fn owner(uid: &str, controller: Option<bool>) -> Value {
        json!({ "apiVersion": "v1", "kind": "K", "name": "n", "uid": uid, "controller": controller })
    }

    #[test]
    fn an_object_is_ours_by_its_labels_or_by_the_gateway_that_controls_it() {
        let ours = json!({ GATEWAY: "web", MANAGED_BY: PINGWAY });
        let wanted = object(&ours, &owner("u-1", Some(true)));
        assert!(is_same(&object(&ours, &owner("u-0", Some(true))), &wanted), "of a Gateway that was before");
        assert!(is_same(&object(&json!({}), &owner("u-1", Some(true))), &wanted));
        assert!(!is_same(&object(&json!({}), &owner("u-2", Some(true))), &wanted));
        assert!(!is_same(&object(&json!({}), &owner("u-1", None)), &wanted));
        let elsewhere = object(&ours, &owner("role", None));
        assert!(!is_same(&object(&json!({}), &owner("role", None)), &elsewhere), "all Gateways share that owner");
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        let refused = |code: u16| {
            let status = serde_json::from_value(json!({ "status": "Failure", "code": code })).expect("a status");
            ApplyError::Refused {
                key: Key::of(&object(&json!({}), &owner("u", None))),
                error: Box::new(kube::Error::Api(status)),
            }
        };
        assert_eq!([400, 403, 404, 422].map(|code| refused(code).is_passing()), [false; 4]);
        assert_eq!([401, 409, 429, 500].map(|code| refused(code).is_passing()), [true; 4]);
    }
}
