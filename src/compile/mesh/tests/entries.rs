//! ServiceEntries that are enrolled with a waypoint.

use super::*;
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::compile::endpoints::{dns_name, endpoints};
use crate::snapshot::Resolution;
use crate::status::ConditionType;
use crate::table::backend::{BackendKey, Target};
use crate::table::rule::Action;

const ISTIO: &str = "networking.istio.io/v1";

fn entry_of(namespace: &str, name: &str, spec: &Value, allocated: &[(&str, &str)]) -> Value {
    let addresses: Vec<_> = allocated.iter().map(|(host, value)| json!({ "host": host, "value": value })).collect();
    let metadata = json!({ "namespace": namespace, "name": name, "labels": { "istio.io/use-waypoint": "waypoint" } });
    json!({
        "apiVersion": ISTIO, "kind": "ServiceEntry", "metadata": metadata, "spec": spec, "status": { "addresses": addresses },
    })
}

/// `api.pay.test` at 240.240.0.1, port 80 (HTTP) and 9000 (TCP), with these fields beside.
fn entry(fields: &Value) -> Value {
    let mut spec = json!({
        "hosts": ["api.pay.test"],
        "ports": [{ "number": 80, "name": "web", "protocol": "HTTP", "targetPort": 8080 }, { "number": 9000, "name": "raw", "protocol": "TCP" }],
    });
    spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    entry_of("mesh", "pay", &spec, &[("api.pay.test", "240.240.0.1")])
}

fn fixed(endpoints: &Value) -> Value {
    entry(&json!({ "resolution": "STATIC", "endpoints": endpoints }))
}

fn snapshot(entry: Value, more: &[Value]) -> Snapshot {
    snapshot_of(&[&[bound(), gateway(json!({}), hbone("Same")), namespace("mesh", json!({})), entry], more].concat())
}

fn key(port: u16) -> BackendKey {
    BackendKey { service: ObjectName::new("mesh", "api.pay.test"), port }
}

fn addresses(snapshot: &Snapshot, port: u16) -> Vec<String> {
    endpoints(snapshot, &key(port), &options()).addresses.iter().map(ToString::to_string).collect()
}

/// What the Gateway says of ServiceEntries that are not served.
fn unserved(entry: Value, more: &[Value]) -> Option<String> {
    let compiled = compile(&snapshot(entry, more), &options(), &mut Memo::default());
    let status = compiled.statuses.gateways.values().next().unwrap().clone();
    let found = status.conditions.iter().find(|condition| condition.kind == ConditionType::ServiceEntriesServed)?;
    assert!(!found.holds);
    assert!(compiled.statuses.warnings.iter().any(|warning| found.message.contains(&warning.message)));
    Some(found.message.clone())
}

#[test]
fn a_host_is_served_by_its_address_and_its_ports_by_their_protocols() {
    let objects = [bound(), gateway(json!({}), hbone("Same")), fixed(&json!([{ "address": "192.0.2.7" }]))];
    let mesh = mesh(&objects).unwrap();
    let found: Vec<_> = mesh.ports.iter().map(|(dialled, port)| (dialled.to_string(), port.spoken)).collect();
    let expected = [("240.240.0.1:80".to_owned(), Spoken::Http), ("240.240.0.1:9000".to_owned(), Spoken::Tcp)];
    assert_eq!(found, expected);
    assert_eq!(unserved(fixed(&json!([{ "address": "192.0.2.7" }])), &[]), None);
}

#[test]
fn addresses_of_the_spec_count_over_allocated_ones() {
    let spec = json!({ "resolution": "STATIC", "addresses": ["203.0.113.5", "203.0.113.6/32", "198.51.100.0/24"] });
    let dialled = dialled(&[bound(), gateway(json!({}), hbone("Same")), entry(&spec)]);
    assert_eq!(dialled, ["203.0.113.5:80", "203.0.113.5:9000", "203.0.113.6:80", "203.0.113.6:9000"]);
    let told = unserved(entry(&spec), &[]).unwrap();
    assert!(told.contains("ServiceEntry mesh/pay: spec.addresses: 198.51.100.0/24 is no single address"), "{told}");
}

#[test]
fn endpoints_have_the_ports_that_they_say() {
    let given = json!([{ "address": "192.0.2.8", "ports": { "web": 9090 } }, { "address": "192.0.2.7" }]);
    let snapshot = snapshot(fixed(&given), &[]);
    assert_eq!(addresses(&snapshot, 80), ["192.0.2.7:8080", "192.0.2.8:9090"]);
    assert_eq!(addresses(&snapshot, 9000), ["192.0.2.7:9000", "192.0.2.8:9000"]);
}

