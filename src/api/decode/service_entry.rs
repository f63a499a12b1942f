//! Istio's ServiceEntry and WorkloadEntry. Their schemas are Istio's to hold, so that a field that is not known here is no oddity.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Kind, RawMeta, Violation, deserialize};
use crate::api::{EntryEndpoint, EntryPort, Object, ServiceEntry, ServiceEntrySpec, WorkloadEntry};

#[derive(Deserialize)]
struct Raw<S> {
    metadata: RawMeta,
    spec: S,
    #[serde(default)]
    status: RawStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry {
    hosts: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    ports: Vec<RawPort>,
    #[serde(default)]
    resolution: Option<String>,
    #[serde(default)]
    endpoints: Vec<RawWorkload>,
    workload_selector: Option<RawSelector>,
    #[serde(default)]
    export_to: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPort {
    number: u16,
    #[serde(default)]
    name: String,
    #[serde(default)]
    protocol: String,
    target_port: Option<u16>,
}

#[derive(Deserialize)]
struct RawSelector {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct RawWorkload {
    address: String,
    ports: BTreeMap<String, u16>,
    labels: BTreeMap<String, String>,
    network: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStatus {
    addresses: Vec<RawAddress>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct RawAddress {
    value: String,
    host: String,
}

/// A ServiceEntry, with the addresses that its status has.
pub(super) fn service_entry(value: &Value) -> Result<Arc<ServiceEntry>, Violation> {
    let Raw { metadata, spec, status } = deserialize::<Raw<RawEntry>>(value, &mut Vec::new())?;
    let port = |port: RawPort| EntryPort {
        number: port.number,
        name: port.name,
        protocol: port.protocol,
        // Istio takes 0 for one that is not said.
        target: port.target_port.filter(|number| *number > 0),
    };
    let host = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
    let allocated = status.addresses.iter().filter_map(|at| Some((host(&at.host), at.value.parse().ok()?)));
    let spec = ServiceEntrySpec {
        hosts: spec.hosts.iter().map(|name| host(name)).collect(),
        addresses: spec.addresses,
        allocated: allocated.collect(),
        ports: spec.ports.into_iter().map(port).collect(),
        resolution: spec.resolution.unwrap_or_else(|| "NONE".to_owned()),
        endpoints: spec.endpoints.into_iter().map(RawWorkload::kept).collect(),
        workload_selector: spec.workload_selector.map(|selector| selector.labels),
        export_to: spec.export_to,
    };
    Ok(Arc::new(Object { meta: metadata.kept(Kind::ServiceEntry), spec }))
}

/// A WorkloadEntry.
pub(super) fn workload_entry(value: &Value) -> Result<Arc<WorkloadEntry>, Violation> {
    let Raw { metadata, spec, status: _ } = deserialize::<Raw<RawWorkload>>(value, &mut Vec::new())?;
    let meta = metadata.kept(Kind::WorkloadEntry);
    let mut spec = spec.kept();
    for (key, label) in &meta.labels {
        spec.labels.entry(key.clone()).or_insert_with(|| label.clone());
    }
    Ok(Arc::new(Object { meta, spec }))
}

impl RawWorkload {
    fn kept(self) -> EntryEndpoint {
        EntryEndpoint { address: self.address, ports: self.ports, labels: self.labels, network: self.network }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::Item;
    use crate::api::decode::{Decoded, decode};

    #[test]
    fn a_service_entry_is_read_with_what_istiod_allocated() {
        let object = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": { "name": "pay", "namespace": "shop" },
            "spec": {
                "hosts": ["API.pay.test."], "resolution": "STATIC", "exportTo": ["."],
                "ports": [{ "number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080 }],
                "endpoints": [{ "address": "192.0.2.7", "ports": { "http": 9090 } }],
                "workloadSelector": { "labels": { "app": "pay" } }, "location": "MESH_EXTERNAL",
            },
            "status": { "addresses": [{ "value": "240.240.0.1", "host": "api.pay.test" }] },
        });
        let Ok(Decoded::Item(Item::ServiceEntry(entry))) = decode(object) else { panic!("a ServiceEntry") };
        assert_eq!(entry.spec.hosts, ["api.pay.test"]);
        assert_eq!(entry.spec.allocated, [("api.pay.test".to_owned(), "240.240.0.1".parse().unwrap())]);
        assert_eq!((entry.spec.ports[0].target, entry.spec.endpoints[0].ports["http"]), (Some(8080), 9090));
        assert!(entry.spec.is_seen_from("shop", "shop") && !entry.spec.is_seen_from("shop", "cart"));
    }

    #[test]
    fn a_workload_entry_has_the_labels_of_both_places() {
        let object = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry",
            "metadata": { "name": "vm", "namespace": "shop", "labels": { "app": "other", "tier": "vm" } },
            "spec": { "address": "192.0.2.9", "labels": { "app": "pay" } },
        });
        let Ok(Decoded::Item(Item::WorkloadEntry(entry))) = decode(object) else { panic!("a WorkloadEntry") };
        assert_eq!((&*entry.spec.labels["app"], &*entry.spec.labels["tier"]), ("pay", "vm"));
    }

    #[test]
    fn a_port_that_is_none_is_refused_by_its_field() {
        let object = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": { "name": "pay", "namespace": "shop" },
            "spec": { "hosts": ["a.test"], "ports": [{ "number": 70000 }] },
        });
        let refused = decode(object).unwrap_err().to_string();
        assert!(refused.starts_with("ServiceEntry shop/pay: spec.ports[0].number: "), "{refused}");
    }
}
