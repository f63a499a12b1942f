//! Pods: what little is kept of them.
//!
//! Names are those that Istio's metrics have, so that its dashboards find what they know: the owner that users made stands for
//! the pods that came of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{DEFAULT_NAMESPACE, Violation, deserialize};
use crate::api::{GATEWAY_NAME, LabelSet, ObjectName, Pod, Workload};

/// Labels that name the canonical service, best first.
const SERVICE: [&str; 3] = ["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"];

/// Labels that name the canonical revision, best first.
const REVISION: [&str; 3] = ["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"];

/// The canonical revision of a pod that names none.
const LATEST: &str = "latest";

/// Labels of the hash that a pod's ReplicaSet has behind its owner's name: a Deployment's, and one of Argo's Rollouts.
const TEMPLATE_HASH: [&str; 2] = ["pod-template-hash", "rollouts-pod-template-hash"];

#[derive(Deserialize)]
struct Raw {
    metadata: RawMeta,
    #[serde(default)]
    spec: RawSpec,
    #[serde(default)]
    status: RawStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMeta {
    name: String,
    namespace: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    owner_references: Vec<RawOwner>,
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct RawOwner {
    kind: String,
    name: String,
    #[serde(default)]
    controller: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    service_account_name: Option<String>,
    host_network: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawStatus {
    phase: String,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Vec<RawIp>,
    conditions: Vec<RawCondition>,
}

#[derive(Deserialize)]
struct RawCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Deserialize)]
struct RawIp {
    ip: String,
}

/// The pod, with what is kept of it.
pub(super) fn pod(value: &Value) -> Result<Arc<Pod>, Violation> {
    let Raw { metadata, spec, status } = deserialize(value, &mut Vec::new())?;
    let RawMeta { name, namespace, mut labels, owner_references, deletion_timestamp } = metadata;
    let name = ObjectName::new(namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE), name);
    let has_ended = matches!(status.phase.as_str(), "Succeeded" | "Failed");
    let texts = status.pod_ips.iter().map(|ip| ip.ip.as_str()).chain(status.pod_ip.as_deref());
    let own = texts.filter(|_| !has_ended && !spec.host_network);
    let mut ips: Vec<IpAddr> = own.filter_map(|text| text.parse::<IpAddr>().ok()).collect();
    ips.sort_unstable();
    ips.dedup();
    let owner = owner_references.iter().find(|owner| owner.controller);
    let workload: Arc<str> = owner.map_or_else(|| name.name.clone(), |owner| owner_name(owner, &labels).into());
    let labelled = |keys: [&str; 3]| keys.iter().find_map(|key| labels.get(*key)).map(|text| Arc::from(text.as_str()));
    let workload = Workload {
        namespace: name.namespace.clone(),
        service: labelled(SERVICE).unwrap_or_else(|| workload.clone()),
        revision: labelled(REVISION).unwrap_or_else(|| LATEST.into()),
        account: spec.service_account_name.as_deref().unwrap_or("default").into(),
        name: workload,
    };
    let is_ready = |condition: &RawCondition| condition.kind == "Ready" && condition.status == "True";
    let ready = deletion_timestamp.is_none() && status.conditions.iter().any(is_ready);
    let label_set = LabelSet::of(&labels);
    labels.retain(|key, _| key.starts_with("istio.io/use-waypoint") || key == GATEWAY_NAME);
    Ok(Arc::new(Pod { name, ips: ips.into(), workload, labels, label_set, ready }))
}

/// The name of what users made: the owner, or the owner's own where its name tells.
fn owner_name<'o>(owner: &'o RawOwner, labels: &BTreeMap<String, String>) -> &'o str {
    let name = owner.name.as_str();
    let shorter = match owner.kind.as_str() {
        "ReplicaSet" => {
            let hashes = TEMPLATE_HASH.iter().filter_map(|label| labels.get(*label));
            hashes.filter_map(|hash| name.strip_suffix(hash.as_str())?.strip_suffix('-')).next()
        }
        // A CronJob's, followed by the minute for which it was made.
        "Job" => name.rsplit_once('-').filter(|(_, time)| is_time(time)).map(|(cron_job, _)| cron_job),
        _ => None,
    };
    shorter.filter(|name| !name.is_empty()).unwrap_or(name)
}