#[test]
fn nothing_leads_to_loopback_to_the_own_pod_or_back_to_the_waypoint() {
    let hostile =
        ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.244.0.1", "169.254.169.254", "240.240.0.1", "240.240.9.9"];
    let given: Vec<_> = hostile.iter().map(|ip| json!({ "address": ip, "ports": { "raw": 15088 } })).collect();
    let snapshot = snapshot(fixed(&json!(given)), &[]);
    let found = endpoints(&snapshot, &key(9000), &options());
    assert_eq!((found.addresses, found.refused.len()), (Vec::new(), 6));
    // A folder of manifests may have endpoints on loopback, but not where the header of ztunnel's is believed.
    let process = Options { placement: Placement::Process, own_ports: [15020].into(), ..Options::default() };
    let found = endpoints(&snapshot, &key(9000), &process);
    assert!(!found.addresses.iter().any(|address| address.ip().is_loopback()), "{found:?}");
}

#[test]
fn a_name_is_asked_and_its_answer_never_leads_back() {
    let mut snapshot = snapshot(entry(&json!({ "resolution": "DNS" })), &[]);
    assert_eq!(dns_name(&snapshot, &key(80), &options()).as_deref(), Some("api.pay.test"));
    let heard = ["198.51.100.9", "240.240.0.1", "127.0.0.1"].map(|ip| ip.parse().unwrap()).to_vec();
    let touched = snapshot.hear("api.pay.test".into(), Resolution { addresses: heard, failure: None });
    assert_eq!(touched, [key(80).service]);
    assert_eq!(addresses(&snapshot, 80), ["198.51.100.9:8080"]);
    let elsewhere =
        json!({ "resolution": "DNS", "endpoints": [{ "address": "Origin.test", "ports": { "web": 8443 } }] });
    let mut snapshot = self::snapshot(entry(&elsewhere), &[]);
    assert_eq!(dns_name(&snapshot, &key(80), &options()).as_deref(), Some("origin.test"));
    snapshot.hear("origin.test".into(), Resolution { addresses: vec!["198.51.100.9".parse().unwrap()], failure: None });
    assert_eq!(addresses(&snapshot, 80), ["198.51.100.9:8443"]);
}

#[test]
fn workload_entries_are_selected_by_their_labels_and_followed() {
    let workload = |name: &str, app: &str, address: &str| {
        let metadata = json!({ "namespace": "mesh", "name": name, "labels": { "app": app } });
        json!({ "apiVersion": ISTIO, "kind": "WorkloadEntry", "metadata": metadata, "spec": { "address": address } })
    };
    let selecting = || entry(&json!({ "resolution": "STATIC", "workloadSelector": { "labels": { "app": "pay" } } }));
    let more = [workload("a", "pay", "192.0.2.1"), workload("b", "other", "192.0.2.2")];
    let mut snapshot = snapshot(selecting(), &more);
    assert_eq!(addresses(&snapshot, 80), ["192.0.2.1:8080"]);
    let Ok(Decoded::Item(item)) = decode(workload("b", "pay", "192.0.2.3")) else { panic!("a WorkloadEntry") };
    let touched = snapshot.apply([Change::Put(item)]);
    assert_eq!(touched.services, [key(80).service]);
    assert_eq!(addresses(&snapshot, 80), ["192.0.2.1:8080", "192.0.2.3:8080"]);
    assert_eq!(unserved(selecting(), &more), None);
    assert_eq!(unserved(selecting(), &[]), None, "pods, which come and go, may be all that it selects");
}

