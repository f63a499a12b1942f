//! HTTP/2: what goes out and what comes back, against the `h2` crate's server.

use ::http::{HeaderMap, Response};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, server};
use tokio::net::TcpStream;

use super::super::{Upstream, UpstreamPool};
use super::scripts::{Scripted, body, fetch, get, head};

type Request = ::http::Request<RecvStream>;

/// Serves each stream of a connection by a task of its own.
pub(super) async fn serve<R>(socket: TcpStream, handle: fn(Request, SendResponse<Bytes>) -> R)
where
    R: Future<Output = ()> + Send + 'static,
{
    let Ok(mut connection) = server::handshake(socket).await else { return };
    while let Some(Ok((request, answer))) = connection.accept().await {
        tokio::spawn(handle(request, answer));
    }
}

/// An HTTP/2 endpoint.
async fn endpoint<R>(handle: fn(Request, SendResponse<Bytes>) -> R) -> Scripted
where
    R: Future<Output = ()> + Send + 'static,
{
    Scripted::new(move |socket, _| serve(socket, handle)).await
}

fn ok() -> Response<()> {
    Response::new(())
}

/// Reads a request's body whole.
async fn read(request: &mut Request) -> Vec<u8> {
    let mut all = Vec::new();
    let body = request.body_mut();
    while let Some(piece) = body.data().await {
        let piece = piece.expect("a piece");
        body.flow_control().release_capacity(piece.len()).expect("released");
        all.extend_from_slice(&piece);
    }
    all
}

#[tokio::test]
async fn host_becomes_authority_and_connection_fields_are_left_out() {
    let server = endpoint(|request, mut answer| async move {
        let uri = request.uri();
        let fields = request.headers();
        assert_eq!(uri.to_string(), "http://shop.test/a?b=c");
        assert_eq!(fields.get("x-kept").map(|v| v.as_bytes()), Some(&b"1"[..]));
        for name in ["host", "connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"] {
            assert!(!fields.contains_key(name), "{name}");
        }
        assert!(request.body().is_end_stream());
        answer.send_response(ok(), true).expect("sent");
    })
    .await;
    let fields = [
        ("Connection", "keep-alive"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "x"),
        ("Proxy-Connection", "y"),
        ("X-Kept", "1"),
    ];
    let pool = UpstreamPool::default();
    let mut upstream = server.http2(&pool).await;
    assert_eq!(fetch(&mut upstream, head("GET", "/a?b=c", &fields)).await.expect("a response").0, 200);
    // From an HTTP/2 client, whose head has no Host.
    let mut from_http2 = head("GET", "/", &[("X-Kept", "1")]);
    from_http2.remove_header("Host");
    from_http2.set_uri("http://shop.test/a?b=c".parse().expect("a URI"));
    assert_eq!(fetch(&mut server.http2(&pool).await, from_http2).await.expect("a response").0, 200);
}

#[tokio::test]
async fn bodies_pass_both_ways_and_trailers_back() {
    let server = endpoint(|mut request, mut answer| async move {
        let body = read(&mut request).await;
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", ::http::HeaderValue::from_static("0"));
        let mut sending = answer.send_response(ok(), false).expect("sent");
        sending.send_data(Bytes::from(body), false).expect("sent");
        sending.send_trailers(trailers).expect("sent");
    })
    .await;
    let mut upstream = server.http2(&UpstreamPool::default()).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    for piece in ["ab", "", "c"] {
        assert!(upstream.ready().await.expect("ready") > 0);
        assert!(upstream.send_body(Bytes::from_static(piece.as_bytes()), false).await.expect("sent"));
    }
    assert!(upstream.send_body(Bytes::new(), true).await.expect("sent"));
    assert_eq!(upstream.head().await.expect("a head").status, 200);
    assert!(!upstream.body_done());
    assert_eq!(body(&mut upstream).await.expect("a body"), b"abc");
    let trailers = upstream.trailers().await.expect("trailers").expect("trailers");
    assert_eq!(trailers.get("grpc-status").map(|v| v.as_bytes()), Some(&b"0"[..]));
    assert!(upstream.body_done());
}

