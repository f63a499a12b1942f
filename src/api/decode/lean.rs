//! Services and EndpointSlices without what nobody reads: a cluster has thousands, and a waypoint that serves all namespaces
//! keeps every one.
//!
//! Never here: what is read of them.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::{EndpointSlice, GATEWAY_NAME, Service};

/// Label of an EndpointSlice: the Service that it belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Leaves what is read of a Service.
pub(super) fn service(service: &mut Service) {
    metadata(&mut service.metadata);
    service.status = None;
    if let Some(spec) = &mut service.spec {
        spec.selector = None;
    }
}

/// Leaves what is read of an EndpointSlice.
pub(super) fn slice(slice: &mut EndpointSlice) {
    metadata(&mut slice.metadata);
    for endpoint in slice.endpoints.iter_mut().flatten() {
        endpoint.deprecated_topology = None;
        endpoint.hostname = None;
        // What an endpoint stands for is told by uid, or by name where there is none.
        endpoint.target_ref = endpoint.target_ref.take().map(|target| ObjectReference {
            kind: target.kind,
            name: target.name.filter(|_| target.uid.is_none()),
            uid: target.uid,
            ..ObjectReference::default()
        });
    }
}

/// Leaves the name, and labels and annotations that mean something here: those of the mesh and of Kubernetes' own services.
fn metadata(metadata: &mut ObjectMeta) {
    let ObjectMeta { name, namespace, mut labels, mut annotations, .. } = std::mem::take(metadata);
    for map in [&mut labels, &mut annotations] {
        if let Some(entries) = map {
            entries.retain(|key, _| {
                [SERVICE_NAME, GATEWAY_NAME].contains(&key.as_str())
                    || key.contains("istio.io/")
                    || key.starts_with("service.kubernetes.io/")
            });
            // An emptied map keeps its memory.
            if entries.is_empty() {
                *map = None;
            }
        }
    }
    *metadata = ObjectMeta { name, namespace, labels, annotations, ..ObjectMeta::default() };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::api::Item;
    use crate::api::decode::{Decoded, decode};

    fn kept(object: Value) -> Value {
        match decode(object) {
            Ok(Decoded::Item(Item::Service(service))) => serde_json::to_value(&*service).expect("it is JSON"),
            Ok(Decoded::Item(Item::EndpointSlice(slice))) => serde_json::to_value(&*slice).expect("it is JSON"),
            other => panic!("neither: {other:?}"),
        }
    }

    #[test]
    fn of_a_service_the_ports_and_the_meshs_labels_are_kept() {
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "cart", "namespace": "shop", "uid": "1", "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": { "app": "cart", "istio.io/use-waypoint": "waypoint" }, "annotations": { "note": "x" },
            },
            "spec": { "selector": { "app": "cart" }, "clusterIP": "10.96.0.7", "ports": [{ "port": 80 }] },
            "status": { "loadBalancer": {} },
        });
        let lean = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "cart", "namespace": "shop", "labels": { "istio.io/use-waypoint": "waypoint" } },
            "spec": { "clusterIP": "10.96.0.7", "ports": [{ "port": 80 }] },
        });
        assert_eq!(kept(service), lean);
    }

    #[test]
    fn of_a_slice_the_service_and_what_its_endpoints_are_is_kept() {
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": "cart-1", "namespace": "shop", "generateName": "cart-", "ownerReferences": [
                    { "apiVersion": "v1", "kind": "Service", "name": "cart", "uid": "1" }],
                "labels": { "kubernetes.io/service-name": "cart", "endpointslice.kubernetes.io/managed-by": "x" },
            },
            "addressType": "IPv4",
            "endpoints": [
                { "addresses": ["10.0.0.1"], "nodeName": "a", "zone": "b", "hostname": "c",
                  "targetRef": { "kind": "Pod", "namespace": "shop", "name": "cart-x", "uid": "2" } },
                { "addresses": ["10.0.0.2"], "targetRef": { "kind": "Pod", "namespace": "shop", "name": "cart-y" } },
            ],
        });
        let lean = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": { "name": "cart-1", "namespace": "shop", "labels": { "kubernetes.io/service-name": "cart" } },
            "addressType": "IPv4",
            "endpoints": [
                { "addresses": ["10.0.0.1"], "nodeName": "a", "zone": "b", "targetRef": { "kind": "Pod", "uid": "2" } },
                { "addresses": ["10.0.0.2"], "targetRef": { "kind": "Pod", "name": "cart-y" } },
            ],
        });
        assert_eq!(kept(slice), lean);
    }
}
