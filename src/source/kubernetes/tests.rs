//! The source against an API server of a few lines: lists, watches, and everything that goes wrong with them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::snapshot::{Change, Namespaces};
use crate::source::{Problem, ProblemKind};

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

/// What the API server answers to one kind's list, by plural: a status code, and the objects.
type Answers = BTreeMap<&'static str, VecDeque<(u16, Vec<Value>)>>;

/// An API server: each list takes the next answer of its kind (the last one stays), each watch stays open until told more.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<Answers>>,
    watches: Arc<Mutex<BTreeMap<String, UnboundedSender<Bytes>>>>,
    lists: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Codes by which watches of a kind are refused, before one is opened.
    refusals: Arc<Mutex<BTreeMap<String, Vec<u16>>>>,
}

impl Server {
    fn answer(&self, plural: &'static str, code: u16, objects: Vec<Value>) -> &Self {
        self.answers.lock().expect("a lock").entry(plural).or_default().push_back((code, objects));
        self
    }

    /// Sends an event on the watch of a kind, once that is open.
    async fn send(&self, plural: &str, kind: &str, object: Value) {
        let line = format!("{}\n", json!({ "type": kind, "object": object }));
        for _ in 0..500 {
            if let Some(watch) = self.watches.lock().expect("a lock").get(plural) {
                watch.send(line.into()).expect("an open watch");
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{plural} are never watched");
    }

    fn client(&self) -> Client {
        let server = self.clone();
        Client::new(
            tower::service_fn(move |request| std::future::ready(Ok::<_, Infallible>(server.serve(&request)))),
            "x",
        )
    }

    fn serve(&self, request: &Request<Body>) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
        let plural = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
            let refused = self.refusals.lock().expect("a lock").get_mut(&plural).and_then(Vec::pop);
            if let Some(code) = refused {
                return status(code);
            }
            let (sender, receiver) = unbounded_channel::<Bytes>();
            self.watches.lock().expect("a lock").insert(plural, sender);
            let frames = tokio_stream(receiver).map(|bytes| Ok::<_, Infallible>(hyper::body::Frame::data(bytes)));
            return Response::new(StreamBody::new(frames).boxed_unsync());
        }
        *self.lists.lock().expect("a lock").entry(plural.clone()).or_default() += 1;
        let mut answers = self.answers.lock().expect("a lock");
        let (code, items) = match answers.get_mut(plural.as_str()) {
            Some(queue) if queue.len() > 1 => queue.pop_front().unwrap_or_default(),
            Some(queue) => queue.front().cloned().unwrap_or((200, Vec::new())),
            None => (200, Vec::new()),
        };
        if code != 200 {
            return status(code);
        }
        let list =
            json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "1" }, "items": items });
        response(code, &list)
    }
}

fn status(code: u16) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    response(
        code,
        &json!({ "kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": "Because" }),
    )
}

fn response(code: u16, body: &Value) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let body = Full::new(Bytes::from(body.to_string())).boxed_unsync();
    Response::builder().status(code).body(body).expect("a response")
}

fn tokio_stream(mut receiver: UnboundedReceiver<Bytes>) -> impl futures_util::Stream<Item = Bytes> {
    futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx))
}

