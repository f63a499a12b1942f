//! What is said of a cluster's objects.

mod pods;

use serde::Deserialize;
use serde_json::Value;

use super::facts::Facts;
use super::judge::judge;
use super::report::Level;

/// A waypoint that serves a Service, and all that istiod and the controller wrote.
const GOOD: &str = r#"
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, spec: {controllerName: pingway.dev/gateway-controller},
 metadata: {name: pingway, annotations: {ambient.istio.io/waypoint-inbound-binding: PROXY/15088}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: shop, uid: u-1, generation: 3}
spec: {gatewayClassName: pingway, listeners: [{name: mesh, port: 15088, protocol: istio.io/PROXY}]}
status:
  addresses: [{type: IPAddress, value: 10.96.0.9}]
  conditions: [{type: Accepted, status: "True", reason: Accepted}, {type: Programmed, status: "True", reason: Programmed}]
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: waypoint-pingway, namespace: shop},
 data: {pod.waypoint-pingway-x: '{"uid": "u-1", "generation": 3, "version": "0.1.0"}'}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop, labels: {istio.io/use-waypoint: waypoint}}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}
status: {conditions: [{type: istio.io/WaypointBound, status: "True", reason: WaypointAccepted}]}
"#;

/// What a pod that is ready says.
const READY: &str = r#"{conditions: [{type: Ready, status: "True"}]}"#;

fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    for document in serde_yaml::Deserializer::from_str(text) {
        facts.take(Value::deserialize(document).unwrap());
    }
    facts
}

/// What is found, by level, object and words.
fn found(text: &str) -> Vec<(Level, String)> {
    let status = judge(&facts(text), None, None);
    status.findings.into_iter().map(|found| (found.level, format!("{}: {}", found.object, found.what))).collect()
}

fn is_found(text: &str, level: Level, words: &str) {
    let found = found(text);
    assert!(found.iter().any(|(of, what)| *of == level && what.contains(words)), "{words}: {found:?}");
}

#[test]
fn a_waypoint_that_serves_is_told_whole() {
    let expected = "\
Gateway shop/waypoint, class pingway
  programmed  True
  addresses   10.96.0.9
  generation  3
  replica     waypoint-pingway-x serves generation 3, version 0.1.0
  enrolled    Service shop/cart: served, bound True/WaypointAccepted
ok
";
    let status = judge(&facts(GOOD), None, None);
    assert_eq!(status.to_string(), expected);
    assert!(!status.is_wrong());
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["waypoints"][0]["enrolled"][0]["bound"], "True/WaypointAccepted");
}

#[test]
fn only_the_gateways_that_are_asked_for_are_told() {
    assert_eq!(judge(&facts(GOOD), Some("cart"), None).waypoints.len(), 0);
    assert_eq!(judge(&facts(GOOD), Some("shop"), Some("waypoint")).waypoints.len(), 1);
    assert!(!judge(&facts(""), None, None).is_wrong(), "none was asked for");
}

#[test]
fn a_gateway_that_is_asked_for_and_not_there_is_wrong() {
    let others = GOOD.replace("pingway.dev/gateway-controller", "istio.io/gateway-controller");
    for (text, namespace, gateway, expected) in [
        (GOOD, None, Some("other"), "Gateway other is not there"),
        (GOOD, Some("cart"), Some("waypoint"), "Gateway cart/waypoint is not there"),
        (GOOD, Some("cart"), None, "Namespace cart has no Gateway of Pingway's"),
        (&others, None, Some("waypoint"), "Gateway waypoint is not Pingway's: its class is another controller's"),
    ] {
        let mut facts = facts(text);
        let status = judge(&facts, namespace, gateway);
        assert!(status.to_string().contains(&format!("! {expected}\n")) && status.is_wrong(), "{expected}: {status}");
        facts.unread.push("Gateway: forbidden".to_owned());
        assert!(!judge(&facts, namespace, gateway).is_wrong(), "{expected}: what may not be listed is not missing");
    }
}

#[test]
fn what_lets_traffic_pass_by_is_wrong() {
    use Level::{Error, Warning};
    let with = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    let address = "  addresses: [{type: IPAddress, value: 10.96.0.9}]\n";
    is_found(&with(address, ""), Error, "Gateway shop/waypoint: has no status.addresses");
    is_found(
        &with("use-waypoint: waypoint", "use-waypoint: wayponit"),
        Error,
        "names Gateway shop/wayponit, which is not there",
    );
    let denied = "status: \"False\", reason: AttachmentDenied";
    is_found(
        &with("status: \"True\", reason: WaypointAccepted", denied),
        Error,
        "istiod does not bind it, AttachmentDenied",
    );
    is_found(&with("type: istio.io/WaypointBound", "type: other"), Warning, "istiod says nothing of its waypoint");
    is_found(&with("clusterIP: 10.96.0.1", "clusterIP: None"), Warning, "is headless: clients dial its pods");
    is_found(&with("mode: ambient", "mode: none"), Warning, "Namespace shop: has what is enrolled");
    let other = "metadata: {name: waypoint, namespace: shop, labels: {istio.io/waypoint-for: workload}, uid";
    is_found(
        &with("metadata: {name: waypoint, namespace: shop, uid", other),
        Error,
        "names Gateway shop/waypoint, which may not serve it",
    );
}

