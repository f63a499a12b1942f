//! Tests of lookup that a reader can follow; `tests/pure/table_model.rs` compares it with the specification at large.

use http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::api::{self, Kind, ObjectName, ObjectRef};
use crate::table::hostname::HostPattern;
use crate::table::listener::{Host, Protocol};
use crate::table::matches::{Match, Patterns};
use crate::table::rule::{Action, Entry, Rule};
use crate::table::timeouts::{Retry, Timeouts};

fn rule(name: &str) -> Arc<Rule> {
    Arc::new(Rule {
        route: ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("ns", name) },
        index: 0,
        name: None,
        action: Action::Fail { status: 500, why: "".into() },
        timeouts: Timeouts::default(),
        retry: Retry::default(),
    })
}

fn path(kind: &str, value: &str) -> api::HttpMatch {
    let path = api::HttpPathMatch { kind: Some(kind.to_owned().into()), value: Some(value.into()) };
    api::HttpMatch { path: Some(path), ..Default::default() }
}

fn prefix(value: &str) -> api::HttpMatch {
    path("PathPrefix", value)
}

fn entry(spec: &api::HttpMatch, rule: &Arc<Rule>) -> Arc<Entry> {
    Arc::new(Entry { matches: Match::compile_http(spec, &mut Patterns::default()).unwrap(), rule: rule.clone() })
}

/// A host whose rules have the names of their places.
fn host(hostname: &str, specs: &[api::HttpMatch]) -> Arc<Host> {
    let entries = specs.iter().enumerate().map(|(i, spec)| entry(spec, &rule(&format!("{hostname}#{i}")))).collect();
    Arc::new(Host { hostname: HostPattern::parse(hostname).unwrap(), entries })
}

fn index(host: &Arc<Host>) -> Arc<HostIndex<String>> {
    Arc::new(HostIndex::build(host, None, &mut PathTrees::default(), |rule| rule.route.name.name.to_string()))
}

fn port(listeners: &[(&str, &str, &[Arc<Host>])]) -> PortIndex<String> {
    let listener = |(name, hostname, hosts): &(&str, &str, &[Arc<Host>])| {
        Arc::new(Listener {
            name: (*name).into(),
            sockets: Vec::new(),
            protocol: Protocol::Http,
            hostname: HostPattern::parse(hostname).unwrap(),
            hosts: hosts.iter().cloned().collect(),
        })
    };
    let listeners: Vec<_> = listeners.iter().map(listener).collect();
    PortIndex::new(&listeners, None, |host, _| index(host))
}

/// Counts what lookup looks at.
#[derive(Default)]
struct Count {
    lost: Vec<LostBy>,
    nodes: usize,
    hosts: usize,
}

impl Witness for Count {
    fn lost(&mut self, _: &Entry, by: LostBy) {
        self.lost.push(by);
    }
    fn host(&mut self, _: &Host) {
        self.hosts += 1;
    }
    fn node(&mut self) {
        self.nodes += 1;
    }
}

fn find(port: &PortIndex<String>, host: &str, path: &str, tls: Option<&str>, count: &mut Count) -> String {
    let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-a"), HeaderValue::from_static("1"))]);
    let request = RequestView { host, path, query: Some("q=1"), method: &Method::GET, headers: &headers };
    match port.lookup(&request, tls, count) {
        Ok(found) => format!("{} {}", found.listener.name, found.target),
        Err(why) => format!("{why:?}"),
    }
}

fn at(port: &PortIndex<String>, host: &str, path: &str) -> String {
    find(port, host, path, None, &mut Count::default())
}

#[test]
fn exact_goes_before_regex_before_the_longest_prefix() {
    let rules =
        [path("Exact", "/a/b"), path("RegularExpression", "/a/.*x"), prefix("/a/b/"), prefix("/a"), prefix("/")];
    let port = port(&[("l", "", &[host("h.test", &rules)])]);
    for (path, wanted) in [
        ("/a/b", 0),
        ("/a/b/x", 1),
        ("/a/b/", 2),
        ("/a/b/c", 2),
        ("/a/bc", 3),
        ("/a", 3),
        ("/a/", 3),
        ("/ab", 4),
        ("/", 4),
        ("//", 4),
        ("*", 4),
    ] {
        assert_eq!(at(&port, "h.test", path), format!("l h.test#{wanted}"), "{path}");
    }
}