#[test]
fn pods_are_selected_by_their_labels_while_they_are_ready() {
    let pod_of = |namespace: &str, name: &str, labels: Value, ips: &[&str], ready: &str| {
        let ips: Vec<_> = ips.iter().map(|ip| json!({ "ip": ip })).collect();
        let metadata = json!({ "namespace": namespace, "name": name, "labels": labels });
        let status = json!({ "phase": "Running", "podIPs": ips, "conditions": [{ "type": "Ready", "status": ready }] });
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status })
    };
    let pay = || json!({ "app": "pay", "version": "v1" });
    let endpoints = json!([{ "address": "192.0.2.9" }]);
    let selecting =
        json!({ "resolution": "STATIC", "endpoints": endpoints, "workloadSelector": { "labels": { "app": "pay" } } });
    let mut snapshot = snapshot(
        entry(&selecting),
        &[
            pod_of("mesh", "a", pay(), &["10.0.0.1", "fd00::1"], "True"),
            pod_of("mesh", "b", pay(), &["10.0.0.2"], "False"),
            pod_of("mesh", "c", json!({ "app": "other" }), &["10.0.0.3"], "True"),
            pod_of("other", "d", pay(), &["10.0.0.4"], "True"),
            pod_of("mesh", "e", pay(), &["fd00::5"], "True"),
        ],
    );
    assert_eq!(addresses(&snapshot, 80), ["10.0.0.1:8080", "192.0.2.9:8080", "[fd00::5]:8080"], "a pod counts once");
    assert_eq!(addresses(&snapshot, 9000), ["10.0.0.1:9000", "192.0.2.9:9000", "[fd00::5]:9000"]);
    let mut put = |pod: Value| {
        let Ok(Decoded::Item(item)) = decode(pod) else { panic!("a Pod") };
        let touched = snapshot.apply([Change::Put(item)]);
        assert!(!touched.configuration, "nothing is compiled");
        (touched.services, addresses(&snapshot, 80))
    };
    let host = [key(80).service];
    let (touched, now) = put(pod_of("mesh", "b", pay(), &["10.0.0.2"], "True"));
    assert_eq!((&touched[..], now.len()), (&host[..], 4));
    let (touched, now) = put(pod_of("mesh", "a", pay(), &["10.0.0.1"], "False"));
    assert_eq!(
        (&touched[..], now),
        (&host[..], ["10.0.0.2:8080", "192.0.2.9:8080", "[fd00::5]:8080"].map(str::to_owned).into())
    );
    let (touched, _) = put(pod_of("mesh", "c", json!({ "app": "other" }), &["10.0.0.9"], "True"));
    assert_eq!(touched, [], "it is not selected");
    let (touched, _) = put(pod_of("mesh", "b", json!({ "app": "other" }), &["10.0.0.2"], "True"));
    assert_eq!(touched, host);
    let gone = ObjectRef { kind: Kind::Pod, name: ObjectName::new("mesh", "e") };
    assert_eq!(snapshot.apply([Change::Remove(gone)]).services, host);
    assert_eq!(addresses(&snapshot, 80), ["192.0.2.9:8080"]);
}

#[test]
fn what_cannot_be_served_is_told_on_the_gateway() {
    let remote = json!([{ "address": "192.0.2.7", "network": "west" }]);
    for (fields, expected) in [
        (json!({}), "spec.resolution: NONE leaves no address to dial"),
        (json!({ "resolution": "NONE" }), "spec.resolution: NONE"),
        (json!({ "resolution": "DYNAMIC_DNS" }), "spec.resolution: DYNAMIC_DNS is not served"),
        (json!({ "resolution": "DNS", "hosts": ["*.pay.test"] }), "spec.hosts: *.pay.test is a wildcard"),
        (json!({ "resolution": "DNS", "hosts": ["pay"] }), "spec.hosts: pay is no name with a dot"),
        (json!({ "resolution": "DNS", "hosts": ["other.test"] }), "spec.addresses: there is no address of its own"),
        (json!({ "resolution": "STATIC", "endpoints": remote }), "192.0.2.7 is of network west"),
        (json!({ "resolution": "STATIC", "endpoints": [{ "address": "a.test" }] }), "\"a.test\" is no IP address"),
        (json!({ "resolution": "DNS", "workloadSelector": { "labels": {} } }), "selects with resolution STATIC only"),
    ] {
        let told = unserved(entry(&fields), &[]).unwrap_or_default();
        assert!(told.contains(expected), "{fields}: {told}");
    }
}

#[test]
fn an_entry_that_goes_takes_its_hosts_along() {
    let mut snapshot = snapshot(fixed(&json!([{ "address": "192.0.2.7" }])), &[]);
    let object = crate::api::ObjectRef { kind: crate::api::Kind::ServiceEntry, name: ObjectName::new("mesh", "pay") };
    let touched = snapshot.apply([Change::Remove(object)]);
    assert_eq!((touched.configuration, touched.services), (true, vec![key(80).service]));
    assert!(snapshot.services.is_empty() && snapshot.slices.is_empty());
}

