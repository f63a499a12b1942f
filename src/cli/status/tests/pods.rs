//! What is said of pods: of those outside the mesh, of replicas, of those that are enrolled.

use super::super::facts::{PODS, REPORTS};
use super::super::judge::judge;
use super::super::report::Level;
use super::{GOOD, READY, facts, found, is_found};

/// The good cluster and pods of two namespaces: in the mesh, outside by their own label, by the namespace, by the node's network, ended.
fn with_pods() -> String {
    GOOD.to_owned()
        + r#"
---
{apiVersion: v1, kind: Namespace, metadata: {name: old}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: in, namespace: shop}}
- {apiVersion: v1, kind: Pod, metadata: {name: waypoint-pingway-x, namespace: shop, labels: {gateway.networking.k8s.io/gateway-name: waypoint}}, status: {conditions: [{type: Ready, status: "True"}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: out, namespace: shop, labels: {istio.io/dataplane-mode: none}}}
- {apiVersion: v1, kind: Pod, metadata: {name: node, namespace: shop}, spec: {hostNetwork: true}}
- {apiVersion: v1, kind: Pod, metadata: {name: own, namespace: old, labels: {istio.io/dataplane-mode: ambient}}}
- {apiVersion: v1, kind: Pod, metadata: {name: out, namespace: old}, status: {phase: Running}}
- {apiVersion: v1, kind: Pod, metadata: {name: done, namespace: old}, status: {phase: Succeeded}}
- {apiVersion: v1, kind: Pod, metadata: {name: out, namespace: unknown}}
"#
}

#[test]
fn pods_outside_the_mesh_are_counted_where_something_is_enrolled() {
    let status = judge(&facts(&with_pods()), None, None);
    let counted: Vec<_> =
        status.outside_mesh.iter().map(|outside| (outside.namespace.as_str(), outside.pods)).collect();
    assert_eq!(counted, [("old", 1), ("shop", 2)]);
    assert!(status.findings.is_empty(), "{:?}", status.findings);
    let line = "outside the mesh, and so past every waypoint: namespace old, pods: 1\n";
    assert!(status.to_string().contains(line), "{status}");
    let nobody = with_pods().replace("istio.io/use-waypoint: waypoint", "team: a");
    assert_eq!(judge(&facts(&nobody), None, None).outside_mesh, []);
}

#[test]
fn a_replica_outside_the_mesh_is_wrong() {
    let pod = |mode: &str| {
        let labels = format!("{{gateway.networking.k8s.io/gateway-name: waypoint, istio.io/dataplane-mode: {mode}}}");
        format!(
            "{GOOD}\n---\n{{apiVersion: v1, kind: Pod, metadata: {{name: waypoint-pingway-x, namespace: shop, labels: {labels}}}, status: {READY}}}\n"
        )
    };
    assert_eq!(found(&pod("ambient")), []);
    is_found(&pod("none"), Level::Error, "its pod waypoint-pingway-x is not in the mesh");
}

/// The good cluster with a pod of the waypoint's, of this name, and what else it says.
fn with_replica(name: &str, metadata: &str, status: &str) -> String {
    format!(
        "{GOOD}---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, {metadata}labels: \
         {{gateway.networking.k8s.io/gateway-name: waypoint}}}}, status: {status}}}\n"
    )
}

#[test]
fn a_report_whose_pod_is_gone_is_told_and_counts_as_none() {
    let gone = "pod waypoint-pingway-x is gone, and its report of generation 3 is still there";
    let status = judge(&facts(&with_replica("waypoint-pingway-y", "", READY)), None, None);
    assert!(status.to_string().contains("waypoint-pingway-x is gone, served generation 3"), "{status}");
    let told: Vec<_> = status.findings.iter().map(|finding| &*finding.what).collect();
    assert_eq!(told, ["no replica reports what it serves", gone]);
    assert!(!status.is_wrong());
    is_found(&with_replica("waypoint-pingway-x", "", "{phase: Failed}"), Level::Warning, gone);
    let old = with_replica("waypoint-pingway-y", "", READY).replace("\"generation\": 3", "\"generation\": 2");
    assert!(!found(&old).iter().any(|(_, what)| what.contains("serves generation")), "it serves nothing");
    let mut unseen = facts(&with_replica("waypoint-pingway-y", "", "{}"));
    unseen.unread.push("Pod: forbidden".to_owned());
    assert!(judge(&unseen, None, None).findings.is_empty(), "pods that may not be listed are not gone");
}