#[test]
fn what_is_odd_about_a_gateway_is_told() {
    use Level::{Error, Warning};
    is_found(&GOOD.replace("PROXY/15088}", "proxy/15088}"), Error, "\"proxy/15088\", by which nothing is handed over");
    is_found(&GOOD.replace("PROXY/15088}", "PROXY}"), Error, "\"PROXY\", by which nothing");
    is_found(
        &GOOD.replace("ambient.istio.io/waypoint-inbound-binding: PROXY/15088", "a: b"),
        Warning,
        "has no inbound binding",
    );
    is_found(&GOOD.replace("\"generation\": 3", "\"generation\": 2"), Warning, "serves generation 2 of 3");
    is_found(&GOOD.replace("\"u-1\"", "\"u-0\""), Warning, "no replica reports");
    let policies = "{type: pingway.dev/PoliciesEnforced, status: \"False\", reason: PolicyNotEnforced, message: a policy}, {type: Accepted";
    is_found(
        &GOOD.replace("{type: Accepted", policies),
        Error,
        "PoliciesEnforced is False, PolicyNotEnforced: a policy",
    );
    let own = "labels: {istio.io/use-waypoint: waypoint, gateway.networking.k8s.io/gateway-name: waypoint}";
    is_found(
        &GOOD.replace("labels: {istio.io/use-waypoint: waypoint}", own),
        Error,
        "is Gateway shop/waypoint's own, and bound to itself",
    );
}

#[test]
fn what_a_gateways_listeners_serve_is_no_matter_of_enrolment() {
    let text = GOOD.replace("inbound-binding: PROXY/15088", "inbound-binding: NONE");
    let status = judge(&facts(&text), None, None);
    assert!(status.to_string().contains("Service shop/cart: served by listeners"), "{status}");
    assert!(!status.is_wrong(), "{status}");
}

#[test]
fn parameters_that_are_not_looked_at_are_no_reason_not_to_serve() {
    let text = GOOD.replace("spec: {gatewayClassName: pingway,", "spec: {gatewayClassName: pingway, infrastructure: {parametersRef: {group: pingway.dev, kind: PingwayParameters, name: two}},");
    assert!(!judge(&facts(&text), None, None).is_wrong());
}