#[test]
fn of_two_entries_with_one_host_the_older_has_it() {
    let made = |name: &str, time: &str, address: &str| {
        let spec = json!({
            "hosts": ["api.pay.test"], "resolution": "STATIC", "endpoints": [{ "address": address }],
            "ports": [{ "number": 80, "name": "web", "protocol": "HTTP" }],
        });
        let mut entry = entry_of("mesh", name, &spec, &[]);
        entry["metadata"]["creationTimestamp"] = json!(time);
        entry
    };
    let younger = made("a", "2026-02-01T00:00:00Z", "192.0.2.1");
    let snapshot = snapshot(younger, &[made("b", "2026-01-01T00:00:00Z", "192.0.2.2")]);
    assert_eq!(addresses(&snapshot, 80), ["192.0.2.2:80"]);
}

fn route(namespace: &str, parent: &Value, backend: &Value) -> Value {
    let spec = json!({ "parentRefs": [parent], "rules": [{ "backendRefs": [backend] }] });
    json!({ "apiVersion": API, "kind": "HTTPRoute", "metadata": { "namespace": namespace, "name": "r" }, "spec": spec })
}

/// Where a route sends to, and what its parent says.
fn routed(objects: &[Value]) -> (Vec<Target>, Vec<String>) {
    let compiled = compiled(objects);
    let status = compiled.statuses.routes.values().next().cloned();
    let conditions = status.iter().flat_map(|status| &status.parents).flat_map(|parent| &parent.conditions);
    let words = conditions.map(|condition| format!("{}={}", condition.kind.as_str(), condition.holds)).collect();
    let tables = compiled.tables.values();
    let rules =
        tables.flat_map(|table| table.service_routes.values()).filter_map(|routes| routes.http.producers.clone());
    let rules: Vec<_> =
        rules.flat_map(|host| host.entries.iter().map(|entry| entry.rule.clone()).collect::<Vec<_>>()).collect();
    let targets = rules.iter().flat_map(|rule| match &rule.action {
        Action::Forward { backends, .. } => backends.iter().map(|backend| backend.target.clone()).collect(),
        _ => Vec::new(),
    });
    (targets.collect(), words)
}

#[test]
fn a_route_may_have_an_entry_as_parent_and_a_host_as_backend() {
    let parent = json!({ "group": "networking.istio.io", "kind": "ServiceEntry", "name": "pay", "port": 80 });
    let backend = |host: &str| json!({ "group": "networking.istio.io", "kind": "Hostname", "name": host, "port": 80 });
    let with = |entry: Value, host: &str| {
        let route = route("mesh", &parent, &backend(host));
        routed(&[bound(), gateway(json!({}), hbone("Same")), namespace("mesh", json!({})), entry, route])
    };
    let served = fixed(&json!([{ "address": "192.0.2.7" }]));
    let (targets, words) = with(served.clone(), "API.pay.test");
    assert_eq!(targets, [Target::Backend(key(80))]);
    assert_eq!(words, ["Accepted=true", "ResolvedRefs=true"]);
    let (targets, words) = with(served, "nobody.test");
    assert!(
        matches!(&targets[..], [Target::Invalid { why }] if why.contains("has the host nobody.test")),
        "{targets:?}"
    );
    assert_eq!(words, ["Accepted=true", "ResolvedRefs=false"]);
}

#[test]
fn a_host_is_a_backend_only_where_it_is_exported_to_and_never_as_a_service() {
    let exported = |to: &str| {
        let spec = json!({
            "hosts": ["api.pay.test"], "resolution": "STATIC", "exportTo": [to], "ports": [{ "number": 80, "protocol": "HTTP" }],
        });
        entry_of("other", "pay", &spec, &[])
    };
    let parent = json!({ "group": "", "kind": "Service", "name": "cart" });
    let host = json!({ "group": "networking.istio.io", "kind": "Hostname", "name": "api.pay.test", "port": 80 });
    let service_ref = json!({ "name": "api.pay.test", "namespace": "other", "port": 80 });
    let ok = |entry: Value, backend: &Value| {
        let named = json!({ "istio.io/use-waypoint": "waypoint" });
        let objects =
            [bound(), gateway(json!({}), hbone("Same")), namespace("mesh", json!({})), service("mesh", named)];
        let (targets, _) = routed(&[&objects[..], &[entry, route("mesh", &parent, backend)]].concat());
        matches!(&targets[..], [Target::Backend(_)])
    };
    assert!(ok(exported("*"), &host) && ok(exported("mesh"), &host));
    assert!(!ok(exported("."), &host));
    assert!(!ok(exported("*"), &service_ref));
}
