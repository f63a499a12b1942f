//! Which endpoints are near enough to get requests.

use serde_json::{Value, json};

use super::{Case, at, http, key, options, pod, slice, warnings};
use crate::compile::endpoints::{Options, endpoints};

/// A proxy on `node-1`, in zone `west`.
fn here() -> Options {
    Options { node: Some("node-1".into()), zone: Some("west".into()), ..options(false) }
}

/// An endpoint and its hints: `nodes|zones`, each by spaces; empty: none of the sort.
fn hinted(address: &str, hints: &str) -> Value {
    let (nodes, zones) = hints.split_once('|').unwrap_or_default();
    let names = |names: &str| names.split_whitespace().map(|name| json!({"name": name})).collect::<Value>();
    let mut endpoint = at(address);
    endpoint["hints"] = json!({});
    for (field, given) in [("forNodes", nodes), ("forZones", zones)] {
        if !given.is_empty() {
            endpoint["hints"][field] = names(given);
        }
    }
    endpoint
}

fn with(mut endpoint: Value, conditions: Value) -> Value {
    endpoint["conditions"] = conditions;
    endpoint
}

fn not_ready(endpoint: Value) -> Value {
    with(endpoint, json!({"ready": false}))
}

fn terminating(endpoint: Value) -> Value {
    with(endpoint, json!({"ready": false, "serving": true, "terminating": true}))
}

fn on(node: &str, address: &str) -> Value {
    json!({"addresses": [address], "nodeName": node})
}

/// The last number of each address that gets requests.
fn taken(service: Value, ends: &[Value], options: &Options) -> Vec<u8> {
    let case = Case::with_endpoints(service, json!(ends));
    let addresses = endpoints(&case.0, &key(80), options).addresses;
    let last = |address: &std::net::SocketAddr| address.to_string().split(['.', ':']).nth(3)?.parse().ok();
    addresses.iter().map(|address| last(address).expect("IPv4")).collect()
}

fn told(service: Value, ends: &[Value], options: &Options) -> Vec<String> {
    let case = Case::with_endpoints(service, json!(ends));
    warnings(&case.0, &key(80), options).iter().map(ToString::to_string).collect()
}

#[test]
fn hints_are_followed_where_they_are_whole_and_some_are_for_here() {
    let [one, two, three] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let cases: &[(&str, &[Value], &[u8])] = &[
        ("no hints", &[at(one), at(two)], &[1, 2]),
        ("those for the zone", &[hinted(one, "|west"), hinted(two, "|east"), hinted(three, "|west")], &[1, 3]),
        ("one for several zones", &[hinted(one, "|east west"), hinted(two, "|east")], &[1]),
        ("one of them is not hinted", &[hinted(one, "|west"), at(two)], &[1, 2]),
        ("one has hints that say nothing", &[hinted(one, "|west"), hinted(two, "")], &[1, 2]),
        ("none is for this zone", &[hinted(one, "|east"), hinted(two, "|north")], &[1, 2]),
        ("those for the node", &[hinted(one, "node-1|west"), hinted(two, "node-2|west")], &[1]),
        ("none is for this node: the zone", &[hinted(one, "node-2|west"), hinted(two, "node-3|east")], &[1]),
        ("neither node nor zone: all", &[hinted(one, "node-2|east"), hinted(two, "node-3|north")], &[1, 2]),
        ("one lacks a hint for nodes: the zone", &[hinted(one, "node-1|west"), hinted(two, "|west")], &[1, 2]),
        ("hints for nodes alone", &[hinted(one, "node-2|"), hinted(two, "node-1|")], &[2]),
    ];
    for (what, ends, expected) in cases {
        assert_eq!(taken(http(), ends, &here()), *expected, "{what}");
        let mut asked = http();
        asked["trafficDistribution"] = json!("PreferSameZone");
        assert_eq!(taken(asked, ends, &here()), *expected, "{what}: the field is the control plane's matter");
    }
}

#[test]
fn without_a_place_of_its_own_a_proxy_prefers_none() {
    let ends = [hinted("10.0.0.1", "node-1|west"), hinted("10.0.0.2", "node-2|east")];
    assert_eq!(taken(http(), &ends, &options(false)), [1, 2]);
    assert_eq!(taken(http(), &ends, &Options { node: Some("node-2".into()), ..options(false) }), [2]);
    let zones = [hinted("10.0.0.1", "|west"), hinted("10.0.0.2", "|east")];
    assert_eq!(taken(http(), &zones, &Options { zone: None, ..here() }), [1, 2], "the zone is not known");
}

#[test]
fn what_takes_no_requests_has_no_say_about_hints() {
    let [one, two, three] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    // The control plane hints ready endpoints alone.
    let others = [not_ready(at(three)), terminating(at(three)), at("127.0.0.1")];
    for other in others {
        assert_eq!(taken(http(), &[hinted(one, "|west"), hinted(two, "|east"), other], &here()), [1]);
    }
    let near_is_not_ready = [not_ready(hinted(one, "|west")), hinted(two, "|east")];
    assert_eq!(taken(http(), &near_is_not_ready, &here()), [2]);
    let mut published = http();
    published["publishNotReadyAddresses"] = json!(true);
    assert_eq!(taken(published, &near_is_not_ready, &here()), [1], "that one counts as ready");
}

