//! Lookup and one-route change at growing tables.
//!
//! Shapes: (a) a host to each route, (b) one host with a path to each route, (c) one host and path, told apart by a
//! header, (d) one host, a regular expression to each route. For (a) and (b) the time must not follow the number of
//! routes; (c) and (d) are linear, since the specification's order has to be tried.
//!
//! A lookup is timed over sixteen routes in turn, spread over the table: traffic keeps to a part of a table at a time. `cold`
//! asks for every route in turn, so that each lookup pays for memory that no cache holds.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark that cannot be set up is to fail")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pingway::api::{self, Kind, ObjectName, ObjectRef};
use pingway::table::hostname::HostPattern;
use pingway::table::listener::{Host, Listener, Protocol};
use pingway::table::lookup::{HostIndex, PathTrees, PortIndex, Silent};
use pingway::table::matches::{Match, Patterns};
use pingway::table::request::RequestView;
use pingway::table::rule::{Action, Entry, Rule};
use pingway::table::timeouts::{Retry, Timeouts};

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How the routes of a table differ.
#[derive(Clone, Copy)]
enum Shape {
    Hosts,
    Paths,
    Headers,
    Regexes,
}

/// One request: host, path, headers.
type Request = (String, String, HeaderMap);

fn entry(n: usize, spec: &api::HttpMatch, patterns: &mut Patterns) -> Arc<Entry> {
    let rule = Arc::new(Rule {
        route: ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("bench", format!("route-{n}")) },
        index: 0,
        name: None,
        action: Action::Fail { status: 500, why: "bench".into() },
        timeouts: Timeouts::default(),
        retry: Retry::default(),
    });
    Arc::new(Entry { matches: Match::compile_http(spec, patterns).expect("a valid match"), rule })
}

impl Shape {
    fn host(self, n: usize) -> String {
        match self {
            Self::Hosts => format!("service-{n}.example.test"),
            _ => "example.test".to_owned(),
        }
    }

    fn path(self, n: usize) -> String {
        match self {
            Self::Paths => format!("/api/v1/service-{n}"),
            Self::Regexes => format!("/api/{n}/x"),
            _ => "/api".to_owned(),
        }
    }

    fn spec(self, n: usize) -> api::HttpMatch {
        let (kind, value) = match self {
            Self::Regexes => (api::PathMatchType::RegularExpression, format!("/api/{n}/[a-z]+")),
            _ => (api::PathMatchType::PathPrefix, self.path(n)),
        };
        let header = api::ValueMatch { kind: None, name: "x-route".into(), value: n.to_string() };
        let headers = if matches!(self, Self::Headers) { vec![header] } else { Vec::new() };
        let path = Some(api::HttpPathMatch { kind: Some(kind), value: Some(value) });
        api::HttpMatch { path, headers, ..Default::default() }
    }

    fn request(self, n: usize) -> Request {
        let header = (HeaderName::from_static("x-route"), HeaderValue::from(n));
        (self.host(n), format!("{}/item", self.path(n)).replace("/x/item", "/x"), HeaderMap::from_iter([header]))
    }

    fn hosts(self, routes: usize) -> Vec<Arc<Host>> {
        let mut patterns = Patterns::default();
        let entries = (0..routes).map(|n| entry(n, &self.spec(n), &mut patterns));
        let host =
            |n, entries| Arc::new(Host { hostname: HostPattern::parse(&self.host(n)).expect("a valid host"), entries });
        match self {
            Self::Hosts => entries.enumerate().map(|(n, entry)| host(n, vec![entry])).collect(),
            _ => vec![host(0, entries.collect())],
        }
    }
}

fn listener(hosts: &[Arc<Host>]) -> Arc<Listener> {
    let (name, hosts) = ("http".into(), hosts.to_vec());
    Arc::new(Listener { name, sockets: Vec::new(), protocol: Protocol::Http, hostname: HostPattern::Any, hosts })
}

fn index(hosts: &[Arc<Host>]) -> PortIndex<Arc<Rule>> {
    let mut trees = PathTrees::default();
    let indexes = hosts.iter().map(|host| Arc::new(HostIndex::build(host, &mut trees, Arc::clone))).collect();
    PortIndex::new(vec![(listener(hosts), indexes)])
}

fn look_up(port: &PortIndex<Arc<Rule>>, (host, path, headers): &Request) -> usize {
    let request = RequestView { host, path, query: None, method: &Method::GET, headers };
    match port.lookup(&request, None, &mut Silent) {
        Ok(found) => found.target.index,
        Err(why) => panic!("{host}{path}: {why:?}"),
    }
}

fn lookup(c: &mut Criterion) {
    for (name, shape, sizes, cold) in [
        ("lookup/a-hosts", Shape::Hosts, [10, 1_000, 50_000], true),
        ("lookup/b-paths", Shape::Paths, [10, 1_000, 50_000], true),
        ("lookup/c-headers", Shape::Headers, [10, 100, 1_000], false),
        ("lookup/d-regexes", Shape::Regexes, [10, 100, 1_000], false),
    ] {
        let mut group = c.benchmark_group(name);
        for routes in sizes {
            let port = index(&shape.hosts(routes));
            let hot: Vec<_> = (0..16).map(|n| shape.request(n * routes / 16)).collect();
            let mut turn = hot.iter().cycle();
            group.bench_function(BenchmarkId::new("hot", routes), |b| {
                b.iter(|| turn.next().map(|request| look_up(&port, black_box(request))));
            });
            if cold {
                let all: Vec<_> = (0..routes).map(|n| shape.request(n * 7919 % routes)).collect();
                let mut turn = all.iter().cycle();
                group.bench_function(BenchmarkId::new("cold", routes), |b| {
                    b.iter(|| turn.next().map(|request| look_up(&port, black_box(request))));
                });
            }
        }
        group.finish();
    }
}

fn rebuild(c: &mut Criterion) {
    let mut group = c.benchmark_group("index/5000-paths-of-one-host");
    group.sample_size(20);
    let hosts = Shape::Paths.hosts(5_000);
    let from_nothing = || HostIndex::build(&hosts[0], &mut PathTrees::default(), Arc::clone);
    group.bench_function("from nothing", |b| b.iter(from_nothing));
    let mut trees = PathTrees::default();
    let _before = HostIndex::build(&hosts[0], &mut trees, Arc::clone);
    group.bench_function("same paths", |b| b.iter(|| HostIndex::build(&hosts[0], &mut trees, Arc::clone)));
    group.finish();
    let mut group = c.benchmark_group("index/5000-hosts");
    group.sample_size(20);
    let hosts = Shape::Hosts.hosts(5_000);
    let mut trees = PathTrees::default();
    let indexes: Vec<_> = hosts.iter().map(|host| Arc::new(HostIndex::build(host, &mut trees, Arc::clone))).collect();
    let listener = listener(&hosts);
    group.bench_function("one listener of them", |b| {
        b.iter(|| PortIndex::new(vec![(listener.clone(), indexes.clone())]));
    });
    group.finish();
}

criterion_group!(benches, lookup, rebuild);
criterion_main!(benches);
