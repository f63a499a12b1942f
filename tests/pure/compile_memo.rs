//! Compile with its memo, after whatever changes, against compile without.

use std::collections::BTreeSet;
use std::sync::Arc;

use pingway::api::decode::{Decoded, decode};
use pingway::api::{Item, ObjectName};
use pingway::compile::{Compiled, Memo, Options, Placement, compile};
use pingway::snapshot::{BindFailure, Change, Snapshot, Socket};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Put(Value),
    Remove(Value),
    /// A port that could not be bound, or could.
    Bind(u16, bool),
    ExternalNames(bool),
    /// Gateways in pods of their own, or not.
    Pods(bool),
    /// A replica of Gateway `one/g` that listens on a port.
    Replica(u16),
}

pub(super) fn item(value: &Value) -> Item {
    match decode(value.clone()) {
        Ok(Decoded::Item(item)) => item,
        other => panic!("{value}: {other:?}"),
    }
}

fn options() -> Options {
    Options { own_ports: BTreeSet::from([90]), ..Options::default() }
}

fn take(step: Step, snapshot: &mut Snapshot, options: &mut Options) {
    match step {
        Step::Put(value) => drop(snapshot.apply([Change::Put(item(&value))])),
        Step::Remove(value) => drop(snapshot.apply([Change::Remove(item(&value).reference())])),
        Step::Bind(port, bound) => {
            let outcome = if bound { Ok(()) } else { Err(BindFailure { message: "in use".into() }) };
            snapshot.observed.sockets.insert(Socket { address: None, port }, outcome);
        }
        Step::ExternalNames(allowed) => options.external_names = allowed,
        Step::Pods(pods) => options.placement = if pods { Placement::Pods } else { Placement::Process },
        Step::Replica(port) => {
            let facts = snapshot.observed.gateways.entry(ObjectName::new("one", "g")).or_default();
            facts.uid = "u".into();
            facts.replicas.entry("p".into()).or_default().ports.insert(port, Ok(()));
        }
    }
}

pub(super) fn object(api: &str, kind: &str, namespace: &str, name: &str, rest: Value) -> Value {
    let mut value = json!({ "apiVersion": api, "kind": kind, "metadata": { "namespace": namespace, "name": name } });
    for (field, content) in rest.as_object().into_iter().flatten() {
        match value.get_mut(field).and_then(Value::as_object_mut) {
            Some(known) => known.extend(content.as_object().cloned().unwrap_or_default()),
            None => value[field] = content.clone(),
        }
    }
    value
}

pub(super) const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

fn namespace() -> impl Strategy<Value = &'static str> {
    select(vec!["one", "two"])
}

fn class() -> impl Strategy<Value = Value> {
    (any::<bool>(), any::<bool>()).prop_map(|(parameters, bound)| {
        let mut spec = json!({ "controllerName": pingway::compile::CONTROLLER_NAME });
        if parameters {
            spec["parametersRef"] =
                json!({ "group": "pingway.dev", "kind": "PingwayParameters", "name": "p", "namespace": "one" });
        }
        let annotations = if bound { json!({ pingway::compile::BINDING: "PROXY/15088" }) } else { json!({}) };
        let metadata = json!({ "name": "ours", "annotations": annotations });
        json!({ "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": metadata, "spec": spec })
    })
}

fn parameters() -> impl Strategy<Value = Value> {
    select(vec![json!({}), json!({ "replicas": 0 })])
        .prop_map(|spec| object("pingway.dev/v1alpha1", "PingwayParameters", "one", "p", json!({ "spec": spec })))
}