#[test]
fn what_an_entry_refuses_falls_through_to_shorter_prefixes_and_then_to_wider_hosts() {
    let post = |path| api::HttpMatch { method: Some("POST".into()), ..path };
    let narrow = host("a.test", &[post(path("Exact", "/a/b")), post(prefix("/a/b")), post(prefix("/a"))]);
    let wide = host("*.test", &[post(prefix("/a/b")), prefix("/a")]);
    let port = port(&[("l", "", &[narrow, wide, host("", &[prefix("/")])])]);
    let mut count = Count::default();
    assert_eq!(find(&port, "a.test", "/a/b", None, &mut count), "l *.test#1");
    assert_eq!(count.lost, [LostBy::Method; 4]);
    assert_eq!(count.hosts, 2);
    assert_eq!(at(&port, "a.test", "/x"), "l #0");
}

#[test]
fn a_listener_keeps_its_hosts_to_itself() {
    let listeners: &[(&str, &str, &[Arc<Host>])] = &[
        ("exact", "a.b.test", &[host("a.b.test", &[prefix("/exact")])]),
        ("wildcard", "*.b.test", &[host("", &[prefix("/wildcard")])]),
        ("any", "", &[host("", &[prefix("/")])]),
    ];
    let port = port(listeners);
    assert_eq!(at(&port, "a.b.test", "/exact"), "exact a.b.test#0");
    assert_eq!(at(&port, "a.b.test", "/wildcard"), "NoRule");
    assert_eq!(at(&port, "x.a.b.test", "/wildcard"), "wildcard #0");
    assert_eq!(at(&port, "c.b.test", "/"), "NoRule");
    assert_eq!(at(&port, "b.test", "/"), "any #0");
    assert_eq!(port.listener("c.b.test").map(|listener| &*listener.name), Some("wildcard"));
}

#[test]
fn a_host_of_another_listener_than_the_name_that_tls_was_opened_with_is_misdirected() {
    let port = port(&[("a", "a.test", &[host("", &[prefix("/")])]), ("b", "*.test", &[host("", &[prefix("/")])])]);
    let tls = |host, name| find(&port, host, "/", Some(name), &mut Count::default());
    assert_eq!(tls("a.test", "a.test"), "a #0");
    assert_eq!(tls("b.test", "a.test"), "Misdirected");
    assert_eq!(tls("a.test", "b.test"), "Misdirected");
    assert_eq!(tls("c.test", "b.test"), "b #0");
    assert_eq!(tls("a.test", ""), "Misdirected");
    assert_eq!(tls("elsewhere", "a.test"), "NoListener");
    assert_eq!(at(&port, "elsewhere", "/"), "NoListener");
}

#[test]
fn a_connection_whose_listener_has_gone_serves_the_name_that_it_was_opened_with() {
    // It was opened when a listener of another name served these hosts.
    let port = port(&[("new", "a.test", &[host("", &[prefix("/")])]), ("any", "", &[host("", &[prefix("/")])])]);
    let tls = |host, name| find(&port, host, "/", Some(name), &mut Count::default());
    assert_eq!(tls("a.test", "a.test"), "new #0");
    assert_eq!(tls("c.test", "b.test"), "any #0");
    assert_eq!(tls("a.test", "b.test"), "Misdirected");
}