fn is_time(text: &str) -> bool {
    (8..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Item;
    use crate::api::decode::{Decoded, decode};

    fn read(metadata: &Value, spec: &Value, status: &Value) -> Pod {
        let mut pod =
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status });
        pod["metadata"]["name"] = json!("cart-7d9f-x2");
        match decode(pod) {
            Ok(Decoded::Item(Item::Pod(pod))) => Pod::clone(&pod),
            other => panic!("no pod: {other:?}"),
        }
    }

    fn workload(kind: &str, owner: &str, labels: &Value) -> Workload {
        let owners = json!([{ "kind": "Other", "name": "other" }, { "kind": kind, "name": owner, "controller": true }]);
        read(&json!({ "ownerReferences": owners, "labels": labels }), &json!({}), &json!({})).workload
    }

    #[test]
    fn a_pod_is_called_by_what_users_made() {
        let hash = json!({ "pod-template-hash": "7d9f" });
        for (kind, owner, labels, expected) in [
            ("ReplicaSet", "cart-7d9f", &hash, "cart"),
            ("ReplicaSet", "cart-7d9f", &json!({ "rollouts-pod-template-hash": "7d9f" }), "cart"),
            ("ReplicaSet", "cart-7d9f", &json!({}), "cart-7d9f"),
            ("ReplicaSet", "-7d9f", &hash, "-7d9f"),
            ("StatefulSet", "db-7d9f", &hash, "db-7d9f"),
            ("Job", "clean-28999999", &hash, "clean"),
            ("Job", "clean-2899", &hash, "clean-2899"),
            ("Job", "clean", &hash, "clean"),
        ] {
            assert_eq!(&*workload(kind, owner, labels).name, expected, "{kind} {owner} {labels}");
        }
        assert_eq!(&*read(&json!({}), &json!({}), &json!({})).workload.name, "cart-7d9f-x2");
    }

    #[test]
    fn canonical_names_come_from_labels_then_from_the_workload() {
        let names = |labels: Value| {
            let workload = workload("StatefulSet", "db", &labels);
            (workload.service.to_string(), workload.revision.to_string())
        };
        let is = |service: &str, revision: &str| (service.to_owned(), revision.to_owned());
        assert_eq!(names(json!({})), is("db", "latest"));
        assert_eq!(names(json!({ "app": "a", "version": "v1" })), is("a", "v1"));
        let kubernetes =
            json!({ "app": "a", "version": "v1", "app.kubernetes.io/name": "k", "app.kubernetes.io/version": "v2" });
        assert_eq!(names(kubernetes), is("k", "v2"));
        let istio = json!({ "app": "a", "app.kubernetes.io/name": "k", "service.istio.io/canonical-name": "i",
            "service.istio.io/canonical-revision": "v3", "app.kubernetes.io/version": "v2" });
        assert_eq!(names(istio), is("i", "v3"));
    }

    #[test]
    fn addresses_are_its_own_while_it_runs() {
        let ips = |phase: &str, host_network: bool| {
            let ips = json!([{ "ip": "fd00::9" }, { "ip": "10.0.0.9" }]);
            let status = json!({ "phase": phase, "podIP": "10.0.0.9", "podIPs": ips });
            read(&json!({}), &json!({ "hostNetwork": host_network }), &status).ips.into_vec()
        };
        let own: Vec<IpAddr> = ["10.0.0.9", "fd00::9"].map(|ip| ip.parse().expect("an address")).into();
        assert_eq!(ips("Running", false), own);
        assert_eq!(ips("Pending", false), own);
        assert!(
            ips("Running", true).is_empty() && ips("Succeeded", false).is_empty() && ips("Failed", false).is_empty()
        );
    }

    #[test]
    fn a_pod_is_ready_when_it_says_so_until_it_is_about_to_end() {
        let ready = |metadata: Value, condition: Value| {
            read(&metadata, &json!({}), &json!({ "conditions": [{ "type": "Other", "status": "True" }, condition] }))
                .ready
        };
        let yes = || json!({ "type": "Ready", "status": "True", "lastProbeTime": null });
        assert!(ready(json!({ "deletionTimestamp": null }), yes()));
        assert!(!ready(json!({}), json!({ "type": "Ready", "status": "False" })));
        assert!(!ready(json!({}), json!({ "type": "Other", "status": "True" })));
        assert!(!ready(json!({ "deletionTimestamp": "2026-11-26T10:00:00Z" }), yes()));
        assert!(!read(&json!({}), &json!({}), &json!({})).ready);
    }

    #[test]
    fn of_labels_the_waypoint_is_kept() {
        let labels = json!({ "app": "a", "istio.io/use-waypoint": "w", "istio.io/use-waypoint-namespace": "n",
            "gateway.networking.k8s.io/gateway-name": "g", "istio.io/rev": "x" });
        let pod =
            read(&json!({ "namespace": "shop", "labels": labels }), &json!({ "serviceAccountName": "s" }), &json!({}));
        let kept: Vec<_> = pod.labels.keys().map(String::as_str).collect();
        let expected =
            ["gateway.networking.k8s.io/gateway-name", "istio.io/use-waypoint", "istio.io/use-waypoint-namespace"];
        assert_eq!(kept, expected);
        assert!(pod.label_set.has_all(&[("app".to_owned(), "a".to_owned())].into()), "selectors go by all of them");
        assert_eq!((&*pod.workload.namespace, &*pod.workload.account), ("shop", "s"));
    }
}
