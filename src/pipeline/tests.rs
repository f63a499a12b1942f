//! Rounds of the pipeline over hand-made objects, with a small compile in place of the real one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::*;
use crate::api::decode::{Decoded, decode};
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::compile::{Compiled, Memo, Placement};
use crate::live::testing::{key, rule, table};
use crate::snapshot::{BindFailure, Change, Scope, Snapshot};
use crate::source::{Origin, Problem, ProblemKind};
use crate::table::backend::Target;

/// A host and a rule for each Service of the snapshot; a Namespace `poison` makes it panic.
fn small_compile(snapshot: &Snapshot, _: &Options, _: &mut Memo) -> Compiled {
    assert!(!snapshot.namespaces.contains_key(&ObjectName::cluster("poison")), "poisoned");
    let mut hosts = Vec::new();
    for name in snapshot.services.keys() {
        let rule = rule(&name.name, vec![(Target::Backend(key(&name.name)), 1)]);
        hosts.extend(table::hosts(&[(&format!("{}.test", name.name), &rule)]));
    }
    let table = table::with_hosts(&hosts);
    Compiled { tables: BTreeMap::from([(table.gateway.clone(), table)]), ..Compiled::default() }
}

fn state() -> State {
    state_with(false)
}

fn state_with(external_names: bool) -> State {
    let options = Options { external_names, ..Options::default() };
    State::new(options, None, Arc::default(), small_compile).0
}

fn put(value: serde_json::Value) -> Change {
    match decode(value).expect("valid") {
        Decoded::Item(item) => Change::Put(item),
        other => panic!("{other:?}"),
    }
}

fn service(name: &str) -> Change {
    put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"ports": [{"port": 80, "targetPort": 8080}]}}))
}

fn slice(service: &str, addresses: &[&str]) -> Change {
    let endpoints: Vec<_> =
        addresses.iter().map(|a| json!({"addresses": [a], "conditions": {"ready": true}})).collect();
    put(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": service, "namespace": "shop", "labels": {"kubernetes.io/service-name": service}},
        "endpoints": endpoints, "ports": [{"port": 8080}]}))
}

fn namespace(name: &str) -> Change {
    put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
}

fn remove(kind: Kind, name: ObjectName) -> Change {
    Change::Remove(ObjectRef { kind, name })
}

fn source(changes: Vec<Change>) -> Input {
    Input::Source(SourceEvent { changes, ..SourceEvent::default() })
}

fn addresses(state: &State, service: &str) -> Vec<SocketAddr> {
    let report = state.report.load();
    let backend = report.backends.get(&key(service)).and_then(std::sync::Weak::upgrade).expect("in use");
    backend.endpoints().endpoints.iter().map(|endpoint| endpoint.address).collect()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn a_change_of_endpoints_alone_compiles_nothing() {
    let mut state = state();
    state.round([source(vec![service("cart"), slice("cart", &["127.0.0.1"])])]);
    let before = state.report.load_full();
    assert_eq!((before.generation, before.counts.compiles), (1, 1));
    assert_eq!(addresses(&state, "cart"), [address("127.0.0.1:8080")], "before it was published");
    let backend = before.backends[&key("cart")].upgrade().expect("in use");
    let kept = backend.endpoints().endpoints[0].id;
    for i in 2..50 {
        state.round([source(vec![slice("cart", &["127.0.0.1", &format!("127.0.0.{i}")])])]);
        assert_eq!(addresses(&state, "cart"), [address("127.0.0.1:8080"), address(&format!("127.0.0.{i}:8080"))]);
    }
    let after = state.report.load_full();
    assert_eq!((after.generation, after.counts.compiles), (1, 1));
    assert_eq!(after.counts.endpoint_updates, before.counts.endpoint_updates + 48);
    assert_eq!(backend.endpoints().endpoints[0].id, kept, "an endpoint that stays keeps its statistics");
}

#[test]
fn hints_that_change_move_requests_and_compile_nothing() {
    let options = Options { node: Some("here".into()), zone: Some("west".into()), ..Options::default() };
    let mut state = State::new(options, None, Arc::default(), small_compile).0;
    let hinted = |zones: [&str; 2]| {
        let end =
            |last, zone| json!({"addresses": [format!("10.0.0.{last}")], "hints": {"forZones": [{"name": zone}]}});
        put(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "cart", "namespace": "shop", "labels": {"kubernetes.io/service-name": "cart"}},
            "endpoints": [end(1, zones[0]), end(2, zones[1])], "ports": [{"port": 8080}]}))
    };
    state.round([source(vec![service("cart"), hinted(["west", "east"])])]);
    assert_eq!(addresses(&state, "cart"), [address("10.0.0.1:8080")]);
    state.round([source(vec![hinted(["east", "west"])])]);
    assert_eq!(addresses(&state, "cart"), [address("10.0.0.2:8080")]);
    state.round([source(vec![hinted(["east", "north"])])]);
    assert_eq!(addresses(&state, "cart"), [address("10.0.0.1:8080"), address("10.0.0.2:8080")]);
    assert_eq!(state.report.load().counts.compiles, 1);
}

