//! Lists what there is of a cluster. A kind that may not be listed, or is not installed, is told and not fatal.

use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::{Client, ResourceExt};
use serde_json::Value;

use super::facts::Facts;
use crate::api::ENTRY_VERSIONS;
use crate::controller::provision::GATEWAY;
use crate::source::kubernetes::words;

/// A kind that is listed.
struct Listed {
    group: &'static str,
    /// Best first: another is tried where the API server does not know the one before.
    versions: &'static [&'static str],
    kind: &'static str,
    /// The label that selects.
    label: Option<&'static str>,
    /// A cluster may do without it.
    optional: bool,
}

impl Listed {
    const fn v1(group: &'static str, kind: &'static str) -> Self {
        Self { group, versions: &["v1"], kind, label: None, optional: false }
    }

    const fn entries(kind: &'static str) -> Self {
        Self { group: "networking.istio.io", versions: ENTRY_VERSIONS, kind, label: None, optional: true }
    }
}

const LISTED: [Listed; 8] = [
    Listed::v1("", "Namespace"),
    Listed::v1("gateway.networking.k8s.io", "GatewayClass"),
    Listed::v1("gateway.networking.k8s.io", "Gateway"),
    Listed::v1("", "Service"),
    Listed::entries("WorkloadEntry"),
    Listed::entries("ServiceEntry"),
    Listed { label: Some(GATEWAY), ..Listed::v1("", "ConfigMap") },
    Listed::v1("", "Pod"),
];

/// The most objects of one answer of the API server.
const PAGE: u32 = 500;

/// The facts of a cluster. Errors: the API server can't be asked at all.
pub(super) async fn gather(client: &Client) -> Result<Facts, kube::Error> {
    client.apiserver_version().await?;
    let mut facts = Facts::default();
    for Listed { group, versions, kind, label, optional } in LISTED {
        let resources = versions.iter().map(|version| GroupVersionKind::gvk(group, version, kind));
        match list_served(client, resources.map(|gvk| ApiResource::from_gvk(&gvk)), label).await {
            Ok(objects) => {
                facts.listed.insert(kind);
                objects.into_iter().for_each(|object| facts.take(object));
            }
            Err(error) if is_not_served(&error) && optional => {}
            Err(error) => facts.unread.push(format!("{kind}: {}", words(&error))),
        }
    }
    Ok(facts)
}

fn is_not_served(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Lists in the first version that is served; the error is the last one's.
async fn list_served(
    client: &Client,
    versions: impl Iterator<Item = ApiResource>,
    label: Option<&str>,
) -> Result<Vec<Value>, kube::Error> {
    let mut listed = Ok(Vec::new());
    for version in versions {
        listed = list(client, &version, label).await;
        if !listed.as_ref().is_err_and(is_not_served) {
            break;
        }
    }
    listed
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use http_body_util::Full;
    use hyper::body::Bytes;
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use crate::api::ObjectName;

    /// The facts of an API server that serves entries in these versions, and where they were asked for.
    async fn gathered(served: &'static [&'static str]) -> (Facts, Vec<String>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let paths = asked.clone();
        let answer = move |request: http::Request<Body>| {
            let path = request.uri().path().to_owned();
            let of_istio = path.strip_prefix("/apis/networking.istio.io/").map(str::to_owned);
            let missing = of_istio.as_ref().is_some_and(|path| !served.contains(&path.split('/').next().unwrap()));
            let entry =
                json!({ "metadata": { "name": "pay", "namespace": "shop" }, "spec": { "hosts": ["pay.test"] } });
            let items = if path.ends_with("/serviceentries") { vec![entry] } else { vec![] };
            paths.lock().unwrap().extend(of_istio);
            let (code, body) = match path.as_str() {
                "/version" => (
                    200,
                    json!({ "major": "1", "minor": "36", "gitVersion": "", "gitCommit": "", "gitTreeState": "",
                    "buildDate": "", "goVersion": "", "compiler": "", "platform": "" }),
                ),
                _ if missing => (
                    404,
                    json!({ "kind": "Status", "status": "Failure", "code": 404, "message": "", "reason": "NotFound" }),
                ),
                _ => (200, json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items })),
            };
            let response = http::Response::builder().status(code).body(Full::new(Bytes::from(body.to_string())));
            std::future::ready(Ok::<_, Infallible>(response.unwrap()))
        };
        let facts = gather(&Client::new(tower::service_fn(answer), "x")).await.unwrap();
        let asked = asked.lock().unwrap().clone();
        (facts, asked)
    }

    #[tokio::test]
    async fn entries_are_asked_for_in_the_first_version_that_is_served() {
        for (served, asked) in [
            (&["v1", "v1beta1"][..], &["v1/workloadentries", "v1/serviceentries"][..]),
            (
                &["v1beta1", "v1alpha3"],
                &["v1/workloadentries", "v1beta1/workloadentries", "v1/serviceentries", "v1beta1/serviceentries"],
            ),
        ] {
            let (facts, paths) = gathered(served).await;
            assert_eq!(paths, asked);
            assert!(facts.snapshot.entries.contains_key(&ObjectName::new("shop", "pay")), "{:?}", facts.unread);
        }
    }

    #[tokio::test]
    async fn a_cluster_without_entries_is_read_whole() {
        let (facts, asked) = gathered(&[]).await;
        assert_eq!(asked.len(), 2 * ENTRY_VERSIONS.len());
        assert!(facts.unread.is_empty() && facts.snapshot.entries.is_empty(), "{:?}", facts.unread);
    }
}
