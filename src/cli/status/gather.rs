//! Lists what there is of a cluster. A kind that may not be listed, or is not installed, is told and not fatal.

use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::{Client, ResourceExt};
use serde_json::Value;

use super::facts::Facts;
use crate::controller::provision::GATEWAY;
use crate::source::kubernetes::words;

/// What is listed: group, version, kind, the label that selects, and whether a cluster may do without it.
const KINDS: [(&str, &str, &str, Option<&str>, bool); 8] = [
    ("", "v1", "Namespace", None, false),
    ("gateway.networking.k8s.io", "v1", "GatewayClass", None, false),
    ("gateway.networking.k8s.io", "v1", "Gateway", None, false),
    ("", "v1", "Service", None, false),
    ("networking.istio.io", "v1", "WorkloadEntry", None, true),
    ("networking.istio.io", "v1", "ServiceEntry", None, true),
    ("", "v1", "ConfigMap", Some(GATEWAY), false),
    ("", "v1", "Pod", None, false),
];

/// The most objects of one answer of the API server.
const PAGE: u32 = 500;

/// The facts of a cluster. Errors: the API server can't be asked at all.
pub(super) async fn gather(client: &Client) -> Result<Facts, kube::Error> {
    client.apiserver_version().await?;
    let mut facts = Facts::default();
    for (group, version, kind, label, optional) in KINDS {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match list(client, &resource, label).await {
            Ok(objects) => objects.into_iter().for_each(|object| facts.take(object)),
            Err(kube::Error::Api(status)) if status.code == 404 && optional => {}
            Err(error) => facts.unread.push(format!("{kind}: {}", words(&error))),
        }
    }
    Ok(facts)
}

async fn list(client: &Client, resource: &ApiResource, label: Option<&str>) -> Result<Vec<Value>, kube::Error> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    // A list says once what its items are.
    let types = TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
    let mut parameters = ListParams { limit: Some(PAGE), ..ListParams::default() };
    parameters.label_selector = label.map(str::to_owned);
    let mut objects = Vec::new();
    loop {
        let page = api.list(&parameters).await?;
        let next = page.metadata.continue_;
        for mut object in page.items {
            object.types = Some(types.clone());
            object.managed_fields_mut().clear();
            objects.push(serde_json::to_value(object).map_err(kube::Error::SerdeError)?);
        }
        match next.filter(|token| !token.is_empty()) {
            Some(token) => parameters.continue_token = Some(token),
            None => return Ok(objects),
        }
    }
}
