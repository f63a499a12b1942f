//! The pages over real sockets.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{Ports, Servers, Sources, StartError, start};
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::live::Backend;
use crate::pipeline::Report;
use crate::proxy::{Addresses, Phase};
use crate::snapshot::{BindFailure, Socket};
use crate::source::{Origin, Problem, ProblemKind};
use crate::table::RouteTable;
use crate::table::backend::{AppProtocol, BackendKey, Endpoints, Target, WeightedBackend};
use crate::table::filter::Filters;
use crate::table::hostname::HostPattern;
use crate::table::listener::{Host, Listener, Protocol};
use crate::table::matches::Match;
use crate::table::rule::{Action, Entry, Rule};
use crate::telemetry::Telemetry;

const SOCKET: Socket = Socket { address: None, port: 80 };

/// Pages, and what they read.
struct Opened {
    servers: Servers,
    report: Arc<ArcSwap<Report>>,
    phase: watch::Sender<Phase>,
    addresses: watch::Sender<Addresses>,
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn open() -> Opened {
    let (phase, phases) = watch::channel(Phase::Running);
    let (addresses, bound_at) = watch::channel(Addresses::new());
    let report = Arc::new(ArcSwap::default());
    let sources =
        Sources { telemetry: Arc::default(), report: report.clone(), addresses: bound_at, phase: phases, log: None };
    let servers = start(Ports { metrics: any_port(), admin: Some(any_port()) }, sources).expect("free ports");
    Opened { servers, report, phase, addresses }
}

/// Status, head and body of one request.
fn ask(address: SocketAddr, method: &str, path: &str, host: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_owned(), body.to_owned())
}

impl Opened {
    fn metrics(&self, path: &str) -> (u16, String) {
        let (status, _, body) = ask(self.servers.metrics, "GET", path, "any.test");
        (status, body)
    }

    fn admin(&self, path: &str) -> (u16, String) {
        let (status, _, body) = ask(self.servers.admin.expect("open"), "GET", path, "localhost");
        (status, body)
    }

    fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.admin(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn publish(&self, report: Report) {
        self.report.store(Arc::new(report));
    }
}

fn key() -> BackendKey {
    BackendKey { service: ObjectName::new("shop", "web"), port: 8080 }
}

/// One listener, one host, one rule to one backend; served, and not bound yet.
fn problem(object: &str, message: &str) -> Problem {
    let field = if object.is_empty() { "" } else { "spec" };
    Problem {
        origin: Origin::line(Path::new("a.yaml"), 3),
        object: object.to_owned(),
        field: field.to_owned(),
        kind: ProblemKind::Object,
        message: message.to_owned(),
    }
}

fn served() -> Report {
    let backend = WeightedBackend { weight: 3, target: Target::Backend(key()), filters: Filters::default() };
    let rule = Rule {
        route: ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("shop", "checkout") },
        index: 0,
        name: Some("pay<now>".into()),
        action: Action::Forward { filters: Filters::default(), backends: vec![backend] },
        timeouts: Default::default(),
        retry: Default::default(),
    };
    let entry = Entry { matches: Match::any(), rule: Arc::new(rule) };
    let host = Host { hostname: HostPattern::parse("*.test").expect("a host"), entries: vec![Arc::new(entry)] };
    let listener = Listener {
        name: "http".into(),
        sockets: vec![SOCKET],
        protocol: Protocol::Http,
        hostname: HostPattern::Any,
        hosts: [Arc::new(host)].into_iter().collect(),
    };
    let gateway = ObjectName::new("shop", "edge");
    let table = RouteTable {
        gateway: gateway.clone(),
        listeners: vec![Arc::new(listener)],
        mesh: None,
        service_routes: Arc::default(),
        denied: None,
    };
    Report { generation: 1, tables: Arc::new(BTreeMap::from([(gateway, Arc::new(table))])), ..Report::default() }
}

fn failed() -> Result<(), BindFailure> {
    Err(BindFailure { message: "0.0.0.0:80: permission denied".to_owned() })
}

#[test]
fn not_ready_before_the_class_of_the_gateway_is_there() {
    let object = ObjectRef { kind: Kind::GatewayClass, name: ObjectName::cluster("pingway") };
    let problem = crate::source::Problem {
        origin: crate::source::Origin::Api { object: object.clone() },
        object: object.to_string(),
        field: String::new(),
        kind: crate::source::ProblemKind::NoClass,
        message: "missing".to_owned(),
    };
    let report = Report { generation: 1, source_problems: Arc::new(vec![problem.clone()]), ..Report::default() };
    let opened = open();
    opened.publish(report);
    assert_eq!(opened.metrics("/readyz"), (503, format!("{problem}\n")));
    let mut report = Report { source_problems: Arc::new(vec![problem]), ..served() };
    report.observed.sockets.insert(SOCKET, Ok(()));
    opened.publish(report);
    assert_eq!(opened.metrics("/readyz").0, 200, "a class that went while it served");
}

#[test]
fn ready_once_a_table_is_served_and_each_socket_is_bound_or_reported() {
    for outcome in [Ok(()), failed()] {
        let opened = open();
        assert_eq!(opened.metrics("/healthz").0, 200);
        assert_eq!(opened.metrics("/readyz"), (503, "nothing is served yet\n".to_owned()));
        opened.publish(served());
        assert_eq!(opened.metrics("/readyz"), (503, "port 80 is not bound yet\n".to_owned()));
        let mut report = served();
        report.observed.sockets.insert(SOCKET, outcome);
        opened.publish(report);
        assert_eq!(opened.metrics("/readyz").0, 200);
        opened.publish(served());
        assert_eq!(opened.metrics("/readyz").0, 200, "a listener that comes later does not take it back");
        opened.phase.send_replace(Phase::Leaving);
        assert_eq!(opened.metrics("/readyz").0, 503);
        assert_eq!(opened.metrics("/healthz").0, 200);
    }
}

