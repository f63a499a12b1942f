//! What a change costs and a table holds, counted in objects at thousands of routes: what is not the same object was made anew.

use std::collections::HashSet;
use std::sync::Arc;

use pingway::compile::{Compiled, Memo, compile};
use pingway::snapshot::{Change, Snapshot};
use pingway::table::listener::Host;
use serde_json::{Value, json};

use super::compile_memo::{GATEWAY_API, begun, hosts, item, object};

const ROUTES: usize = 5_000;

/// A route of one rule.
fn route(number: usize, host: &str, path: &str, edit: usize) -> Change {
    let set = json!({ "set": [{ "name": "x-edit", "value": edit.to_string() }] });
    let rule = json!({
        "matches": [{ "path": { "value": path } }],
        "filters": [{ "type": "RequestHeaderModifier", "requestHeaderModifier": set }],
        "backendRefs": [{ "name": format!("s{}", number % 1_000), "port": 80 }],
    });
    let spec = json!({ "parentRefs": [{ "name": "g" }], "hostnames": [host], "rules": [rule] });
    put(&object(GATEWAY_API, "HTTPRoute", "one", &format!("r{number}"), json!({ "spec": spec })))
}

fn service(name: &str, port: u16) -> Change {
    put(&object("v1", "Service", "one", name, json!({ "spec": { "ports": [{ "port": port }] } })))
}

fn put(value: &Value) -> Change {
    Change::Put(item(value))
}

/// A host to each route.
fn own_host(number: usize, edit: usize) -> Change {
    route(number, &format!("h{number}.test"), "/", edit)
}

/// One host, a path to each route.
fn own_path(number: usize, edit: usize) -> Change {
    route(number, "one.test", &format!("/p{number}"), edit)
}

/// How many objects are there now that were not before: hosts, entries, rules, statuses of routes.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    hosts: usize,
    entries: usize,
    rules: usize,
    statuses: usize,
}

fn made(before: &Compiled, after: &Compiled) -> Made {
    let (old, new) = (hosts(before), hosts(after));
    fn entries(hosts: &[Arc<Host>]) -> impl Iterator<Item = &Arc<pingway::table::rule::Entry>> {
        hosts.iter().flat_map(|host| &host.entries)
    }
    let statuses = |compiled: &Compiled| compiled.statuses.routes.values().cloned().collect::<Vec<_>>();
    Made {
        hosts: not_in(old.iter(), new.iter()),
        entries: not_in(entries(&old), entries(&new)),
        rules: not_in(entries(&old).map(|entry| &entry.rule), entries(&new).map(|entry| &entry.rule)),
        statuses: not_in(statuses(before).iter(), statuses(after).iter()),
    }
}

fn not_in<'a, T: 'a>(old: impl Iterator<Item = &'a Arc<T>>, new: impl Iterator<Item = &'a Arc<T>>) -> usize {
    let old = distinct(old);
    distinct(new).difference(&old).count()
}

fn distinct<'a, T: 'a>(all: impl Iterator<Item = &'a Arc<T>>) -> HashSet<usize> {
    all.map(|one| Arc::as_ptr(one).addr()).collect()
}

/// What is made anew by each of these changes, one after the other, of routes of one shape.
fn after(shape: fn(usize, usize) -> Change, changes: impl IntoIterator<Item = Change>) -> Vec<Made> {
    let (mut snapshot, options): (Snapshot, _) = begun();
    let mut memo = Memo::default();
    snapshot.apply((0..1_000).map(|number| service(&format!("s{number}"), 80)));
    snapshot.apply((0..ROUTES).map(|number| shape(number, 0)));
    let mut before = compile(&snapshot, &options, &mut memo);
    let steps = changes.into_iter().map(|change| {
        snapshot.apply([change]);
        let after = compile(&snapshot, &options, &mut memo);
        made(&std::mem::replace(&mut before, after.clone()), &after)
    });
    steps.collect()
}

#[test]
fn one_changed_route_of_thousands_makes_only_its_own_anew() {
    let edited = || Made { hosts: 1, entries: 1, rules: 1, statuses: 1 };
    let moved_host = Made { hosts: 1, entries: 0, rules: 0, statuses: 1 };
    let moved_path = Made { hosts: 1, entries: 1, rules: 0, statuses: 1 };
    assert_eq!(after(own_host, [own_host(7, 1), route(7, "other.test", "/", 1)]), [edited(), moved_host]);
    assert_eq!(after(own_path, [own_path(7, 1), route(7, "one.test", "/other", 1)]), [edited(), moved_path]);
}

#[test]
fn a_changed_service_makes_the_rules_anew_that_name_it_and_no_others() {
    let of_it = ROUTES / 1_000;
    let made = after(own_host, [service("s7", 81), service("nobody-names-it", 80)]);
    assert_eq!(made[0], Made { hosts: of_it, entries: of_it, rules: of_it, statuses: of_it });
    assert_eq!(made[1], Made { hosts: 0, entries: 0, rules: 0, statuses: 0 });
}

/// Sixteen hostnames, eight matches, three listeners: one rule, and eight entries in all.
#[test]
fn a_rule_is_one_object_on_however_many_hosts_and_listeners() {
    let (mut snapshot, options) = begun();
    let listeners: Vec<_> =
        (0..3).map(|n| json!({ "name": format!("l{n}"), "port": 80 + n, "protocol": "HTTP" })).collect();
    let gateway = json!({ "spec": { "gatewayClassName": "ours", "listeners": listeners } });
    let hostnames: Vec<_> = (0..16).map(|n| format!("h{n}.test")).collect();
    let matches: Vec<_> = (0..8).map(|n| json!({ "path": { "value": format!("/p{n}") } })).collect();
    let spec = json!({ "parentRefs": [{ "name": "g" }], "hostnames": hostnames, "rules": [{ "matches": matches }] });
    snapshot.apply([
        put(&object(GATEWAY_API, "Gateway", "one", "g", gateway)),
        put(&object(GATEWAY_API, "HTTPRoute", "one", "r", json!({ "spec": spec }))),
    ]);
    let hosts = hosts(&compile(&snapshot, &options, &mut Memo::default()));
    let entries = || hosts.iter().flat_map(|host| &host.entries);
    assert_eq!((hosts.len(), entries().count()), (3 * 16, 3 * 16 * 8));
    assert_eq!((distinct(entries()).len(), distinct(entries().map(|entry| &entry.rule)).len()), (8, 1));
}
