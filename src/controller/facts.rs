//! What came back from where a Gateway is served, out of what is there of what was made. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use kube::api::DynamicObject;
use serde_json::Value;

use super::owned::{Key, Owned};
use super::provision::object_name;
use crate::api::{Gateway, ObjectName, StatusAddress};
use crate::snapshot::{GatewayFacts, ProvisioningFailure};
use crate::waypoint::{KEY_PREFIX, ReplicaReport};

/// The facts of a Gateway. `addresses` is what its status has now: once it can be reached, it keeps its addresses. `domain` is the
/// cluster's.
pub(super) fn facts(
    gateway: &Gateway,
    owned: &Owned,
    addresses: &Value,
    domain: Option<&str>,
    failure: Option<ProvisioningFailure>,
) -> GatewayFacts {
    let get = |kind: &str| owned.get(&key(gateway, kind));
    let was_reached = addresses.as_array().is_some_and(|addresses| !addresses.is_empty());
    let ready =
        get("Deployment").is_some_and(|deployment| deployment.data["status"]["readyReplicas"].as_i64() > Some(0));
    let current = get("Service").map(|service| service_addresses(gateway, service, domain)).unwrap_or_default();
    let addresses = match (ready || was_reached, current.is_empty()) {
        (false, _) => Vec::new(),
        (true, false) => current,
        (true, true) => status_addresses(addresses),
    };
    GatewayFacts {
        uid: gateway.meta.uid.clone().unwrap_or_default(),
        addresses,
        failure,
        replicas: reports(gateway, owned).map(|(pod, report)| (Arc::from(pod), report.replica())).collect(),
    }
}

/// Keys of a Gateway's ConfigMap that tell nothing any more: their pods are gone, and some pod that lives serves what they served.
/// Until then their word stands: that the last replica has gone does not take back what it was programmed with.
pub(super) fn outlived(gateway: &Gateway, owned: &Owned) -> Vec<String> {
    let Some(config_map) = owned.get(&key(gateway, "ConfigMap")) else { return Vec::new() };
    let name = object_name(gateway);
    let pods: BTreeSet<&str> = owned.pods(&gateway.meta.name.namespace, &name).collect();
    let served: BTreeMap<&str, i64> = reports(gateway, owned).map(|(pod, report)| (pod, report.generation)).collect();
    let best = served.iter().filter(|(pod, _)| pods.contains(*pod)).map(|(_, &generation)| generation).max();
    let is_outlived =
        |pod: &str| !pods.contains(pod) && served.get(pod).is_none_or(|&generation| best >= Some(generation));
    let keys = config_map.data["data"].as_object().into_iter().flatten().map(|(key, _)| key);
    keys.filter(|key| key.strip_prefix(KEY_PREFIX).is_some_and(is_outlived)).cloned().collect()
}

/// Key of the object of a kind that is made in a Gateway's namespace.
fn key(gateway: &Gateway, kind: &str) -> Key {
    let name = ObjectName::new(gateway.meta.name.namespace.clone(), object_name(gateway));
    Key { kind: kind.to_owned(), name }
}

/// What replicas of this very Gateway report, by pod.
fn reports<'o>(gateway: &'o Gateway, owned: &'o Owned) -> impl Iterator<Item = (&'o str, ReplicaReport)> {
    let data = owned.get(&key(gateway, "ConfigMap")).and_then(|config_map| config_map.data["data"].as_object());
    let reports = data.into_iter().flatten().filter_map(|(key, text)| {
        let report: ReplicaReport = serde_json::from_str(text.as_str()?).ok()?;
        Some((key.strip_prefix(KEY_PREFIX)?, report))
    });
    reports.filter(|(_, report)| gateway.meta.uid.as_deref() == Some(report.uid.as_str()))
}

/// Addresses of a Service: where its load balancer is reached, or its own. IP addresses come first. Its name follows, by which Istio's
/// clients of either family find it; not where the Gateway asks for addresses, as it then has those and no other.
fn service_addresses(gateway: &Gateway, service: &DynamicObject, domain: Option<&str>) -> Vec<StatusAddress> {
    let ip = |value: &Value| value.as_str()?.parse::<IpAddr>().ok().map(StatusAddress::Ip);
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let (spec, status) = (&service.data["spec"], &service.data["status"]);
    if spec["type"] == "LoadBalancer" {
        let ingress = list(&status["loadBalancer"]["ingress"]);
        let hostname = |at: &Value| Some(StatusAddress::Hostname(at["hostname"].as_str()?.into()));
        let names = ingress.iter().filter_map(hostname);
        return ingress.iter().filter_map(|at| ip(&at["ip"])).chain(names).collect();
    }
    let mut addresses: Vec<_> =
        list(&spec["clusterIPs"]).iter().chain(&list(&spec["externalIPs"])).filter_map(ip).collect();
    if let Some(domain) = domain.filter(|_| gateway.spec.addresses.is_empty() && !addresses.is_empty()) {
        let namespace = &gateway.meta.name.namespace;
        let name = format!("{}.{namespace}.svc.{domain}", object_name(gateway));
        addresses.push(StatusAddress::Hostname(name.into()));
    }
    addresses
}