#[test]
fn the_metrics_port_is_read_only_and_has_no_admin_page() {
    let opened = open();
    let (status, head, body) = ask(opened.servers.metrics, "GET", "/metrics", "any.test");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("pingway_build_info"), "{body}");
    assert_eq!(opened.metrics("/").0, 404);
    assert_eq!(opened.metrics("/log").0, 404);
    let (status, head, _) = ask(opened.servers.metrics, "POST", "/metrics", "any.test");
    assert_eq!(status, 405);
    assert!(head.contains("allow: GET, HEAD"), "{head}");
    let (status, _, body) = ask(opened.servers.metrics, "HEAD", "/healthz", "any.test");
    assert_eq!((status, body), (200, String::new()));
}

#[test]
fn the_admin_page_answers_only_to_names_of_this_machine() {
    let opened = open();
    let admin = opened.servers.admin.expect("open");
    for (host, expected) in [("localhost", 200), ("127.0.0.1:1", 200), ("evil.test", 403), ("", 403)] {
        assert_eq!(ask(admin, "GET", "/", host).0, expected, "{host}");
        assert_eq!(ask(admin, "GET", "/problems", host).0, expected, "{host}");
    }
    assert_eq!(ask(admin, "PUT", "/log", "evil.test").0, 403);
}

#[test]
fn the_admin_page_is_refused_where_others_reach_it() {
    let (_, phase) = watch::channel(Phase::Running);
    let (_, addresses) = watch::channel(Addresses::new());
    let sources =
        Sources { telemetry: Arc::new(Telemetry::default()), report: Arc::default(), addresses, phase, log: None };
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = start(Ports { metrics: any_port(), admin: Some(everywhere) }, sources).expect_err("refused");
    assert!(refused.to_string().contains("0.0.0.0:0 is not a loopback address"), "{refused}");
}

#[test]
fn a_port_that_is_taken_is_named_with_its_flag() {
    let taken = TcpListener::bind(any_port()).expect("a port");
    let metrics = taken.local_addr().expect("an address");
    let (_, phase) = watch::channel(Phase::Running);
    let (_, addresses) = watch::channel(Addresses::new());
    let sources = Sources { telemetry: Arc::default(), report: Arc::default(), addresses, phase, log: None };
    let error = start(Ports { metrics, admin: None }, sources).expect_err("taken");
    assert!(matches!(error, StartError::Bind { .. }));
    let message = error.to_string();
    assert!(message.contains(&metrics.to_string()) && message.contains("--metrics"), "{message}");
}

#[test]
fn the_dumps_tell_what_is_served_and_what_is_wrong() {
    let opened = open();
    let backend = Arc::new(Backend::new(key()));
    let endpoint = SocketAddr::from(([127, 0, 0, 1], 9101));
    backend.update(&Endpoints { protocol: AppProtocol::Http, addresses: vec![endpoint], refused: Vec::new() });
    let in_flight = backend.pick(&[]).expect("an endpoint");
    let mut report = served();
    report.backends = Arc::new(BTreeMap::from([(key(), Arc::downgrade(&backend))]));
    report.observed.sockets.insert(SOCKET, failed());
    report.source_problems = Arc::new(vec![problem("HTTPRoute shop/broken", "<missing>")]);
    opened.publish(report);

    let listeners = opened.json("/listeners");
    assert_eq!(listeners[0]["gateway"], "shop/edge");
    assert_eq!(listeners[0]["sockets"][0]["failure"], "0.0.0.0:80: permission denied");
    let routes = opened.json("/routes");
    assert_eq!(routes[0]["route"], "HTTPRoute shop/checkout");
    assert_eq!(routes[0]["host"], "*.test");
    assert_eq!(routes[0]["action"], "forward: 3 × shop/web:8080");
    let endpoints = opened.json("/endpoints");
    assert_eq!(endpoints["shop/web:8080"][0]["address"], "127.0.0.1:9101");
    assert_eq!(endpoints["shop/web:8080"][0]["in_flight"], 1);
    assert_eq!(endpoints["shop/web:8080"][0]["latency_ms"], serde_json::Value::Null);
    let problems = opened.json("/problems");
    assert_eq!(problems["problems"].as_array().map(Vec::len), Some(2));
    assert!(opened.json("/statuses").is_array());
    assert_eq!(opened.json("/log")["filter"], serde_json::Value::Null);
    assert_eq!(ask(opened.servers.admin.expect("open"), "PUT", "/log", "localhost").0, 409);
    drop(in_flight);
}

#[test]
fn the_page_shows_it_all_and_takes_no_text_for_markup() {
    let opened = open();
    let mut report = served();
    report.observed.sockets.insert(SOCKET, Ok(()));
    report.source_problems = Arc::new(vec![problem("", "<script>alert(1)</script>")]);
    opened.publish(report);
    opened.addresses.send_replace(BTreeMap::from([(SOCKET, SocketAddr::from(([0, 0, 0, 0], 18080)))]));
    let (status, page) = opened.admin("/");
    assert_eq!(status, 200);
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    for text in ["shop/edge", "0.0.0.0:18080", "HTTPRoute shop/checkout", "pay&lt;now&gt;", "any path"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert_eq!(opened.admin("/nothing").0, 404);
}

#[test]
fn the_ports_close_when_the_pages_are_dropped() {
    let opened = open();
    let address = opened.servers.metrics;
    drop(opened.servers);
    // The thread ends on its own; the port is free once it has.
    let closed = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        TcpStream::connect(address).is_err()
    });
    assert!(closed);
}