#[test]
fn braces_in_a_path_are_letters() {
    let matches = |path| Match { path, ..Match::any() };
    use crate::table::matches::PathMatch::{Exact, Prefix};
    let entries = [Exact("/{*rest}".into()), Exact("/{id}/x".into()), Prefix("/{a".into())]
        .map(|path| Arc::new(Entry { matches: matches(path.clone()), rule: rule(&format!("{path:?}")) }));
    let port = port(&[("l", "", &[Arc::new(Host { hostname: HostPattern::Any, entries: entries.to_vec() })])]);
    assert_eq!(at(&port, "h", "/{*rest}"), r#"l Exact("/{*rest}")"#);
    assert_eq!(at(&port, "h", "/{id}/x"), r#"l Exact("/{id}/x")"#);
    assert_eq!(at(&port, "h", "/{a/y"), r#"l Prefix("/{a")"#);
    for path in ["/7/x", "/y", "/{", "/{{a"] {
        assert_eq!(at(&port, "h", path), "NoRule");
    }
}

#[test]
fn each_distinct_rule_is_bound_once() {
    let (one, two) = (rule("one"), rule("two"));
    let entries = vec![entry(&prefix("/a"), &one), entry(&prefix("/b"), &two), entry(&prefix("/c"), &one)];
    let host = Arc::new(Host { hostname: HostPattern::Any, entries });
    let mut bound = Vec::new();
    HostIndex::build(&host, None, &mut PathTrees::default(), |rule| bound.push(rule.route.name.name.to_string()));
    assert_eq!(bound, ["one", "two"]);
}

#[test]
fn hosts_with_the_same_paths_share_their_tree() {
    let mut trees = PathTrees::default();
    let first = host("a.test", &[prefix("/a"), path("Exact", "/a"), path("RegularExpression", "/x")]);
    let first = HostIndex::build(&first, None, &mut trees, |_| ());
    let mut shares = |specs: &[api::HttpMatch]| {
        HostIndex::build(&host("b.test", specs), None, &mut trees, |_| ()).shares_paths_with(&first)
    };
    assert!(shares(&[path("Exact", "/a"), path("RegularExpression", "/y"), prefix("/a"), prefix("/a")]));
    assert!(!shares(&[path("Exact", "/a")]));
    assert!(!shares(&[path("Exact", "/a"), prefix("/a"), prefix("/b")]));
    assert!(!shares(&[path("Exact", "/a"), path("Exact", "/b")]));
}

/// A hundred paths, some within others; the first `moved` of them elsewhere.
fn hundred(moved: usize) -> Arc<Host> {
    let at = |n: usize| if n < moved { format!("/p{}/new/x", n + 50) } else { format!("/p{n}") };
    let specs: Vec<_> =
        (0..100).map(|n| if n % 3 == 0 { path("Exact", &at(n)) } else { prefix(&at(n)) }).rev().collect();
    host("h.test", &specs)
}

#[test]
fn a_large_host_keeps_its_tree_when_few_routes_move_and_extends_it_when_more_do() {
    let names = |rule: &Arc<Rule>| rule.route.name.name.to_string();
    let mut trees = PathTrees::default();
    let first = HostIndex::build(&hundred(0), None, &mut trees, names);
    let mut before = None;
    for (moved, shares, nodes) in [(1, true, 100), (8, true, 100), (9, false, 109)] {
        let host = hundred(moved);
        let kept = Arc::new(HostIndex::build(&host, before.as_deref(), &mut trees, names));
        assert_eq!((kept.shares_paths_with(&first), kept.nodes()), (shares, nodes), "{moved}");
        let served = |index| {
            let listener = Listener {
                name: "l".into(),
                sockets: Vec::new(),
                protocol: Protocol::Http,
                hostname: HostPattern::Any,
                hosts: [host.clone()].into_iter().collect(),
            };
            PortIndex::new(&[Arc::new(listener)], None, |_, _| Arc::clone(index))
        };
        let anew = Arc::new(HostIndex::build(&host, None, &mut PathTrees::default(), names));
        let (anew, served_kept) = (served(&anew), served(&kept));
        before = Some(kept);
        for path in (0..160).flat_map(|n| ["", "/new", "/new/x", "/new/x/y"].map(|rest| format!("/p{n}{rest}"))) {
            assert_eq!(at(&served_kept, "h.test", &path), at(&anew, "h.test", &path), "{moved} {path}");
        }
    }
}

#[test]
fn the_index_after_a_change_is_asked_for_what_changed_and_leaves_the_one_before_as_it_was() {
    let listener = |hosts: &[Arc<Host>]| {
        Arc::new(Listener {
            name: "l".into(),
            sockets: Vec::new(),
            protocol: Protocol::Http,
            hostname: HostPattern::Any,
            hosts: hosts.iter().cloned().collect(),
        })
    };
    let mut hosts: Vec<_> = (0..1_000).map(|n| host(&format!("h{n}.test"), &[prefix("/")])).collect();
    hosts.push(host("*.test", &[prefix("/")]));
    let first = PortIndex::new(&[listener(&hosts)], None, |host, _| index(host));
    hosts[5] = host("h5.test", &[prefix("/changed")]);
    hosts[6] = host("come.test", &[prefix("/come")]);
    let mut asked = Vec::new();
    let second = PortIndex::new(&[listener(&hosts)], Some(&first), |host, before| {
        asked.push((host.hostname.to_string(), before.map(|before| before.host().hostname.to_string())));
        index(host)
    });
    let name = |name: &str| name.to_owned();
    assert_eq!(asked, [(name("come.test"), None), (name("h5.test"), Some(name("h5.test")))]);
    let found = |host: &str, path: &str| (at(&first, host, path), at(&second, host, path));
    let both = |first: &str, second: &str| (format!("l {first}#0"), format!("l {second}#0"));
    assert_eq!(found("h5.test", "/changed"), both("h5.test", "h5.test"));
    assert_eq!(found("h5.test", "/"), both("h5.test", "*.test"));
    assert_eq!(found("h6.test", "/"), both("h6.test", "*.test"));
    assert_eq!(found("come.test", "/come"), both("*.test", "come.test"));
    assert_eq!(found("h999.test", "/"), both("h999.test", "h999.test"));
}

/// The hosts and paths of a table of this many routes, half of each.
fn large(routes: usize) -> PortIndex<String> {
    let paths: Vec<_> = (0..routes / 2).map(|n| prefix(&format!("/p{n}/x"))).collect();
    let mut hosts: Vec<_> = (0..routes / 2).map(|n| host(&format!("h{n}.test"), &[prefix("/")])).collect();
    hosts.push(host("one.test", &paths));
    port(&[("l", "", &hosts)])
}

#[test]
fn what_lookup_visits_does_not_grow_with_the_table() {
    let visited = |routes| {
        let port = large(routes);
        ["h1.test", "one.test"].map(|host| {
            let mut count = Count::default();
            assert!(find(&port, host, "/p1/x/y", None, &mut count).contains(host));
            (count.hosts, count.nodes, count.lost.len())
        })
    };
    assert_eq!(visited(10), [(1, 2, 0); 2]);
    assert_eq!(visited(50_000), [(1, 2, 0); 2]);
}

#[test]
fn entries_of_one_path_and_regular_expressions_are_tried_one_by_one_in_order() {
    let value = |n: usize| api::ValueMatch { kind: None, name: "x-a".into(), value: n.to_string() };
    let by_header = |n| api::HttpMatch { headers: vec![value(n)], ..prefix("/a") };
    let by_regex = |n| path("RegularExpression", &format!("/{n}/[a-z]+"));
    for routes in [10, 1_000] {
        // The header that `find` sends is the last one's.
        let last = |specs: Vec<api::HttpMatch>, path: &str| {
            let (mut count, port) = (Count::default(), port(&[("l", "", &[host("h.test", &specs)])]));
            assert_eq!(find(&port, "h.test", path, None, &mut count), format!("l h.test#{}", routes - 1));
            (count.nodes, count.lost.len())
        };
        assert_eq!(last((0..routes).map(|n| by_header(routes - n)).collect(), "/a"), (2, routes - 1));
        assert_eq!(last((0..routes).map(by_regex).collect(), &format!("/{}/x", routes - 1)), (1, routes - 1));
    }
}

#[test]
fn a_tree_grows_by_one_node_for_each_path_however_deep() {
    // Each prefix lies within the last: merged copies would grow by the square.
    let deep: Vec<_> = (0..200).map(|n| prefix(&"/a".repeat(n + 1))).collect();
    let index = index(&host("h.test", &deep));
    assert_eq!(index.nodes(), 200);
}
