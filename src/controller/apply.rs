//! One object made, mended or deleted at the API server.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::MANAGER;
use super::owned::Key;
use super::provision::{GATEWAY, MANAGED_BY, PINGWAY};
use crate::source::kubernetes::words;

/// Why an object is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    /// Another has an object of this name.
    #[error("{0} is there already and is not Pingway's: rename or delete it")]
    Foreign(Key),
    /// The API server's words.
    #[error("{key}: {}", words(.error))]
    Refused { key: Key, error: Box<kube::Error> },
}

impl ApplyError {
    /// Whether the API server finds the object invalid, as it does where an address can't be had.
    pub(super) fn is_invalid(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if matches!(&**error, kube::Error::Api(status) if status.code == 422))
    }
}

/// Applies an object; answers it as it is then. `known`: it has been seen, and is ours.
///
/// # Errors
/// Another's object has its name, or the API server refuses it.
pub(super) async fn apply(client: Client, object: &DynamicObject, known: bool) -> Result<DynamicObject, ApplyError> {
    let key = Key::of(object);
    let refused = |error| ApplyError::Refused { key: key.clone(), error: Box::new(error) };
    let api = api(client, object);
    if !known {
        let there = api.get_opt(&key.name.name).await.map_err(refused)?;
        if there.is_some_and(|there| !is_same(&there, object)) {
            return Err(ApplyError::Foreign(key));
        }
    }
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&key.name.name, &params, &Patch::Apply(object)).await.map_err(refused)
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

/// Whether an object is ours, and made for what is wanted: the Gateway may be another of the same name.
fn is_same(there: &DynamicObject, wanted: &DynamicObject) -> bool {
    there.labels().get(MANAGED_BY).is_some_and(|by| by == PINGWAY)
        && there.labels().get(GATEWAY) == wanted.labels().get(GATEWAY)
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