#[test]
fn one_that_is_ready_far_away_goes_before_one_nearby_that_terminates() {
    let [one, two, three] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let ends = [terminating(hinted(one, "node-1|west")), hinted(two, "node-2|east")];
    assert_eq!(taken(http(), &ends, &here()), [2]);
    let none_ready = [terminating(hinted(one, "|west")), terminating(hinted(two, "|east")), not_ready(at(three))];
    assert_eq!(taken(http(), &none_ready, &here()), [1, 2], "wherever they are");
}

#[test]
fn a_pod_of_two_families_has_one_hint() {
    let hint = |mut endpoint: Value, zone: &str| {
        endpoint["hints"] = json!({"forZones": [{"name": zone}]});
        endpoint
    };
    let four = json!([hint(pod("10.0.0.1", "a"), "west"), hint(pod("10.0.0.2", "b"), "east")]);
    let six = json!([hint(pod("fd00::1", "a"), "west"), hint(pod("fd00::2", "b"), "east")]);
    let case = Case::new(http(), &[slice("four", "IPv4", 80, four), slice("six", "IPv6", 80, six)]);
    assert_eq!(endpoints(&case.0, &key(80), &here()).addresses, ["10.0.0.1:80".parse().unwrap()]);
}

fn local() -> Value {
    let mut service = http();
    service["internalTrafficPolicy"] = json!("Local");
    service
}

#[test]
fn a_service_may_keep_requests_on_their_node() {
    let [one, two, three] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let cases: &[(&str, &[Value], &[u8])] = &[
        ("those of the node", &[on("node-1", one), on("node-2", two), at(three)], &[1]),
        ("none there", &[on("node-2", two), at(three)], &[]),
        ("the one there is not ready", &[not_ready(on("node-1", one)), on("node-2", two)], &[]),
        ("the one there terminates", &[terminating(on("node-1", one)), on("node-2", two)], &[1]),
        ("a ready one there", &[terminating(on("node-1", one)), on("node-1", two)], &[2]),
    ];
    for (what, ends, expected) in cases {
        assert_eq!(taken(local(), ends, &here()), *expected, "{what}");
    }
    let mut hints_elsewhere = on("node-1", one);
    hints_elsewhere["hints"] = json!({"forZones": [{"name": "east"}]});
    assert_eq!(taken(local(), &[hints_elsewhere, on("node-2", two)], &here()), [1], "hints do not widen that");
    let mut cluster = http();
    cluster["internalTrafficPolicy"] = json!("Cluster");
    assert_eq!(taken(cluster, &[on("node-1", one), on("node-2", two)], &here()), [1, 2]);
}

#[test]
fn where_none_is_on_the_node_the_warning_says_why() {
    let ends = [on("node-2", "10.0.0.1"), at("127.0.0.1")];
    let expected = [
        "Service default/shop: NoEndpoints: no endpoint of node node-1 (internalTrafficPolicy: Local) takes requests on \
         port 80: they are answered 503",
        "Service default/shop: EndpointNotDialled: 127.0.0.1:80 is never dialled",
    ];
    assert_eq!(told(local(), &ends, &here()), expected);
}

#[test]
fn a_node_that_is_not_known_keeps_nothing_and_is_told_in_a_cluster() {
    let ends = [on("node-2", "10.0.0.1")];
    assert_eq!(taken(local(), &ends, &options(false)), [1]);
    let expected =
        "Service default/shop spec.internalTrafficPolicy: NotSupported: this proxy was not told its node (--node)";
    assert_eq!(told(local(), &ends, &options(false)), [expected]);
    assert_eq!(told(local(), &ends, &options(true)), [""; 0], "a folder of manifests");
}

#[test]
fn hints_for_zones_are_told_where_the_zone_is_not_known() {
    let ends = [hinted("10.0.0.1", "node-1|west")];
    let expected = "Service default/shop spec.trafficDistribution: NotSupported: endpoints are hinted for zones, and the zone \
                    of this proxy is not known (--zone)";
    assert_eq!(told(http(), &ends, &Options { zone: None, ..here() }), [expected]);
    assert_eq!(told(http(), &[hinted("10.0.0.1", "node-1|")], &Options { zone: None, ..here() }), [""; 0]);
    for options in [here(), options(true)] {
        assert_eq!(told(http(), &ends, &options), [""; 0]);
    }
}

#[test]
fn session_affinity_is_told_wherever_it_is_asked_for() {
    let mut service = http();
    service["sessionAffinity"] = json!("ClientIP");
    let expected = "Service default/shop spec.sessionAffinity: NotSupported: requests of a client go to any endpoint";
    for options in [here(), options(true)] {
        assert_eq!(told(service.clone(), &[at("10.0.0.1")], &options), [expected]);
    }
    service["sessionAffinity"] = json!("None");
    assert_eq!(told(service, &[at("10.0.0.1")], &here()), [""; 0]);
}
