//! Lookup and one-route change at growing tables.
//!
//! Where a host or a path tells routes apart, the time must not follow their number; where headers or regular expressions do, it
//! is linear, since the specification's order has to be tried.
//!
//! A lookup is timed over sixteen routes in turn, spread over the table: traffic keeps to a part of a table at a time. `cold`
//! asks for every route in turn, so that each lookup pays for memory that no cache holds.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark that cannot be set up is to fail")]

mod shape;

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
use shape::Shape;

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

fn request(shape: Shape, n: usize) -> Request {
    let path = match shape {
        Shape::Paths => format!("/api/v1/service-{n}/item"),
        Shape::Regexes => format!("/api/{n}/x"),
        Shape::Hosts | Shape::Headers => "/api/item".to_owned(),
    };
    let header = (HeaderName::from_static("x-route"), HeaderValue::from(n));
    (shape.host(n), path, HeaderMap::from_iter([header]))
}

fn hosts_of(shape: Shape, routes: usize) -> Vec<Arc<Host>> {
    let mut patterns = Patterns::default();
    let entries = (0..routes).map(|n| {
        let spec = serde_json::from_value(shape.matches(n)).expect("a match");
        entry(n, &spec, &mut patterns)
    });
    let host =
        |n, entries| Arc::new(Host { hostname: HostPattern::parse(&shape.host(n)).expect("a valid host"), entries });
    match shape {
        Shape::Hosts => entries.enumerate().map(|(n, entry)| host(n, vec![entry])).collect(),
        _ => vec![host(0, entries.collect())],
    }
}

fn listener(hosts: &[Arc<Host>]) -> Arc<Listener> {
    let (name, hosts) = ("http".into(), hosts.iter().cloned().collect());
    Arc::new(Listener { name, sockets: Vec::new(), protocol: Protocol::Http, hostname: HostPattern::Any, hosts })
}

fn index(hosts: &[Arc<Host>]) -> PortIndex<Arc<Rule>> {
    let mut trees = PathTrees::default();
    PortIndex::new(&[listener(hosts)], None, |host, _| Arc::new(HostIndex::build(host, None, &mut trees, Arc::clone)))
}

fn look_up(port: &PortIndex<Arc<Rule>>, (host, path, headers): &Request) -> usize {
    let request = RequestView { host, path, query: None, method: &Method::GET, headers };
    match port.lookup(&request, None, &mut Silent) {
        Ok(found) => found.target.index,
        Err(why) => panic!("{host}{path}: {why:?}"),
    }
}

fn lookup(c: &mut Criterion) {
    for (name, shape) in Shape::ALL {
        let cold = matches!(shape, Shape::Hosts | Shape::Paths);
        let mut group = c.benchmark_group(format!("lookup/{name}"));
        for routes in if cold { [10, 1_000, 50_000] } else { [10, 100, 1_000] } {
            let port = index(&hosts_of(shape, routes));
            let hot: Vec<_> = (0..16).map(|n| request(shape, n * routes / 16)).collect();
            let mut turn = hot.iter().cycle();
            group.bench_function(BenchmarkId::new("hot", routes), |b| {
                b.iter(|| turn.next().map(|request| look_up(&port, black_box(request))));
            });
            if cold {
                let all: Vec<_> = (0..routes).map(|n| request(shape, n * 7919 % routes)).collect();
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
    let hosts = hosts_of(Shape::Paths, 5_000);
    let from_nothing = || HostIndex::build(&hosts[0], None, &mut PathTrees::default(), Arc::clone);
    group.bench_function("from nothing", |b| b.iter(from_nothing));
    let mut trees = PathTrees::default();
    let before = HostIndex::build(&hosts[0], None, &mut trees, Arc::clone);
    let again = |trees: &mut PathTrees| HostIndex::build(&hosts[0], Some(&before), trees, Arc::clone);
    group.bench_function("same paths", |b| b.iter(|| again(&mut trees)));
    group.finish();
    let mut group = c.benchmark_group("index/5000-hosts");
    group.sample_size(20);
    let hosts = hosts_of(Shape::Hosts, 5_000);
    group.bench_function("from nothing", |b| b.iter(|| index(&hosts)));
    group.finish();
}

criterion_group!(benches, lookup, rebuild);
criterion_main!(benches);
