//! One object made, mended or deleted at the API server.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ApiResource, GroupVersionKind, PartialObjectMeta};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::MANAGER;
use super::owned::Key;
use super::provision::{GATEWAY, MANAGED_BY, PINGWAY, is_readdressed, on_trial, yet_to_be_had};
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
    /// Whether the API server finds the object invalid, as it does where an address can't be had.
    pub(super) fn is_invalid(&self) -> bool {
        match self {
            Self::Taken { .. } => true,
            Self::Refused { error, .. } => matches!(&**error, kube::Error::Api(status) if status.code == 422),
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
    let api = api(client.clone(), object);
    if let Some(there) = known {
        if is_readdressed(object, there) {
            make_way(client, object, there).await?;
        }
    } else {
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