#[test]
fn addresses_that_are_never_dialled_are_counted_until_they_are_gone() {
    let telemetry = Arc::new(Telemetry::default());
    let options = Options { placement: Placement::Pods, ..Options::default() };
    let mut state = State::new(options, None, telemetry.clone(), small_compile).0;
    let counted = || {
        let text = telemetry.render().expect("rendered");
        let line = text.lines().find_map(|line| line.strip_prefix("pingway_endpoints_not_dialled "));
        line.expect("exported").to_owned()
    };
    state.round([source(vec![service("cart"), slice("cart", &["127.0.0.1", "::1", "10.0.0.1"])])]);
    assert_eq!(counted(), "2");
    state.round([source(vec![slice("cart", &["127.0.0.1", "10.0.0.1"])])]);
    assert_eq!(counted(), "1");
    state.round([source(vec![remove(Kind::Service, ObjectName::new("shop", "cart"))])]);
    while state.sweep() {}
    assert_eq!(counted(), "0");
}

#[test]
fn the_first_word_of_a_source_is_served_even_if_it_is_empty() {
    let mut state = state();
    state.round([Input::Observed(Observed::default())]);
    assert_eq!(state.report.load().generation, 0);
    state.round([source(Vec::new())]);
    assert_eq!(state.report.load().generation, 1);
    state.round([source(Vec::new())]);
    assert_eq!((state.report.load().generation, state.report.load().counts.compiles), (1, 1));
}

#[test]
fn a_panic_within_compile_keeps_what_is_served_and_is_told_until_it_is_mended() {
    let mut state = state();
    state.round([source(vec![service("cart")])]);
    let served = state.serving.load_full();
    state.round([source(vec![service("till"), namespace("poison")])]);
    assert!(Arc::ptr_eq(&served, &state.serving.load()));
    let problems: Vec<_> = state.report.load().problems().collect();
    assert!(problems.len() == 1 && problems[0].contains("poisoned"), "{problems:?}");
    state.round([source(vec![slice("cart", &["127.0.0.9"])])]);
    assert_eq!(addresses(&state, "cart"), [address("127.0.0.9:8080")], "endpoints go on");
    assert_eq!(state.report.load().problems().count(), 1);
    state.round([source(vec![remove(Kind::Namespace, ObjectName::cluster("poison"))])]);
    assert_eq!(state.report.load().problems().count(), 0);
    assert_eq!(state.serving.load().generation, 2);
    assert!(state.report.load().backends.contains_key(&key("till")));
}

#[test]
fn a_burst_is_one_round() {
    let mut state = state();
    state.round((0..500).map(|i| source(vec![service(&format!("s{i}")), namespace(&format!("n{i}"))])));
    let report = state.report.load();
    assert_eq!((report.counts.rounds, report.counts.compiles, report.generation), (1, 1, 1));
    assert_eq!(report.backends.len(), 500);
}