#[test]
fn a_waypoints_pod_that_is_not_ready_is_told_with_why() {
    let of = |metadata: &str, status: &str| found(&with_replica("waypoint-pingway-x", metadata, status));
    let unready = "{type: Ready, status: \"False\", reason: ContainersNotReady, message: \"containers with unready status: [proxy]\"}";
    let waiting = "containerStatuses: [{name: proxy, state: {waiting: {reason: ImagePullBackOff}}}]";
    let unscheduled = "{type: PodScheduled, status: \"False\", reason: Unschedulable, message: no node}";
    for (status, why) in [
        (format!("{{conditions: [{unready}]}}"), "ContainersNotReady: containers with unready status: [proxy]"),
        (format!("{{conditions: [{unready}], {waiting}}}"), "ImagePullBackOff"),
        (format!("{{phase: Pending, conditions: [{unscheduled}]}}"), "Unschedulable: no node"),
    ] {
        let pod = "Gateway shop/waypoint: its pod waypoint-pingway-x is not ready";
        assert!(of("", &status).contains(&(Level::Warning, format!("{pod}, {why}"))), "{status}");
        let ending = of("deletionTimestamp: 2026-11-26T10:00:00Z, ", &status);
        assert!(!ending.iter().any(|(_, what)| what.starts_with(pod)), "it is about to end");
    }
    assert_eq!(of("", READY), []);
}

#[test]
fn a_gateway_without_a_ready_pod_is_wrong() {
    use Level::Error;
    let name = "waypoint-pingway-x";
    is_found(&with_replica(name, "", "{phase: Pending}"), Error, "not one of its pods is ready, of 1: nothing serves");
    is_found(&with_replica(name, "deletionTimestamp: 2026-11-26T10:00:00Z, ", READY), Error, "not one of its pods");
    is_found(&with_replica(name, "", "{phase: Failed}"), Error, "Gateway shop/waypoint: has no pod: nothing serves");
    let others = with_replica(name, "", READY).replace("gateway-name: waypoint}", "gateway-name: other}");
    is_found(&others, Error, "Gateway shop/waypoint: has no pod");
    let two = with_replica(name, "", READY)
        + "---\n{apiVersion: v1, kind: Pod, metadata: {name: waypoint-pingway-y, namespace: shop, \
           labels: {gateway.networking.k8s.io/gateway-name: waypoint}}}\n";
    assert_eq!(found(&two), [], "one serves");
    let mut none = facts(GOOD);
    assert!(!judge(&none, None, None).is_wrong(), "a dump without pods");
    none.listed.insert(PODS);
    assert!(judge(&none, None, None).is_wrong(), "there is no pod at all");
    none.unread.push("Pod: forbidden".to_owned());
    assert!(!judge(&none, None, None).is_wrong(), "pods that may not be listed");
}

#[test]
fn reports_that_cannot_be_read_are_not_missing() {
    let mut facts = facts(&GOOD.replace("\"u-1\"", "\"u-0\""));
    assert_eq!(judge(&facts, None, None).findings.len(), 1);
    facts.unread.push("ConfigMap: forbidden".to_owned());
    assert!(judge(&facts, None, None).findings.is_empty());
    facts.unread.clear();
    facts.listed.remove(REPORTS);
    assert!(judge(&facts, None, None).findings.is_empty(), "a dump without them");
}

