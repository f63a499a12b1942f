//! Link by hand-made tables: what is kept, what is made anew, what is let go.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;

use super::super::serving::Graveyard;
use super::*;
use crate::live::testing::{certificate, key, rule, table};
use crate::table::backend::{Endpoints, Target};

/// Tables with one Gateway.
fn tables(table: Arc<RouteTable>) -> BTreeMap<ObjectName, Arc<RouteTable>> {
    BTreeMap::from([(table.gateway.clone(), table)])
}

/// A rule to one backend.
fn to(service: &str) -> Arc<Rule> {
    rule(&format!("to-{service}"), vec![(Target::Backend(key(service)), 1)])
}

/// The live rule of a plain one.
fn live(registry: &Registry, rule: &Arc<Rule>) -> Arc<LiveRule> {
    registry.rules.find(rule).expect("linked")
}

#[test]
fn editing_one_route_keeps_the_live_rules_of_all_others() {
    let mut registry = Registry::default();
    let (a, b, edited) = (to("a"), to("b"), to("b"));
    let hosts = table::hosts(&[("a.test", &a), ("b.test", &b)]);
    let first = link(&tables(table::with_hosts(&hosts)), &mut registry, &Serving::default());
    let (live_a, live_b) = (live(&registry, &a), live(&registry, &b));
    let hosts = [hosts[0].clone(), table::hosts(&[("b.test", &edited)])[0].clone()];
    let second = link(&tables(table::with_hosts(&hosts)), &mut registry, &first);
    assert_eq!((first.generation, second.generation), (1, 2));
    assert!(Arc::ptr_eq(&live_a, &live(&registry, &a)));
    let live_edited = live(&registry, &edited);
    assert!(!Arc::ptr_eq(&live_b, &live_edited));
    let backend = |live: &LiveRule| live.backends[0].clone().expect("a backend");
    assert!(Arc::ptr_eq(&backend(&live_b), &backend(&live_edited)), "one backend for all rules that name it");
}

#[test]
fn a_rule_on_several_hosts_and_sockets_is_one_live_rule() {
    let mut registry = Registry::default();
    let shared = to("a");
    let hosts = table::hosts(&[("a.test", &shared), ("b.test", &shared)]);
    let table = table::with_listeners(vec![table::http("one", &[80, 81], &hosts), table::http("two", &[82], &hosts)]);
    let serving = link(&tables(table), &mut registry, &Serving::default());
    assert_eq!(serving.sockets.len(), 3);
    assert_eq!(registry.take_new_backends().len(), 1);
    assert_eq!(registry.rules.len(), 1);
    assert_eq!(registry.hosts.len(), 2);
}

#[test]
fn a_socket_in_which_nothing_changed_is_shared_with_the_serving_before() {
    let mut registry = Registry::default();
    let hosts = table::hosts(&[("a.test", &to("a"))]);
    let kept = table::http("kept", &[80], &hosts);
    let first = table::with_listeners(vec![kept.clone(), table::http("other", &[81], &hosts)]);
    let second = table::with_listeners(vec![kept, table::http("other", &[81], &[])]);
    let first = link(&tables(first), &mut registry, &Serving::default());
    let second = link(&tables(second), &mut registry, &first);
    let same = |port| Arc::ptr_eq(&first.sockets[&table::socket(port)], &second.sockets[&table::socket(port)]);
    assert!(same(80));
    assert!(!same(81));
    let third = link(&BTreeMap::new(), &mut registry, &second);
    assert!(third.sockets.is_empty() && registry.sockets.is_empty());
}

#[test]
fn a_backend_is_forgotten_when_no_rule_holds_it_served_or_in_flight() {
    let mut registry = Registry::default();
    let rule = to("a");
    let first =
        link(&tables(table::with_hosts(&table::hosts(&[("a.test", &rule)]))), &mut registry, &Serving::default());
    let new = registry.take_new_backends();
    assert_eq!(new.len(), 1);
    new[0].update(&Endpoints { addresses: vec![([127, 0, 0, 1], 9).into()], ..Endpoints::default() });
    drop(new);
    let in_flight = live(&registry, &rule);
    let mut second = link(&BTreeMap::new(), &mut registry, &first);
    second.leaving.clear();
    drop(first);
    assert!(registry.forget_unused().is_empty(), "a request is in flight");
    let endpoint = in_flight.backends[0].as_ref().and_then(|b| b.pick(&[])).expect("one").endpoint().clone();
    drop(in_flight);
    assert_eq!(registry.forget_unused(), [key("a")]);
    assert!(registry.backends().is_empty() && endpoint.is_gone());
    drop(second);
}