fn gateway() -> impl Strategy<Value = Value> {
    let listeners = json!([
        { "name": "any", "port": 80, "protocol": "HTTP" },
        { "name": "a", "port": 80, "protocol": "HTTP", "hostname": "a.test" },
        { "name": "wild", "port": 80, "protocol": "HTTP", "hostname": "*.test",
          "allowedRoutes": { "namespaces": { "from": "All" } } },
        { "name": "again", "port": 80, "protocol": "HTTP", "hostname": "a.test" },
        { "name": "selected", "port": 81, "protocol": "HTTP",
          "allowedRoutes": { "namespaces": { "from": "Selector", "selector": { "matchLabels": { "l": "1" } } } } },
        { "name": "grpc", "port": 82, "protocol": "HTTP", "allowedRoutes": { "kinds": [{ "kind": "GRPCRoute" }] } },
        { "name": "tcp", "port": 83, "protocol": "TCP" },
        { "name": "ztunnel", "port": 15008, "protocol": "TCP" },
        { "name": "reserved", "port": 90, "protocol": "HTTP" },
    ]);
    let listeners: Vec<Value> = listeners.as_array().cloned().unwrap_or_default();
    let created = select(vec!["2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"]);
    (namespace(), select(vec!["g", "h"]), subsequence(listeners, 1..5), created).prop_map(
        |(namespace, name, listeners, created)| {
            let spec = json!({ "gatewayClassName": "ours", "listeners": listeners });
            let rest = json!({ "metadata": { "creationTimestamp": created, "uid": "u" }, "spec": spec });
            object(GATEWAY_API, "Gateway", namespace, name, rest)
        },
    )
}

fn rules(kind: &'static str) -> impl Strategy<Value = Vec<Value>> {
    let http = json!([
        {},
        { "matches": [{ "path": { "value": "/a" } }, { "path": { "value": "/b" }, "method": "GET" }] },
        { "matches": [{ "path": { "type": "Exact", "value": "/a" }, "headers": [{ "name": "x", "value": "1" }] }] },
        { "matches": [{ "path": { "type": "RegularExpression", "value": "/a.*" } }] },
        { "matches": [{ "path": { "type": "RegularExpression", "value": "(" } }] },
        { "filters": [{ "type": "Teapot" }] },
    ]);
    let grpc = json!([
        {},
        { "matches": [{ "method": { "service": "a.B", "method": "C" } }] },
        { "matches": [{ "method": { "method": "C" } }] },
        { "filters": [{ "type": "RequestRedirect" }] },
    ]);
    let menu = match kind {
        "HTTPRoute" => http,
        "GRPCRoute" => grpc,
        _ => json!([{}]),
    };
    // What the schema refuses is no object: a route of HTTP without any rule, one of bytes without one of one backend at least.
    let (least_rules, most_rules, least_backends) = match kind {
        "HTTPRoute" => (1, 2, 0),
        "GRPCRoute" => (0, 2, 0),
        _ => (1, 1, 1),
    };
    let backends = json!([
        { "name": "s", "port": 80 },
        { "name": "s", "port": 80, "namespace": "two", "weight": 3 },
        { "name": "t", "port": 81, "namespace": "one" },
        { "name": "t", "port": 80, "kind": "Bucket" },
    ]);
    let menu: Vec<Value> = menu.as_array().cloned().unwrap_or_default();
    let backends: Vec<Value> = backends.as_array().cloned().unwrap_or_default();
    let rule = (select(menu), subsequence(backends, least_backends..3)).prop_map(|(mut rule, backends)| {
        rule["backendRefs"] = Value::Array(backends);
        rule
    });
    proptest::collection::vec(rule, least_rules..=most_rules)
}

fn route(kind: &'static str) -> impl Strategy<Value = Value> {
    let parents = json!([
        { "name": "g" },
        { "name": "g", "namespace": "one", "sectionName": "wild" },
        { "name": "h", "namespace": "two", "port": 80 },
        { "name": "g", "namespace": "two" },
        { "name": "s", "kind": "Service", "group": "" },
        { "name": "s", "kind": "Service", "group": "", "namespace": "one", "port": 80 },
    ]);
    let parents: Vec<Value> = parents.as_array().cloned().unwrap_or_default();
    let hostnames = vec!["a.test", "b.test", "*.test", "*.b.test"];
    let hostnames = subsequence(hostnames, usize::from(kind == "TLSRoute")..3);
    let created = select(vec![None, Some("2025-01-01T00:00:00Z"), Some("2025-02-01T00:00:00Z")]);
    let name = select(vec!["r1", "r2", "r3"]);
    (namespace(), name, subsequence(parents, 0..4), hostnames, rules(kind), created).prop_map(
        move |(namespace, name, parents, hostnames, rules, created)| {
            let mut rest = json!({ "spec": { "parentRefs": parents, "hostnames": hostnames, "rules": rules } });
            if let Some(created) = created {
                rest["metadata"] = json!({ "creationTimestamp": created });
            }
            object(GATEWAY_API, kind, namespace, name, rest)
        },
    )
}