#[test]
fn what_the_proxy_tells_compiles_the_conditions_again_once() {
    let mut state = state();
    state.round([source(vec![service("cart")])]);
    let failure = BindFailure { message: "cannot listen on port 80: something else listens there".into() };
    let sockets = BTreeMap::from([(table::socket(80), Err(failure))]);
    let observed = Observed { sockets, ..Observed::default() };
    state.round([Input::Observed(observed.clone())]);
    state.round([Input::Observed(observed)]);
    let report = state.report.load();
    assert_eq!(report.counts.compiles, 2);
    assert_eq!(report.problems().collect::<Vec<_>>(), ["cannot listen on port 80: something else listens there"]);
}

#[test]
fn a_service_that_is_emptied_keeps_its_endpoints_until_what_names_it_no_longer_is_published() {
    let mut state = state();
    state.round([source(vec![service("old"), slice("old", &["127.0.0.1"])])]);
    let backend = state.report.load().backends[&key("old")].upgrade().expect("in use");
    let emptied = state.update_filled(&[ObjectName::new("shop", "old")]);
    assert!(emptied.is_empty());
    state.round([source(vec![slice("old", &[])])]);
    assert!(backend.endpoints().endpoints.is_empty());
    state.round([source(vec![slice("old", &["127.0.0.1"])])]);
    let gone = |kind, name| remove(kind, ObjectName::new("shop", name));
    state.apply([gone(Kind::Service, "old"), gone(Kind::EndpointSlice, "old")]);
    let emptied = state.update_filled(&[ObjectName::new("shop", "old")]);
    assert_eq!((emptied.len(), backend.endpoints().endpoints.len()), (1, 1), "left for after the publication");
}

#[test]
fn warnings_follow_the_endpoints_without_a_compile() {
    let mut state = state();
    let warnings = |state: &State| state.report.load().warnings().collect::<Vec<_>>();
    state.round([source(vec![service("cart")])]);
    assert!(matches!(&warnings(&state)[..], [one] if one.contains("Service shop/cart") && one.contains("NoEndpoints")));
    state.round([source(vec![slice("cart", &["127.0.0.1"])])]);
    assert_eq!(warnings(&state), [""; 0]);
    state.round([source(vec![slice("cart", &[])])]);
    assert_eq!(warnings(&state).len(), 1);
    assert_eq!(state.report.load().counts.compiles, 1);
    state.round([source(vec![remove(Kind::Service, ObjectName::new("shop", "cart"))])]);
    assert_eq!(warnings(&state), [""; 0]);
}

#[test]
fn problems_of_the_source_are_replaced() {
    let mut state = state();
    let told =
        |problems: &[Problem]| Input::Source(SourceEvent { problems: problems.to_vec(), ..SourceEvent::default() });
    let problem = Problem {
        origin: Origin::line(Path::new("a.yaml"), 3),
        object: "HTTPRoute shop/cart".to_owned(),
        field: "spec.rules".to_owned(),
        kind: ProblemKind::Object,
        message: "wrong".to_owned(),
    };
    state.round([told(&[problem])]);
    let problems: Vec<_> = state.report.load().problems().collect();
    assert_eq!(problems, ["a.yaml:3: HTTPRoute shop/cart: spec.rules: wrong"]);
    state.round([told(&[])]);
    assert_eq!(state.report.load().problems().count(), 0);
}

#[test]
fn the_thread_serves_what_comes_in_and_ends_with_its_senders() {
    let pipeline = Pipeline::start(Options::default(), None, Arc::default()).expect("a thread");
    pipeline.inputs.send(source(Vec::new())).expect("it runs");
    let deadline = Instant::now() + Duration::from_secs(20);
    while *pipeline.published.borrow() == 0 {
        assert!(Instant::now() < deadline, "not published in 20 s");
        std::thread::yield_now();
    }
    let Pipeline { inputs, published, .. } = pipeline;
    drop(inputs);
    while published.has_changed().is_ok() {
        assert!(Instant::now() < deadline, "still running after 20 s");
        std::thread::yield_now();
    }
}

