//! From objects to what is served: everything from nothing, and one route changed among many.
//!
//! "One route" is what stands between a change in hand and its being served: apply, compile with its memo, link, publish.
//! `edited`: the route does something else. `moved`: it has another host, path, header or expression each time.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark that cannot be set up is to fail")]

mod shape;

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::ArcSwap;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pingway::api::decode::{Decoded, decode};
use pingway::compile::{Memo, Options, compile};
use pingway::live::{Graveyard, Registry, Serving, link};
use pingway::snapshot::{Change, Snapshot};
use pingway::telemetry::Telemetry;
use serde_json::{Value, json};
use shape::Shape;

/// The product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

fn put(value: Value) -> Change {
    match decode(value) {
        Ok(Decoded::Item(item)) => Change::Put(item),
        other => panic!("no object: {other:?}"),
    }
}

/// Route `n`, told from others by `place`; another `edit` differs in a header that it sets, as an edit by hand would.
fn route(shape: Shape, n: usize, place: usize, edit: usize) -> Change {
    let modifier = json!({ "set": [{ "name": "x-edit", "value": edit.to_string() }] });
    let rule = json!({
        "matches": [shape.matches(place)],
        "filters": [{ "type": "RequestHeaderModifier", "requestHeaderModifier": modifier }],
        "backendRefs": [{ "name": format!("service-{}", n % 100), "port": 80 }],
    });
    let spec = json!({ "parentRefs": [{ "name": "gateway" }], "hostnames": [shape.host(place)], "rules": [rule] });
    let metadata = json!({ "namespace": "bench", "name": format!("route-{n}"), "generation": edit + 1 });
    put(json!({ "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata, "spec": spec }))
}

fn snapshot(shape: Shape, routes: usize) -> Snapshot {
    let class = json!({ "controllerName": "pingway.dev/gateway-controller" });
    let listener = json!({ "name": "http", "port": 80, "protocol": "HTTP" });
    let gateway = json!({ "gatewayClassName": "pingway", "listeners": [listener] });
    let services = (0..100).map(|n| {
        let metadata = json!({ "namespace": "bench", "name": format!("service-{n}") });
        put(json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": { "ports": [{ "port": 80 }] } }))
    });
    let fixed = [
        json!({ "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": { "name": "pingway" }, "spec": class }),
        json!({ "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": { "namespace": "bench", "name": "gateway" }, "spec": gateway }),
    ];
    let mut snapshot = Snapshot::default();
    snapshot.apply(fixed.map(put).into_iter().chain(services).chain((0..routes).map(|n| route(shape, n, n, 0))));
    snapshot
}

/// The pipeline's steps, without its thread.
struct Served {
    snapshot: Snapshot,
    options: Options,
    memo: Memo,
    registry: Registry,
    graveyard: Graveyard,
    serving: ArcSwap<Serving>,
}

impl Served {
    fn new(snapshot: Snapshot) -> Self {
        let registry = Registry::new(Arc::new(Telemetry::default()));
        let (memo, graveyard, serving) = (Memo::default(), Graveyard::default(), ArcSwap::default());
        let mut served = Self { snapshot, options: Options::default(), memo, registry, graveyard, serving };
        served.publish();
        served
    }

    fn change(&mut self, change: Change) {
        self.snapshot.apply([change]);
        self.publish();
        self.graveyard.sweep();
    }

    fn publish(&mut self) {
        let compiled = compile(&self.snapshot, &self.options, &mut self.memo);
        let before = self.serving.load_full();
        let serving = link(&compiled.tables, &mut self.registry, &before);
        drop(before);
        self.graveyard.bury(self.serving.swap(Arc::new(serving)));
    }
}

/// How many routes a shape is measured with. No more than 4,096 regular expressions are served.
fn sizes(shape: Shape) -> [usize; 3] {
    if matches!(shape, Shape::Regexes) { [10, 100, 1_000] } else { [10, 1_000, 5_000] }
}

fn everything(c: &mut Criterion) {
    for (name, shape) in Shape::ALL {
        let mut group = c.benchmark_group(format!("compile/{name}"));
        group.sample_size(10);
        for routes in sizes(shape) {
            let snapshot = snapshot(shape, routes);
            group.bench_function(BenchmarkId::from_parameter(routes), |b| {
                b.iter_with_large_drop(|| {
                    let mut memo = Memo::default();
                    (compile(black_box(&snapshot), &Options::default(), &mut memo), memo)
                });
            });
        }
        group.finish();
    }
}

fn one_route(c: &mut Criterion) {
    for (name, shape) in Shape::ALL {
        let mut group = c.benchmark_group(format!("one-route/{name}"));
        group.sample_size(20);
        for routes in sizes(shape) {
            for (edit, moves) in [("edited", false), ("moved", true)] {
                let mut served = Served::new(snapshot(shape, routes));
                let mut turn = 0;
                let mut next = || {
                    turn += 1;
                    let n = routes / 2;
                    route(shape, n, if moves { routes + turn } else { n }, turn)
                };
                group.bench_function(BenchmarkId::new(edit, routes), |b| {
                    b.iter_batched(&mut next, |change| served.change(change), criterion::BatchSize::PerIteration);
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, everything, one_route);
criterion_main!(benches);