/// The good cluster with a Gateway for this, this label on its namespace, and two pods of one workload with these labels.
fn with_workload(purpose: &str, namespace: &str, labels: &str) -> String {
    let text = GOOD
        .replace(
            "name: waypoint, namespace: shop, uid",
            &format!("name: waypoint, namespace: shop, labels: {{istio.io/waypoint-for: {purpose}}}, uid"),
        )
        .replace("{istio.io/dataplane-mode: ambient}", &format!("{{istio.io/dataplane-mode: ambient, {namespace}}}"));
    let pod = |name: &str| {
        let owner = "ownerReferences: [{kind: StatefulSet, name: db, controller: true}]";
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, {owner}, labels: {{{labels}}}}}}}\n"
        )
    };
    let own = format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: waypoint-pingway-x, namespace: shop, labels: \
         {{gateway.networking.k8s.io/gateway-name: waypoint}}}}, status: {READY}}}\n"
    );
    text + &own + &pod("db-0") + &pod("db-1")
}

#[test]
fn pods_that_are_enrolled_are_listed_by_workload() {
    let named = "istio.io/use-waypoint: waypoint";
    for (purpose, namespace, labels, listed) in [
        ("all", "team: a", named, true),
        ("all", named, "app: db", true),
        ("all", named, "istio.io/use-waypoint: none", false),
        ("all", "team: a", "app: db", false),
        ("service", named, "app: db", false),
    ] {
        let status = judge(&facts(&with_workload(purpose, namespace, labels)), None, None);
        let case = format!("{purpose}, {namespace}, {labels}: {status}");
        assert_eq!(status.to_string().contains("  pods        shop/db: 2\n"), listed, "{case}");
        assert_eq!(status.waypoints[0].enrolled_pods.len(), usize::from(listed), "{case}");
        assert!(status.findings.is_empty(), "{case}");
    }
}

#[test]
fn of_many_workloads_some_are_named() {
    let mut text = with_workload("all", "team: a", "app: db");
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        text += &format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, labels: {{istio.io/use-waypoint: waypoint}}}}}}\n"
        );
    }
    let status = judge(&facts(&text), None, None);
    let line = "  pods        shop/a: 1, shop/b: 1, shop/c: 1, shop/d: 1, shop/e: 1, and of 2 workloads more: 2\n";
    assert!(status.to_string().contains(line), "{status}");
}

#[test]
fn pods_whose_own_label_names_what_does_not_serve_them_are_wrong() {
    let named = "istio.io/use-waypoint: waypoint";
    let found = |purpose: &str, labels: &str| found(&with_workload(purpose, "team: a", labels));
    let missing = "Workload shop/db: names Gateway shop/ghost, which is not there: traffic goes without a waypoint";
    assert_eq!(
        found("all", "istio.io/use-waypoint: ghost"),
        [(Level::Error, missing.to_owned())],
        "each workload once"
    );
    let other = found("service", named);
    assert!(
        other[0].1.starts_with("Workload shop/db: names Gateway shop/waypoint on its pods, which is not for pods"),
        "{other:?}"
    );
    assert_eq!(
        found("service", &format!("{named}, gateway.networking.k8s.io/gateway-name: other")),
        [],
        "another waypoint's"
    );
    let elsewhere = with_workload("all", "team: a", named)
        .replace(
            "kind: Pod, metadata: {name: db-0, namespace: shop",
            "kind: Pod, metadata: {name: db-0, namespace: pay",
        )
        .replace(&format!("{{{named}}}"), &format!("{{{named}, istio.io/use-waypoint-namespace: shop}}"))
        + "---\n{apiVersion: v1, kind: Namespace, metadata: {name: pay}}\n";
    is_found(
        &elsewhere,
        Level::Error,
        "Workload pay/db: names Gateway shop/waypoint on its pods, which does not let their namespace use it",
    );
    let mut unseen = facts(&with_workload("all", "team: a", "istio.io/use-waypoint: ghost"));
    unseen.unread.push("Gateway: forbidden".to_owned());
    assert!(judge(&unseen, None, None).findings.is_empty(), "what may not be listed is not missing");
}