#[test]
fn what_a_name_stands_for_changes_endpoints_and_compiles_nothing() {
    let mut state = state_with(true);
    let names = state.names.subscribe();
    let wanted = || names.borrow().clone().into_iter().collect::<Vec<_>>();
    let external = |name: &str| {
        put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "out", "namespace": "shop"},
            "spec": {"type": "ExternalName", "externalName": name}}))
    };
    let hear = |name: &str, ips: &[&str]| {
        let addresses = ips.iter().map(|ip| ip.parse().expect("an address")).collect();
        Input::Resolved(name.into(), Resolution { addresses, failure: None })
    };
    state.round([source(vec![external("a.test")])]);
    assert_eq!(wanted(), [("a.test".into(), 1)]);
    let compiles = state.report.load().counts.compiles;
    for ips in [&["10.0.0.1"][..], &["10.0.0.1", "10.0.0.2"], &[], &["10.0.0.3"]] {
        state.round([hear("a.test", ips)]);
        assert_eq!(addresses(&state, "out"), ips.iter().map(|ip| address(&format!("{ip}:80"))).collect::<Vec<_>>());
    }
    state.round([hear("b.test", &["10.0.0.9"])]);
    assert_eq!(addresses(&state, "out"), [address("10.0.0.3:80")], "another name is nothing to it");
    assert_eq!(state.report.load().counts.compiles, compiles);

    state.round([source(vec![external("b.test")])]);
    assert_eq!(wanted(), [("b.test".into(), 7)]);
    assert_eq!(addresses(&state, "out"), [address("10.0.0.3:80")], "until the new name was asked");
    state.round([hear("b.test", &["10.0.0.4"])]);
    assert_eq!(addresses(&state, "out"), [address("10.0.0.4:80")]);

    state.round([source(vec![remove(Kind::Service, ObjectName::new("shop", "out"))])]);
    assert_eq!(wanted(), []);

    state.round([source(vec![external("b.test")])]);
    assert_eq!(wanted(), [("b.test".into(), 10)], "let go in between, so asked anew");
}

#[test]
fn a_waypoint_serves_nothing_before_all_is_seen_that_its_gateway_needs() {
    let gateway = ObjectName::new("shop", "waypoint");
    let (mut state, published) = State::new(Options::default(), Some(gateway.clone()), Arc::default(), small_compile);
    let scope = state.scope.subscribe();
    let told = |changes: Vec<Change>, scope: &watch::Receiver<Scope>| {
        Input::Source(SourceEvent { changes, scope: Some(scope.borrow().clone()), ..SourceEvent::default() })
    };
    // Everything of the first scope is told, and the Gateway is not there.
    state.round([told(Vec::new(), &scope)]);
    assert_eq!(*published.borrow(), 0);
    // It comes, and with it a larger scope, of which nothing is told yet.
    let spec = json!({ "gatewayClassName": "ours", "listeners": [{ "name": "any", "port": 80, "protocol": "HTTP" }] });
    let object = json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "namespace": "shop", "name": "waypoint" }, "spec": spec });
    let before = scope.borrow().clone();
    state.round([Input::Source(SourceEvent { changes: vec![put(object)], ..SourceEvent::default() })]);
    assert_ne!(*scope.borrow(), before);
    assert_eq!(*published.borrow(), 0);
    // All of that is told: now it serves, and goes on while the scope grows.
    state.round([told(vec![service("cart")], &scope)]);
    assert_eq!(*published.borrow(), 1);
    assert!(state.report.load().tables.values().any(|table| table.listeners.iter().any(|l| l.hosts.len() == 1)));
}