fn service() -> impl Strategy<Value = Value> {
    let spec = select(vec![
        json!({ "ports": [{ "port": 80 }] }),
        json!({ "ports": [{ "name": "a", "port": 80 }, { "name": "b", "port": 81 }] }),
        json!({ "type": "ExternalName", "externalName": "x.test", "ports": [{ "port": 80 }] }),
    ]);
    let labels = select(vec![json!({}), json!({ "istio.io/use-waypoint": "g" })]);
    (namespace(), select(vec!["s", "t"]), spec, labels).prop_map(|(namespace, name, mut spec, labels)| {
        spec["clusterIP"] = json!(format!("10.96.{}.{}", u8::from(namespace == "one"), u8::from(name == "s")));
        object("v1", "Service", namespace, name, json!({ "metadata": { "labels": labels }, "spec": spec }))
    })
}

fn grant() -> impl Strategy<Value = Value> {
    let kind = select(vec!["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"]);
    (namespace(), namespace(), kind, select(vec!["s", "t"])).prop_map(|(namespace, from, kind, to)| {
        let from = json!({ "group": "gateway.networking.k8s.io", "kind": kind, "namespace": from });
        let to = json!({ "group": "", "kind": "Service", "name": to });
        object(GATEWAY_API, "ReferenceGrant", namespace, "grant", json!({ "spec": { "from": [from], "to": [to] } }))
    })
}

fn labelled() -> impl Strategy<Value = Value> {
    (namespace(), any::<bool>()).prop_map(|(name, labelled)| {
        let labels = if labelled { json!({ "l": "1" }) } else { json!({}) };
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
    })
}

fn step() -> impl Strategy<Value = Step> {
    let some = prop_oneof![
        1 => class(),
        1 => parameters(),
        3 => gateway(),
        6 => route("HTTPRoute"),
        3 => route("GRPCRoute"),
        2 => route("TLSRoute"),
        3 => route("TCPRoute"),
        3 => service(),
        2 => grant(),
        1 => labelled(),
    ];
    prop_oneof![
        12 => some.clone().prop_map(Step::Put),
        4 => some.prop_map(Step::Remove),
        1 => (select(vec![80, 81]), any::<bool>()).prop_map(|(port, bound)| Step::Bind(port, bound)),
        1 => any::<bool>().prop_map(Step::ExternalNames),
        1 => any::<bool>().prop_map(Step::Pods),
        1 => select(vec![80, 81]).prop_map(Step::Replica),
    ]
}