/// trf#4181: a trailers-only answer ends with its head.
#[tokio::test]
async fn a_trailers_only_answer_ends_with_its_head() {
    let server = endpoint(|_, mut answer| async move {
        let only = Response::builder().header("grpc-status", "5").header("grpc-message", "nothing").body(());
        answer.send_response(only.expect("a response"), true).expect("sent");
    })
    .await;
    let mut upstream = server.http2(&UpstreamPool::default()).await;
    upstream.send_head(get(), true).await.expect("sent");
    let head = upstream.head().await.expect("a head");
    assert_eq!(head.headers.get("grpc-status").map(|v| v.as_bytes()), Some(&b"5"[..]));
    assert!(upstream.body_done());
    assert!(upstream.next_body().await.expect("the end").is_none());
    assert!(upstream.trailers().await.expect("none").is_none());
}

#[tokio::test]
async fn an_answer_without_trailers_has_none() {
    let server = endpoint(|_, mut answer| async move {
        let mut sending = answer.send_response(ok(), false).expect("sent");
        sending.send_data(Bytes::from_static(b"abc"), true).expect("sent");
    })
    .await;
    let mut upstream = server.http2(&UpstreamPool::default()).await;
    assert_eq!(fetch(&mut upstream, get()).await.expect("a response"), (200, b"abc".to_vec()));
    assert!(upstream.trailers().await.expect("none").is_none());
}

/// An echo that is larger than every window, by a caller with one loop for both directions.
#[tokio::test]
async fn an_echo_larger_than_every_window_flows() {
    const TOTAL: usize = 16 * 1024 * 1024;
    const PIECE: Bytes = Bytes::from_static(&[b'x'; 32 * 1024]);
    let server = endpoint(|mut request, mut answer| async move {
        let mut sending = answer.send_response(ok(), false).expect("sent");
        let body = request.body_mut();
        while let Some(piece) = body.data().await {
            let mut piece = piece.expect("a piece");
            // It reads on only as it can write.
            while !piece.is_empty() {
                sending.reserve_capacity(piece.len());
                let room = std::future::poll_fn(|cx| sending.poll_capacity(cx)).await.expect("open").expect("open");
                let part = piece.split_to(room.min(piece.len()));
                body.flow_control().release_capacity(part.len()).expect("released");
                sending.send_data(part, false).expect("sent");
            }
        }
        sending.send_data(Bytes::new(), true).expect("sent");
    })
    .await;
    let mut upstream = server.http2(&UpstreamPool::default()).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    assert_eq!(upstream.head().await.expect("an early head").status, 200);
    assert_eq!(echo(&mut upstream, &PIECE, TOTAL).await, TOTAL);
}

/// Sends `total` bytes and reads until the end; answers how many came.
async fn echo(upstream: &mut Upstream, piece: &Bytes, total: usize) -> usize {
    let (mut sent, mut received) = (0, 0);
    loop {
        let room = tokio::select! { biased;
            read = upstream.next_body() => match read.expect("a piece") {
                Some(read) => {
                    received += read.len();
                    continue;
                }
                None => return received,
            },
            () = tokio::task::yield_now(), if sent < total => {
                tokio::select! { biased;
                    room = upstream.ready() => room.expect("ready"),
                    () = tokio::task::yield_now() => continue,
                }
            }
        };
        assert!(room > 0);
        let part = piece.slice(..room.min(piece.len()).min(total - sent));
        sent += part.len();
        assert!(upstream.send_body(part, sent == total).await.expect("send_body"));
    }
}

#[tokio::test]
async fn a_stream_that_waits_for_its_client_takes_no_window_from_others() {
    let server = endpoint(|mut request, mut answer| async move {
        read(&mut request).await;
        answer.send_response(ok(), true).expect("sent");
    })
    .await;
    let pool = UpstreamPool::default();
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut upstream = server.http2(&pool).await;
        upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
        assert!(upstream.ready().await.expect("ready") > 0);
        assert!(upstream.send_body(Bytes::from_static(b"a little"), false).await.expect("sent"));
        waiting.push(upstream);
    }
    let mut upstream = server.http2(&pool).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    assert!(super::scripts::upload(&mut upstream, Bytes::from(vec![b'x'; 1 << 20])).await);
    assert_eq!(upstream.head().await.expect("a head").status, 200);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_head_that_http2_cannot_carry_is_refused_before_anything_is_sent() {
    let server = endpoint(|_, mut answer| async move {
        answer.send_response(ok(), true).expect("sent");
    })
    .await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http2(&pool).await;
    let mut bad = get();
    bad.insert_header("Host", "a b").expect("a field");
    let error = upstream.send_head(bad, true).await.expect_err("no authority");
    assert_eq!(error.processed, super::super::Processed::No);
    upstream.head().await.expect_err("broken for good");
    assert_eq!(fetch(&mut server.http2(&pool).await, get()).await.expect("a response").0, 200);
}