/// Addresses as a status has them.
fn status_addresses(addresses: &Value) -> Vec<StatusAddress> {
    let address = |address: &Value| {
        let value = address["value"].as_str()?;
        Some(value.parse().map_or_else(|_| StatusAddress::Hostname(value.into()), StatusAddress::Ip))
    };
    addresses.as_array().into_iter().flatten().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Item;
    use crate::api::decode::{Decoded, decode};
    use crate::controller::owned::Told;
    use crate::controller::provision::GATEWAY;

    fn gateway() -> Arc<Gateway> {
        let metadata = json!({ "namespace": "shop", "name": "web", "uid": "u-1", "generation": 3 });
        let spec =
            json!({ "gatewayClassName": "pingway", "listeners": [{ "name": "a", "port": 80, "protocol": "HTTP" }] });
        let object = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata, "spec": spec,
        });
        match decode(object) {
            Ok(Decoded::Item(Item::Gateway(gateway))) => gateway,
            other => panic!("{other:?}"),
        }
    }

    fn owned(objects: &[(&str, Value)]) -> Owned {
        let mut owned = Owned::default();
        let name = object_name(&gateway());
        for (kind, fields) in objects {
            let mut object =
                json!({ "apiVersion": "v1", "kind": kind, "metadata": { "namespace": "shop", "name": name } });
            object.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
            owned.take(kind, Told::Seen(serde_json::from_value(object).expect("an object")));
        }
        owned
    }

    fn report(uid: &str, generation: i64) -> String {
        json!({ "uid": uid, "generation": generation, "bound": [80] }).to_string()
    }

    fn service() -> (&'static str, Value) {
        ("Service", json!({ "spec": { "clusterIPs": ["10.96.0.7", "fd00::7"] } }))
    }

    fn ready(count: i64) -> (&'static str, Value) {
        ("Deployment", json!({ "status": { "readyReplicas": count } }))
    }

    #[test]
    fn a_gateway_has_addresses_from_its_first_ready_pod_on_and_keeps_them() {
        let gateway = gateway();
        let found =
            |objects: &[(&str, Value)], before: Value| facts(&gateway, &owned(objects), &before, None, None).addresses;
        let expected = ["10.96.0.7", "fd00::7"].map(|ip| StatusAddress::Ip(ip.parse().expect("an address")));
        assert_eq!(found(&[service(), ready(0)], Value::Null), []);
        assert_eq!(found(&[service(), ready(1)], Value::Null), expected);
        let before = json!([{ "type": "IPAddress", "value": "10.96.0.7" }]);
        assert_eq!(found(&[service(), ready(0)], before.clone()), expected);
        assert_eq!(found(&[], before), expected[..1]);
    }

    #[test]
    fn the_services_name_follows_its_addresses() {
        let gateway = gateway();
        let found = |gateway: &Gateway| {
            facts(gateway, &owned(&[service(), ready(1)]), &Value::Null, Some("corp.test"), None).addresses
        };
        assert_eq!(found(&gateway).last(), Some(&StatusAddress::Hostname("web-pingway.shop.svc.corp.test".into())));
        let mut asks = (*gateway).clone();
        asks.spec.addresses = serde_json::from_value(json!([{ "value": "10.96.0.7" }])).expect("addresses");
        assert!(!found(&asks).iter().any(|address| matches!(address, StatusAddress::Hostname(_))));
    }

    #[test]
    fn a_load_balancer_is_reached_where_it_says_addresses_first() {
        let ingress = json!([{ "hostname": "lb.test" }, { "ip": "192.0.2.1" }]);
        let service = json!({
            "spec": { "type": "LoadBalancer", "clusterIPs": ["10.96.0.7"] },
            "status": { "loadBalancer": { "ingress": ingress } },
        });
        let found = facts(&gateway(), &owned(&[("Service", service), ready(1)]), &Value::Null, Some("corp.test"), None)
            .addresses;
        let expected =
            [StatusAddress::Ip("192.0.2.1".parse().expect("an address")), StatusAddress::Hostname("lb.test".into())];
        assert_eq!(found, expected);
    }

    #[test]
    fn replicas_are_those_of_this_very_gateway() {
        let data = json!({ "data": {
            "pod.a": report("u-1", 3), "pod.b": report("u-0", 9), "pod.c": "not JSON", "other": report("u-1", 3),
        } });
        let replicas = facts(&gateway(), &owned(&[("ConfigMap", data)]), &Value::Null, None, None).replicas;
        assert_eq!(replicas.keys().map(|pod| &**pod).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_dead_pods_word_stands_until_a_live_one_serves_as_much() {
        let gateway = gateway();
        let with = |live: i64| {
            let data = json!({ "data": { "pod.dead": report("u-1", 3), "pod.live": report("u-1", live) } });
            let mut owned = owned(&[("ConfigMap", data)]);
            let labels = json!({ GATEWAY: object_name(&gateway) });
            let pod = json!({ "metadata": { "namespace": "shop", "name": "live", "labels": labels } });
            owned.take("Pod", Told::Seen(serde_json::from_value(pod).expect("a pod")));
            outlived(&gateway, &owned)
        };
        assert_eq!(with(2), Vec::<String>::new());
        assert_eq!(with(3), ["pod.dead"]);
    }
}