#[test]
fn a_backend_reference_that_leads_nowhere_has_no_live_backend() {
    let mut registry = Registry::default();
    let invalid = Target::Invalid { why: "no such Service".into() };
    let rule = rule("half", vec![(Target::Backend(key("a")), 1), (invalid, 1)]);
    let _serving =
        link(&tables(table::with_hosts(&table::hosts(&[("a.test", &rule)]))), &mut registry, &Serving::default());
    let live = live(&registry, &rule);
    assert!(live.backends[0].is_some() && live.backends[1].is_none());
}

#[test]
fn a_renewed_certificate_changes_its_listeners_configuration_only() {
    let mut registry = Registry::default();
    let (a, b) = (certificate("a", &["a.test"]), certificate("b", &["b.test"]));
    let listener = |name, host, certificate: &Arc<_>| table::https(name, host, certificate);
    let first = table::with_listeners(vec![listener("a", "a.test", &a), listener("b", "b.test", &b)]);
    let first = link(&tables(first), &mut registry, &Serving::default());
    let renewed = certificate("b", &["b.test"]);
    let second = table::with_listeners(vec![listener("a", "a.test", &a), listener("b", "b.test", &renewed)]);
    let second = link(&tables(second), &mut registry, &first);
    let config = |serving: &Serving, sni| {
        let tls = serving.sockets[&table::socket(443)].tls.as_ref().expect("an HTTPS socket");
        tls.choose(sni).expect("a listener").config.clone()
    };
    assert!(Arc::ptr_eq(&config(&first, "a.test"), &config(&second, "a.test")));
    assert!(!Arc::ptr_eq(&config(&first, "b.test"), &config(&second, "b.test")));
    assert!(registry.refused_certificates().is_empty());
}

/// A request routed in each of 1,000 generations and never ended.
#[test]
fn holders_of_live_rules_keep_no_more_than_three_tables_alive() {
    let mut registry = Registry::default();
    let published = ArcSwap::from_pointee(Serving::default());
    let mut graveyard = Graveyard::default();
    let mut held = Vec::new();
    let mut servings: Vec<Weak<Serving>> = Vec::new();
    let mut plain: Vec<Weak<RouteTable>> = Vec::new();
    for _ in 0..1_000 {
        let rule = to("a");
        let table = table::with_hosts(&table::hosts(&[("a.test", &rule)]));
        plain.push(Arc::downgrade(&table));
        let serving = Arc::new(link(&tables(table), &mut registry, &published.load()));
        servings.push(Arc::downgrade(&serving));
        graveyard.bury(published.swap(serving));
        graveyard.sweep();
        held.push(live(&registry, &rule));
    }
    let alive = servings.iter().filter(|s| s.strong_count() > 0).count();
    assert!(alive <= 3, "{alive} servings");
    assert!(plain.iter().filter(|t| t.strong_count() > 0).count() <= 3);
    assert_eq!(published.load().generation, 1_000);
    assert_eq!(registry.backends().len(), 1);
    drop(held);
    drop(link(&BTreeMap::new(), &mut registry, &published.load()));
    published.store(Arc::default());
    registry.rules.tidy_now();
    assert_eq!(registry.rules.len(), 0);
}

/// Prints the cost of one changed route among 5,000 hosts; the assertion is on what was made anew.
#[test]
fn one_changed_route_among_many_hosts_makes_one_rule_and_one_host_anew() {
    let count = 5_000;
    let mut registry = Registry::default();
    let rules: Vec<_> = (0..count).map(|i| to(&format!("s{i}"))).collect();
    let names: Vec<_> = (0..count).map(|i| format!("h{i}.test")).collect();
    let pairs: Vec<_> = names.iter().map(String::as_str).zip(&rules).collect();
    let mut hosts = table::hosts(&pairs);
    let mut serving = link(&tables(table::with_hosts(&hosts)), &mut registry, &Serving::default());
    for i in 0..5 {
        let before = (registry.rules.made(), registry.hosts.made());
        hosts[i] = table::hosts(&[(&names[i], &to("edited"))])[0].clone();
        let tables = tables(table::with_hosts(&hosts));
        let start = Instant::now();
        serving = link(&tables, &mut registry, &serving);
        println!("one route of {count} changed: linked in {:?}", start.elapsed());
        assert_eq!((registry.rules.made(), registry.hosts.made()), (before.0 + 1, before.1 + 1));
    }
}
