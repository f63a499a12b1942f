//! gRPC: trailers, streams, cancellation, and our own answers as gRPC has them.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Request, Response};
use tokio::sync::mpsc;

use crate::support::h2_wire::{Came, H2Client, h2_backend, read, send};
use crate::support::{Backend, Edge, Folder, Proxy, TO_A, gateway, service, within};

pub(crate) fn call(path: &str) -> Request<()> {
    let request = Request::post(format!("http://a.test{path}"));
    request.header("content-type", "application/grpc").header("te", "trailers").body(()).unwrap()
}

fn trailers(status: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    trailers
}

fn head() -> Response<()> {
    Response::builder().header("content-type", "application/grpc").body(()).unwrap()
}

/// A service that gives back each message and ends with the client's stream.
pub(crate) async fn echoing() -> Backend {
    h2_backend(65_535, |(request, mut respond)| async move {
        assert_eq!(request.headers()["te"], "trailers");
        let mut up = request.into_body();
        let mut down = respond.send_response(head(), false).unwrap();
        while let Some(Ok(piece)) = up.data().await {
            let _ = up.flow_control().release_capacity(piece.len());
            assert!(send(&mut down, piece, false).await);
        }
        down.send_trailers(trailers("0")).unwrap();
    })
    .await
}

#[tokio::test]
async fn streams_flow_both_ways_and_end_with_their_trailers() {
    let backend = echoing().await;
    for protocol in [None, Some("grpc"), Some("kubernetes.io/h2c"), Some("http")] {
        let edge = Edge::with_rules(&[("a", protocol, &[backend.address])], TO_A).await;
        let mut client = H2Client::connect(edge.address).await;
        let (response, mut up) = client.open(call("/echo.Echo/Stream"), false).await;
        let mut down = within("a head", response).await.unwrap().into_body();
        for i in 0..20 {
            let message = format!("message {i}");
            assert!(send(&mut up, message.clone(), false).await);
            let piece = within("the message", down.data()).await.unwrap().unwrap();
            assert_eq!(piece, message, "{protocol:?}");
        }
        up.send_data(Bytes::new(), true).unwrap();
        assert!(within("the end", down.data()).await.is_none());
        let trailers = within("trailers", down.trailers()).await.unwrap().unwrap();
        assert_eq!(trailers["grpc-status"], "0", "{protocol:?}");
    }
}

#[tokio::test]
async fn a_response_of_trailers_alone_keeps_its_status() {
    let backend = h2_backend(65_535, |(_, mut respond)| async move {
        let mut head = head();
        head.headers_mut().insert("grpc-status", "5".parse().unwrap());
        let _ = respond.send_response(head, true);
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut client = H2Client::connect(edge.address).await;
    let came = read(client.open(call("/s/m"), true).await.0).await.unwrap();
    assert!(came.headers_only);
    assert_eq!(came.last("grpc-status"), Some("5"));
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_at_the_backend() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let backend = h2_backend(65_535, move |(_, mut respond)| {
        let tell = tell.clone();
        async move {
            let mut down = respond.send_response(head(), false).unwrap();
            send(&mut down, "first", false).await;
            let _ = tell.send(std::future::poll_fn(|cx| down.poll_reset(cx)).await.ok());
        }
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut client = H2Client::connect(edge.address).await;
    let (response, mut up) = client.open(call("/s/m"), false).await;
    let _down = within("a head", response).await.unwrap();
    up.send_reset(Reason::CANCEL);
    assert_eq!(within("the cancellation", told.recv()).await, Some(Some(Reason::CANCEL)));
}

async fn answer(address: SocketAddr, path: &str) -> Came {
    let mut client = H2Client::connect(address).await;
    read(client.open(call(path), true).await.0).await.unwrap()
}

fn grpc_route(rules: &str) -> String {
    let rules: String = rules.lines().map(|line| format!("\n    {line}")).collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {{name: g}}\nspec:\n  parentRefs: [{{name: edge}}]\n  rules:{rules}\n"
    )
}

#[tokio::test]
async fn our_own_answers_are_trailers_with_a_status_the_word_and_the_requests_id() {
    let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("services.yaml", [service("empty", None, &[]), service("refusing", None, &[refusing])].join("---\n")),
        (
            "route.yaml",
            grpc_route(
                "- matches: [{method: {service: empty}}]\n  backendRefs: [{name: empty, port: 80}]\n\
                 - matches: [{method: {service: refusing}}]\n  backendRefs: [{name: refusing, port: 80}]\n\
                 - matches: [{method: {service: missing}}]\n  backendRefs: [{name: missing, port: 80}]",
            ),
        ),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    for (path, status, word) in [
        ("/none/m", "12", "no_route"),
        ("/empty/m", "14", "no_endpoint"),
        ("/missing/m", "14", "backend_invalid"),
        ("/refusing/m", "14", "connect_failed"),
    ] {
        let came = answer(address, path).await;
        assert!(came.headers_only && came.head.status() == 200, "{path}: {came:?}");
        assert_eq!(came.last("grpc-status"), Some(status), "{path}");
        let id = came.last("x-request-id").expect("an id").to_owned();
        assert_eq!(came.last("grpc-message"), Some(format!("{word}; request id {id}").as_str()), "{path}");
    }
}

#[tokio::test]
async fn a_limit_of_the_route_is_deadline_exceeded_before_and_after_the_head() {
    let backend = h2_backend(65_535, |(request, mut respond)| async move {
        let answers = request.uri().path() == "/s/begun";
        let mut down = answers.then(|| respond.send_response(head(), false).unwrap());
        if let Some(down) = &mut down {
            send(down, "first", false).await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    for timeouts in ["{request: 300ms}", "{backendRequest: 300ms}"] {
        let rules = format!("{TO_A}\n  timeouts: {timeouts}");
        let edge = Edge::with_rules(&[("a", None, &[backend.address])], &rules).await;
        let came = answer(edge.address, "/s/silent").await;
        assert_eq!((came.last("grpc-status"), came.headers_only), (Some("4"), true), "{timeouts}: {came:?}");
        let came = answer(edge.address, "/s/begun").await;
        assert_eq!((&*came.body, came.last("grpc-status")), (&b"first"[..], Some("4")), "{timeouts}: {came:?}");
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_unavailable() {
    let backend = h2_backend(65_535, |(_, mut respond)| async move {
        let mut down = respond.send_response(head(), false).unwrap();
        send(&mut down, "first", false).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        down.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let came = answer(edge.address, "/s/m").await;
    assert_eq!((&*came.body, came.last("grpc-status")), (&b"first"[..], Some("14")), "{came:?}");
}

#[tokio::test]
async fn trailers_towards_http_1_are_dropped_and_counted() {
    let backend = h2_backend(65_535, |(_, mut respond)| async move {
        let mut down = respond.send_response(Response::new(()), false).unwrap();
        send(&mut down, "body", false).await;
        down.send_trailers(trailers("0")).unwrap();
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("4\r\nbody\r\n0\r\n\r\n").await;
    let dropped = edge.proxy.metric("pingway_trailers_dropped_total{direction=\"response\"}").await;
    assert_eq!(dropped, Some(1.0));
}