fn route(name: &str, rest: Value) -> Value {
    let metadata = json!({ "namespace": "shop", "name": name, "resourceVersion": "2" });
    json!({ "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata, "spec": rest })
}

/// The source at work.
struct Running {
    events: UnboundedReceiver<SourceEvent>,
    scope: watch::Sender<Scope>,
    _follower: AbortOnDropHandle<()>,
}

impl Running {
    fn start(server: &Server) -> Self {
        Self::start_with(server, Scope::everything())
    }

    fn start_with(server: &Server, scope: Scope) -> Self {
        let (sender, events) = unbounded_channel();
        let (scope, scopes) = watch::channel(scope);
        Self { events, scope, _follower: follow(server.client(), scopes, sender) }
    }

    async fn next(&mut self) -> SourceEvent {
        let event = tokio::time::timeout(Duration::from_secs(30), self.events.recv()).await;
        event.expect("an event in time").expect("a running source")
    }

    /// The next event that has what is looked for.
    async fn until<T>(&mut self, mut look: impl FnMut(&SourceEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = look(&self.next().await) {
                return found;
            }
        }
    }
}

fn named(event: &SourceEvent) -> BTreeSet<String> {
    let words = event.changes.iter().map(|change| match change {
        Change::Put(item) => format!("+{}", item.reference()),
        Change::Remove(object) => format!("-{object}"),
    });
    words.collect()
}

fn of_kind(event: &SourceEvent, kind: ProblemKind) -> Vec<&Problem> {
    event.problems.iter().filter(|problem| problem.kind == kind).collect()
}

#[tokio::test]
async fn the_first_event_has_everything_and_what_comes_later_follows() {
    let server = Server::default();
    server.answer("httproutes", 200, vec![route("a", json!({})), route("b", json!({}))]);
    let mut running = Running::start(&server);
    let first = running.next().await;
    assert_eq!(named(&first), BTreeSet::from(["+HTTPRoute shop/a".to_owned(), "+HTTPRoute shop/b".to_owned()]));
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    server.send("httproutes", "ADDED", route("c", json!({}))).await;
    assert_eq!(named(&running.next().await), BTreeSet::from(["+HTTPRoute shop/c".to_owned()]));
    server.send("httproutes", "DELETED", route("a", json!({}))).await;
    assert_eq!(named(&running.next().await), BTreeSet::from(["-HTTPRoute shop/a".to_owned()]));
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_costs_only_itself() {
    let server = Server::default();
    server.answer("httproutes", 200, vec![route("bad", json!({ "rules": "none" })), route("good", json!({}))]);
    let mut running = Running::start(&server);
    let first = running.next().await;
    assert_eq!(named(&first), BTreeSet::from(["+HTTPRoute shop/good".to_owned()]));
    assert_eq!(first.problems.len(), 1);
    assert_eq!(
        (first.problems[0].object.as_str(), first.problems[0].field.as_str()),
        ("HTTPRoute shop/bad", "spec.rules")
    );
    server.send("httproutes", "MODIFIED", route("bad", json!({}))).await;
    let mended = running.next().await;
    assert!(mended.problems.is_empty());
    assert_eq!(named(&mended), BTreeSet::from(["+HTTPRoute shop/bad".to_owned()]));
}

#[tokio::test]
async fn a_watch_that_expired_lists_anew_and_tells_only_what_differs() {
    let server = Server::default();
    server.answer("httproutes", 200, vec![route("a", json!({})), route("b", json!({}))]);
    server.answer("httproutes", 200, vec![route("b", json!({})), route("c", json!({}))]);
    let mut running = Running::start(&server);
    running.next().await;
    // As API servers say it: in the body of a watch that is open.
    server
        .send("httproutes", "ERROR", json!({ "kind": "Status", "code": 410, "reason": "Expired", "message": "old" }))
        .await;
    let gone = ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("shop", "a") };
    let mut seen = BTreeSet::new();
    running
        .until(|event| {
            seen.append(&mut named(event));
            event.changes.contains(&Change::Remove(gone.clone())).then_some(())
        })
        .await;
    assert!(seen.contains("+HTTPRoute shop/c") && !seen.contains("-HTTPRoute shop/b"), "{seen:?}");
    assert_eq!(server.lists.lock().expect("a lock")["httproutes"], 2, "listed anew once");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_installed_is_told_and_served_once_it_is() {
    let server = Server::default();
    server.answer("grpcroutes", 404, Vec::new()).answer("grpcroutes", 200, Vec::new());
    server.answer("httproutes", 200, vec![route("a", json!({}))]);
    let mut running = Running::start(&server);
    let first = running.next().await;
    assert_eq!(named(&first), BTreeSet::from(["+HTTPRoute shop/a".to_owned()]));
    assert_eq!(of_kind(&first, ProblemKind::NotInstalled)[0].object, "GRPCRoute");
    running.until(|event| event.problems.is_empty().then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn reference_grants_come_in_the_version_that_is_served() {
    let server = Server::default();
    server.answer("referencegrants", 404, Vec::new()).answer("referencegrants", 200, Vec::new());
    let mut running = Running::start(&server);
    assert!(running.next().await.problems.is_empty());
    assert_eq!(server.lists.lock().expect("a lock")["referencegrants"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_kind_whose_version_goes_is_asked_for_in_the_others_at_once_and_its_objects_stay() {
    let tcp_route = |version: &str, name: &str| {
        let spec = json!({ "rules": [{ "backendRefs": [{ "name": "s", "port": 80 }] }] });
        let metadata = json!({ "namespace": "shop", "name": name, "resourceVersion": "2" });
        let api_version = format!("gateway.networking.k8s.io/{version}");
        json!({ "apiVersion": api_version, "kind": "TCPRoute", "metadata": metadata, "spec": spec })
    };
    let server = Server::default();
    server.answer("tcproutes", 404, Vec::new()).answer("tcproutes", 200, vec![tcp_route("v1alpha2", "a")]);
    server.answer("tcproutes", 404, Vec::new());
    server.answer("tcproutes", 200, vec![tcp_route("v1", "a"), tcp_route("v1", "b")]);
    let mut running = Running::start(&server);
    assert_eq!(named(&running.next().await), BTreeSet::from(["+TCPRoute shop/a".to_owned()]));
    let since = tokio::time::Instant::now();
    let expired = json!({ "kind": "Status", "code": 410, "reason": "Expired", "message": "old" });
    server.send("tcproutes", "ERROR", expired).await;
    let mut seen = BTreeSet::new();
    running
        .until(|event| {
            seen.append(&mut named(event));
            seen.contains("+TCPRoute shop/b").then_some(())
        })
        .await;
    assert!(!seen.contains("-TCPRoute shop/a"), "{seen:?}");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_a_problem_that_names_it_and_nothing_else_waits() {
    let server = Server::default();
    server.answer("secrets", 403, Vec::new()).answer("secrets", 200, Vec::new());
    let mut running = Running::start(&server);
    let first = running.next().await;
    let forbidden = of_kind(&first, ProblemKind::Forbidden);
    assert_eq!(forbidden[0].object, "Secret");
    assert!(forbidden[0].message.contains("docs/scope.md"), "{}", forbidden[0].message);
    running.until(|event| event.problems.is_empty().then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_before_an_api_server_that_is_away_has_answered() {
    let server = Server::default();
    server.answer("services", 503, Vec::new()).answer("services", 503, Vec::new()).answer("services", 200, Vec::new());
    server.answer("httproutes", 200, vec![route("a", json!({}))]);
    let mut running = Running::start(&server);
    let first = running.next().await;
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    assert_eq!(named(&first), BTreeSet::from(["+HTTPRoute shop/a".to_owned()]));
    assert_eq!(server.lists.lock().expect("a lock")["services"], 3);
}

#[tokio::test]
async fn what_leaves_the_scope_is_gone() {
    let server = Server::default();
    server.answer("httproutes", 200, vec![route("a", json!({}))]);
    let mut running = Running::start(&server);
    running.next().await;
    running.scope.send_modify(|scope| scope.routes = Namespaces::Named(BTreeSet::new()));
    assert_eq!(named(&running.next().await), BTreeSet::from(["-HTTPRoute shop/a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_for_a_while_is_told_until_it_goes_on() {
    let server = Server::default();
    server.refusals.lock().expect("a lock").insert("httproutes".into(), vec![503, 503]);
    server.answer("httproutes", 200, vec![route("a", json!({}))]);
    let mut running = Running::start(&server);
    running.until(|event| (!of_kind(event, ProblemKind::Away).is_empty()).then_some(())).await;
    let mut gone = false;
    running
        .until(|event| {
            gone |= event.changes.iter().any(|change| matches!(change, Change::Remove(_)));
            event.problems.is_empty().then_some(())
        })
        .await;
    assert!(!gone, "what was there stays");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_again_and_again_is_asked_for_ever_less_often() {
    let server = Server::default();
    let refusals = 20;
    server.refusals.lock().expect("a lock").insert("httproutes".into(), vec![403; refusals]);
    let begun = tokio::time::Instant::now();
    let mut running = Running::start(&server);
    running.until(|event| (!event.problems.is_empty()).then_some(())).await;
    loop {
        let event = tokio::time::timeout(Duration::from_secs(30), running.events.recv()).await;
        if server.refusals.lock().expect("a lock")["httproutes"].is_empty() && event.is_err() {
            break;
        }
    }
    // Each refused watch had a list that was answered; the waits grow to 10 s all the same.
    assert_eq!(server.lists.lock().expect("a lock")["httproutes"], refusals + 1);
    assert!(begun.elapsed() > Duration::from_secs(90), "{:?}", begun.elapsed());
}

fn of_class(kind: &str, namespace: Option<&str>, name: &str, spec: Value) -> Value {
    let metadata = json!({ "namespace": namespace, "name": name, "resourceVersion": "2" });
    json!({ "apiVersion": GATEWAY_API, "kind": kind, "metadata": metadata, "spec": spec })
}

fn class(name: &str) -> Value {
    of_class("GatewayClass", None, name, json!({ "controllerName": "pingway.dev/gateway-controller" }))
}

fn classy_gateway() -> Value {
    let listener = json!({ "name": "http", "port": 80, "protocol": "HTTP" });
    of_class("Gateway", Some("shop"), "w", json!({ "gatewayClassName": "pingway", "listeners": [listener] }))
}

#[tokio::test]
async fn a_waypoint_keeps_its_class_as_it_was_and_tells_that_it_is_gone() {
    let server = Server::default();
    server.answer("gateways", 200, vec![classy_gateway()]);
    server.answer("gatewayclasses", 200, vec![class("pingway"), class("other")]);
    let mut running = Running::start_with(&server, Scope::of_gateway(ObjectName::new("shop", "w")));
    assert!(running.next().await.problems.is_empty());
    server.send("gatewayclasses", "DELETED", class("other")).await;
    server.send("gatewayclasses", "DELETED", class("pingway")).await;
    let told = |event: &SourceEvent| {
        assert!(!named(event).iter().any(|change| change.starts_with('-')), "{:?}", named(event));
        of_kind(event, ProblemKind::NoClass).first().map(|problem| problem.object.clone())
    };
    assert_eq!(running.until(told).await, "GatewayClass pingway");
    server.send("gatewayclasses", "ADDED", class("pingway")).await;
    let back = running.next().await;
    assert_eq!((named(&back), back.problems.len()), (BTreeSet::from(["+GatewayClass pingway".to_owned()]), 0));
}

#[tokio::test]
async fn a_waypoint_without_a_class_says_which_is_missing_and_the_controller_sees_it_go() {
    let server = Server::default();
    server.answer("gateways", 200, vec![classy_gateway()]);
    let mut running = Running::start_with(&server, Scope::of_gateway(ObjectName::new("shop", "w")));
    let first = running.next().await;
    let missing = of_kind(&first, ProblemKind::NoClass);
    assert_eq!(missing.first().map(|problem| &*problem.object), Some("GatewayClass pingway"));
    let server = Server::default();
    server.answer("gateways", 200, vec![classy_gateway()]);
    server.answer("gatewayclasses", 200, vec![class("pingway")]);
    let mut running = Running::start(&server);
    running.next().await;
    server.send("gatewayclasses", "DELETED", class("pingway")).await;
    let gone = running.next().await;
    assert_eq!((named(&gone), gone.problems.len()), (BTreeSet::from(["-GatewayClass pingway".to_owned()]), 0));
}