#[test]
fn a_service_that_opts_out_of_its_namespaces_waypoint_is_listed() {
    let text = GOOD
        .replace(
            "{istio.io/dataplane-mode: ambient}",
            "{istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint}",
        )
        .replace("use-waypoint: waypoint}}\nspec", "use-waypoint: none}}\nspec");
    let status = judge(&facts(&text), None, None);
    assert_eq!(status.waypoints[0].opted_out, ["shop/cart"]);
    assert!(status.waypoints[0].enrolled.is_empty());
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_judged() {
    let status =
        judge(&facts(&format!("{GOOD}---\n{{apiVersion: v1, kind: Service, metadata: {{name: a.b}}}}\n")), None, None);
    assert!(status.to_string().contains("not read: Service default/a.b: metadata.name:"), "{status}");
    assert_eq!(status.waypoints.len(), 1);
}

#[test]
fn gateways_that_may_not_be_listed_are_not_missing() {
    let mut facts = facts(&GOOD.replace("use-waypoint: waypoint", "use-waypoint: elsewhere"));
    assert!(judge(&facts, None, None).is_wrong());
    facts.unread.push("Gateway: forbidden".to_owned());
    assert!(!judge(&facts, None, None).is_wrong());
}

#[test]
fn a_gateway_whose_class_is_missing_is_nobodys() {
    let text = GOOD.replace("gatewayClassName: pingway", "gatewayClassName: pnigway");
    let what = "Gateway shop/waypoint: is of class pnigway, which is not there";
    is_found(&text, Level::Error, what);
    let asked = judge(&facts(&text), Some("cart"), None);
    assert!(asked.findings.iter().all(|finding| !finding.what.contains("pnigway")), "it is not asked for");
    assert_eq!(judge(&facts(&text), Some("shop"), None).findings.len(), 1, "that says all");
    for unread in ["GatewayClass: forbidden", "GatewayClass other: spec.controllerName: is missing"] {
        let mut unseen = facts(&text);
        unseen.unread.push(unread.to_owned());
        assert!(judge(&unseen, None, None).findings.iter().all(|finding| !finding.what.contains("class")));
    }
    let others = GOOD.replace("pingway.dev/gateway-controller", "istio.io/gateway-controller");
    assert!(!found(&others).iter().any(|(_, what)| what.contains("class")), "another's is another's");
}

/// The good cluster, whose Service has these labels of a canary beside or in place of its primary, and this message of istiod's.
fn with_labels(labels: &str, status: &str, message: &str) -> String {
    GOOD.replace("labels: {istio.io/use-waypoint: waypoint}", &format!("labels: {{{labels}}}")).replace(
        "status: \"True\", reason: WaypointAccepted",
        &format!("status: {status:?}, reason: WaypointAccepted, message: {message:?}"),
    )
}

#[test]
fn a_canary_that_is_missing_leaves_traffic_to_the_primary() {
    let labels = "istio.io/use-waypoint: waypoint, istio.io/use-waypoint-canary: ghost";
    let status = judge(&facts(&with_labels(labels, "True", "")), None, None);
    let expected = "\
! Service shop/cart names Gateway shop/ghost as its canary, which is not there: none of its connections are sent there, all are left to Gateway shop/waypoint
    to do: make that Gateway, or correct the label istio.io/use-waypoint-canary
";
    assert!(status.to_string().contains(expected), "{status}");
    assert_eq!(status.findings.len(), 1, "{status}");
}

#[test]
fn of_a_canary_is_told_what_istiod_says_of_it() {
    let old = "---\n{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: old, namespace: shop}, \
               spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}}\n---\n{apiVersion: gateway.networking.k8s.io/v1, \
               kind: GatewayClass, metadata: {name: istio-waypoint}, spec: {controllerName: istio.io/mesh-controller}}\n";
    let both = "istio.io/use-waypoint: old, istio.io/use-waypoint-canary: waypoint";
    let of = |labels: &str, status: &str, message: &str| {
        judge(&facts(&(with_labels(labels, status, message) + old)), None, None)
    };
    let taken = of(both, "True", "attached to waypoint shop/old");
    assert!(taken.to_string().contains("  canary of   Service shop/cart: served\nok\n"), "{taken}");
    assert_eq!(taken.waypoints[0].enrolled[0].bound, "", "True is the primary's");

    let said = "Canary waypoint not attached: not allowed";
    let refused = of(both, "True", &format!("attached to waypoint shop/old. {said}"));
    assert!(refused.to_string().contains(&format!("canary of   Service shop/cart: served, istiod says: {said}\n")));
    let what = format!(
        "names Gateway shop/waypoint as its canary, and istiod says: {said}; connections are left to Gateway shop/old"
    );
    assert_eq!(refused.findings.iter().map(|finding| &*finding.what).collect::<Vec<_>>(), [what]);

    let unbound = of(both, "False", "not ready");
    let what = "istiod does not bind it to Gateway shop/old, WaypointAccepted: not ready; it takes no canary";
    assert!(unbound.findings[0].what.starts_with(what) && unbound.is_wrong(), "{unbound}");
    let alone = of("istio.io/use-waypoint-canary: waypoint", "True", "");
    assert!(alone.findings[0].what.contains("istiod takes no canary alone") && alone.is_wrong(), "{alone}");
}

#[test]
fn who_opts_out_has_no_canary_either() {
    let namespace = "istio.io/use-waypoint: waypoint, istio.io/use-waypoint-canary: ghost";
    let of = |labels: &str| {
        let text = with_labels(labels, "True", "");
        let ambient = "{istio.io/dataplane-mode: ambient}";
        assert!(text.contains(ambient));
        judge(&facts(&text.replace(ambient, &format!("{{istio.io/dataplane-mode: ambient, {namespace}}}"))), None, None)
    };
    let status = of("istio.io/use-waypoint: none");
    assert_eq!(status.waypoints[0].opted_out, ["shop/cart"]);
    assert!(status.waypoints[0].enrolled.is_empty() && status.findings.is_empty(), "{status}");
    let own = of("istio.io/use-waypoint: none, gateway.networking.k8s.io/gateway-name: waypoint");
    assert!(own.waypoints[0].opted_out.is_empty() && own.findings.is_empty(), "{own}");
}

#[test]
fn a_service_that_nobody_can_dial_is_told_as_that() {
    for (spec, why) in [
        ("type: ExternalName, externalName: out.test", "is of type ExternalName, without an address of its own"),
        ("clusterIP: 10.96.0.1, ports: [{port: 53, protocol: UDP}]", "has no port of TCP"),
    ] {
        let text = GOOD.replace("clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]", spec);
        let what = format!(
            "Service shop/cart: {why}: nothing of it is served, and what is sent to it goes past Gateway shop/waypoint"
        );
        assert_eq!(found(&text), [(Level::Warning, what)]);
    }
}