pub(super) fn begun() -> (Snapshot, Options) {
    let (mut snapshot, options) = (Snapshot::default(), options());
    let class = json!({ "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": { "name": "ours", "annotations": { pingway::compile::BINDING: "PROXY/15088" } },
        "spec": { "controllerName": pingway::compile::CONTROLLER_NAME } });
    let listener = json!({ "name": "any", "port": 80, "protocol": "HTTP" });
    let spec = json!({ "gatewayClassName": "ours", "listeners": [listener] });
    let gateway = object(GATEWAY_API, "Gateway", "one", "g", json!({ "spec": spec }));
    snapshot.apply([Change::Put(item(&class)), Change::Put(item(&gateway))]);
    (snapshot, options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_answer_does_not_depend_on_the_memo(
        history in proptest::collection::vec(proptest::collection::vec(step(), 1..4), 1..24)
    ) {
        let (mut snapshot, mut options) = begun();
        let mut memo = Memo::default();
        for burst in history {
            for step in burst {
                take(step, &mut snapshot, &mut options);
            }
            let with = compile(&snapshot, &options, &mut memo);
            let without = compile(&snapshot, &options, &mut Memo::default());
            prop_assert_eq!(&with.tables, &without.tables);
            prop_assert_eq!(&with.backends, &without.backends);
            prop_assert_eq!(&with.statuses, &without.statuses);
        }
    }
}

fn simple(name: &str, host: &str, path: &str) -> Value {
    let rule = json!({ "matches": [{ "path": { "value": path } }], "backendRefs": [{ "name": "s", "port": 80 }] });
    let spec = json!({ "parentRefs": [{ "name": "g" }], "hostnames": [host], "rules": [rule] });
    object(GATEWAY_API, "HTTPRoute", "one", name, json!({ "spec": spec }))
}

pub(super) fn hosts(compiled: &Compiled) -> Vec<Arc<pingway::table::listener::Host>> {
    let listeners = compiled.tables.values().flat_map(|table| &table.listeners);
    listeners.flat_map(|listener| listener.hosts.iter()).cloned().collect()
}

#[test]
fn an_edit_leaves_other_hosts_and_rules_the_same_objects() {
    let (mut snapshot, options) = begun();
    let mut memo = Memo::default();
    for (name, host) in [("r1", "a.test"), ("r2", "b.test"), ("r3", "b.test")] {
        snapshot.apply([Change::Put(item(&simple(name, host, &format!("/{name}"))))]);
    }
    let before = compile(&snapshot, &options, &mut memo);
    let same = compile(&snapshot, &options, &mut memo);
    let table = |compiled: &Compiled| compiled.tables[&ObjectName::new("one", "g")].clone();
    assert!(Arc::ptr_eq(&table(&before), &table(&same)));

    snapshot.apply([Change::Put(item(&simple("r2", "b.test", "/other")))]);
    let after = compile(&snapshot, &options, &mut memo);
    let (before, after) = (hosts(&before), hosts(&after));
    assert!(Arc::ptr_eq(&before[0], &after[0]), "a.test was not touched");
    assert!(!Arc::ptr_eq(&before[1], &after[1]));
    let untouched = &before[1].entries[1];
    assert!(after[1].entries.iter().any(|entry| Arc::ptr_eq(entry, untouched)), "r3 was not touched");
}

#[test]
fn a_service_that_matters_not_leaves_the_table_the_same_object() {
    let (mut snapshot, options) = begun();
    let mut memo = Memo::default();
    let service = |port: u16, label: &str| {
        let rest = json!({ "metadata": { "labels": { "l": label } }, "spec": { "ports": [{ "port": port }] } });
        Change::Put(item(&object("v1", "Service", "one", "s", rest)))
    };
    snapshot.apply([Change::Put(item(&simple("r", "a.test", "/"))), service(80, "1")]);
    let before = compile(&snapshot, &options, &mut memo);
    snapshot.apply([service(80, "2")]);
    let labelled = compile(&snapshot, &options, &mut memo);
    assert!(before.tables.values().zip(labelled.tables.values()).all(|(a, b)| Arc::ptr_eq(a, b)));
    snapshot.apply([service(81, "2")]);
    let without = compile(&snapshot, &options, &mut memo);
    assert!(without.backends.is_empty());
    assert!(before.tables.values().zip(without.tables.values()).all(|(a, b)| a != b));
}

#[test]
fn more_regular_expressions_than_are_served_refuse_the_same_routes_in_any_order() {
    let (mut snapshot, options) = begun();
    let most = pingway::table::matches::pattern::MAX_PATTERNS;
    let route = |number: usize| {
        let matches: Vec<Value> = (0..64)
            .map(|i| json!({ "path": { "type": "RegularExpression", "value": format!("/{number}/{i}") } }))
            .collect();
        let spec = json!({ "parentRefs": [{ "name": "g" }], "rules": [{ "matches": matches }] });
        item(&object(GATEWAY_API, "HTTPRoute", "one", &format!("r{number:03}"), json!({ "spec": spec })))
    };
    let mut memo = Memo::default();
    for number in 1..=most / 64 {
        snapshot.apply([Change::Put(route(number))]);
    }
    compile(&snapshot, &options, &mut memo);
    snapshot.apply([Change::Put(route(0))]);
    let with = compile(&snapshot, &options, &mut memo);
    let without = compile(&snapshot, &options, &mut Memo::default());
    assert!(with.statuses == without.statuses);
    let refused =
        with.statuses.routes.iter().filter(|(_, status)| status.parents.iter().any(|p| !p.conditions[0].holds));
    assert_eq!(refused.map(|(route, _)| route.to_string()).collect::<Vec<_>>(), ["HTTPRoute one/r064"]);
}
