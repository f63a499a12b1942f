//! HTTP/2 clients, and HTTP/2 endpoints.

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use http::{Request, Response};
use tokio::sync::mpsc;

use crate::support::h2_wire::{H2Client, h2_backend, read, send};
use crate::support::{Backend, Edge, PATIENCE, TO_A, field, read_head, read_to_end, text, until, within, write};

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://a.test:8080{path}")).body(()).unwrap()
}

fn post() -> Request<()> {
    Request::post("http://a.test/").body(()).unwrap()
}

#[tokio::test]
async fn authority_becomes_host_and_cookies_are_joined_towards_http_1() {
    let backend = Backend::named("a").await;
    let edge = Edge::to(backend.address).await;
    let mut client = H2Client::connect(edge.address).await;
    let mut request = get("/x?q=1");
    for cookie in ["a=1", "b=2"] {
        request.headers_mut().append("cookie", cookie.parse().unwrap());
    }
    let came = read(client.open(request, true).await.0).await.unwrap();
    assert_eq!((came.head.status().as_u16(), &*came.body), (200, &b"a"[..]));
    let seen = backend.take_seen().pop().unwrap().head;
    assert_eq!((seen.version, seen.uri.to_string()), (http::Version::HTTP_11, "/x?q=1".to_owned()));
    assert_eq!(
        (&seen.headers["host"], &seen.headers["cookie"]),
        (&"a.test:8080".parse().unwrap(), &"a=1; b=2".parse().unwrap())
    );
    assert_eq!(seen.headers.get_all("cookie").iter().count(), 1);
    assert!(!seen.headers.contains_key("transfer-encoding"));
}

#[tokio::test]
async fn host_becomes_authority_towards_http_2() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let backend = h2_backend(65_535, move |(request, mut respond)| {
        let _ = tell.send(request.into_parts().0);
        async move {
            let _ = respond.send_response(Response::new(()), true);
        }
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let mut raw = edge.connect().await;
    raw.send("GET /x?q HTTP/1.1\r\nHost: a.test:81\r\nConnection: keep-alive\r\n\r\n").await;
    let head = raw.read_until("\r\n\r\n").await;
    assert_eq!(field(&head, "content-length"), Some("0"), "{head}");
    let seen = within("the request", told.recv()).await.unwrap();
    assert_eq!(seen.uri.to_string(), "http://a.test:81/x?q");
    assert!(!seen.headers.contains_key("host") && !seen.headers.contains_key("connection"));
}

#[tokio::test]
async fn a_body_without_length_is_chunked_and_its_connection_serves_many_more() {
    let (tell, mut connections) = mpsc::unbounded_channel();
    let backend = Backend::raw(move |stream| {
        let _ = tell.send(());
        async move {
            let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                use http_body_util::BodyExt;
                let chunked = request.headers().get("transfer-encoding").is_some_and(|value| value == "chunked");
                let body = request.into_body().collect().await?.to_bytes();
                Ok::<_, hyper::Error>(text(if chunked { 200 } else { 400 }, body))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        }
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut client = H2Client::connect(edge.address).await;
    for i in 0..1000 {
        let (response, mut body) = client.open(post(), false).await;
        let piece = format!("piece {i}");
        assert!(send(&mut body, piece.clone(), false).await);
        body.send_data(Bytes::new(), true).unwrap();
        let came = read(response).await.unwrap();
        assert_eq!((came.head.status().as_u16(), &*came.body), (200, piece.as_bytes()));
    }
    let mut count = 0;
    while connections.try_recv().is_ok() {
        count += 1;
    }
    assert_eq!(count, 1, "one connection served all");
}

#[tokio::test]
async fn our_own_answers_end_the_stream_only() {
    let backend = Backend::named("a").await;
    let rules = "- matches: [{path: {value: /a}}]\n  backendRefs: [{name: a, port: 80}]";
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], rules).await;
    let mut client = H2Client::connect(edge.address).await;
    let came = read(client.open(get("/none"), true).await.0).await.unwrap();
    assert_eq!((came.head.status().as_u16(), &*came.body, came.reset), (404, &b"no_route"[..], None));
    assert!(came.head.headers().contains_key("x-request-id"));
    let came = read(client.open(get("/pub%2F..%2Fa"), true).await.0).await.unwrap();
    assert_eq!(came.head.status(), 400);
    assert_eq!(read(client.open(get("/a"), true).await.0).await.unwrap().head.status(), 200);
}

#[tokio::test]
async fn heads_alone_end_the_stream() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let backend = Backend::remembering(move |_| {
            let mut response = text(status, "");
            response.headers_mut().insert("content-length", "5".parse().unwrap());
            if method != "HEAD" {
                response.headers_mut().remove("content-length");
            }
            response
        })
        .await;
        let edge = Edge::to(backend.address).await;
        let mut client = H2Client::connect(edge.address).await;
        let request = Request::builder().method(method).uri("http://a/").body(()).unwrap();
        let came = read(client.open(request, true).await.0).await.unwrap();
        assert!(came.headers_only && came.reset.is_none(), "{method} {status}: {came:?}");
        assert_eq!(came.head.status(), status);
    }
}

#[tokio::test]
async fn a_truncated_body_is_a_reset() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let backend = Backend::raw(move |mut stream| async move {
            read_head(&mut stream).await;
            write(&mut stream, answer).await;
        })
        .await;
        let edge = Edge::to(backend.address).await;
        let mut client = H2Client::connect(edge.address).await;
        let came = read(client.open(get("/"), true).await.0).await.unwrap();
        assert_eq!((came.head.status().as_u16(), &*came.body, came.reset), (200, &b"hello"[..], Some(Reason::CANCEL)));
        // The connection and its other streams live on.
        assert!(read(client.open(get("/"), true).await.0).await.is_ok());
    }
}

#[tokio::test]
async fn a_truncated_body_of_http_2_breaks_http_1_off() {
    let backend = h2_backend(65_535, |(_, mut respond)| async move {
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        send(&mut body, "hello", false).await;
        // Let the piece go out before the reset overtakes it.
        tokio::time::sleep(Duration::from_millis(100)).await;
        body.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let got = edge.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(got.is_none_or(|got| !got.ends_with("0\r\n\r\n")));
    edge.ended_with("upstream_truncated", 1).await;
}

#[tokio::test]
async fn a_client_that_resets_ends_the_exchange_in_every_phase() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let backend = Backend::raw(move |mut stream| {
        let tell = tell.clone();
        async move {
            let (head, _) = read_head(&mut stream).await;
            if head.starts_with("GET /half ") {
                write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
            }
            let _ = tell.send("asked");
            read_to_end(&mut stream).await;
            let _ = tell.send("ended");
        }
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut client = H2Client::connect(edge.address).await;
    let word = async |told: &mut mpsc::UnboundedReceiver<&'static str>| within("word", told.recv()).await.unwrap();
    for (request, end) in [(get("/"), true), (post(), false), (get("/half"), true)] {
        let half = request.uri().path() == "/half";
        let (response, mut body) = client.open(request, end).await;
        assert_eq!(word(&mut told).await, "asked");
        let response = if half { Some(within("a head", response).await.unwrap()) } else { None };
        body.send_reset(Reason::CANCEL);
        assert_eq!(word(&mut told).await, "ended");
        drop(response);
    }
    edge.ended_with("client_aborted", 3).await;
}

#[tokio::test]
async fn a_reset_reaches_the_backend_while_its_window_is_shut() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let backend = h2_backend(1, move |(request, mut respond)| {
        let tell = tell.clone();
        async move {
            let _ = tell.send(None);
            // Reads nothing: its window stays shut.
            let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            let _ = tell.send(reset.ok());
            drop(request);
        }
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let mut client = H2Client::connect(edge.address).await;
    let (_response, mut body) = client.open(post(), false).await;
    assert!(send(&mut body, vec![b'x'; 30_000], false).await);
    assert_eq!(within("the request", told.recv()).await, Some(None));
    let start = Instant::now();
    body.send_reset(Reason::CANCEL);
    assert_eq!(within("the reset", told.recv()).await, Some(Some(Reason::CANCEL)));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_client_whose_window_is_shut_stops_the_backend_and_its_upload_goes_on() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let backend = h2_backend(65_535, move |(request, mut respond)| {
        let tell = tell.clone();
        async move {
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            let mut upload = request.into_body();
            let down = async {
                let mut sent = 0;
                while tokio::time::timeout(Duration::from_secs(1), send(&mut body, vec![b'x'; 65_536], false))
                    .await
                    .unwrap_or(false)
                {
                    sent += 65_536;
                    assert!(sent < 200_000_000, "nothing holds it back");
                }
            };
            let up = async {
                let mut all = 0;
                while let Some(Ok(piece)) = upload.data().await {
                    let _ = upload.flow_control().release_capacity(piece.len());
                    all += piece.len();
                }
                let _ = tell.send(all);
            };
            tokio::join!(down, up);
        }
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let mut client = H2Client::connect(edge.address).await;
    let (response, mut body) = client.open(post(), false).await;
    // Takes the head, and none of the body: its window of 64 KiB fills up.
    let _response = within("a head", response).await.unwrap();
    for _ in 0..50 {
        assert!(send(&mut body, vec![b'y'; 100_000], false).await);
    }
    body.send_data(Bytes::new(), true).unwrap();
    assert_eq!(within("the whole upload", told.recv()).await, Some(5_000_000));
}

#[tokio::test]
async fn interim_responses_and_request_trailers_do_not_pass_http_2() {
    // Pingora's HTTP/2 server session can send no 1xx and hands out no request trailers: both are dropped, the rest arrives.
    let backend = Backend::raw(|mut stream| async move {
        let (_, mut body) = read_head(&mut stream).await;
        while !body.ends_with(b"0\r\n\r\n") {
            use tokio::io::AsyncReadExt;
            assert!(stream.read_buf(&mut body).await.unwrap() > 0);
        }
        assert_eq!(String::from_utf8_lossy(&body), "3\r\nabc\r\n0\r\n\r\n");
        write(
            &mut stream,
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        )
        .await;
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut client = H2Client::connect(edge.address).await;
    let (response, mut body) = client.open(post(), false).await;
    assert!(send(&mut body, "abc", false).await);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    body.send_trailers(trailers).unwrap();
    let came = read(response).await.unwrap();
    assert_eq!((came.head.status().as_u16(), &*came.body), (200, &b"ok"[..]));
    assert!(!came.head.headers().contains_key("link"));
}

#[tokio::test]
async fn an_upload_with_expect_gets_its_continue_from_us_where_the_endpoint_speaks_http_2() {
    let backend = h2_backend(65_535, |(request, mut respond)| async move {
        assert!(!request.headers().contains_key("expect"));
        let mut upload = request.into_body();
        let piece = upload.data().await.unwrap().unwrap();
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        send(&mut body, piece, true).await;
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let mut raw = edge.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(raw.read_until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("body").await;
    assert!(raw.read_until("4\r\nbody\r\n0\r\n\r\n").await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn five_hundred_requests_at_once_all_succeed() {
    let backend = h2_backend(65_535, |(_, mut respond)| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        send(&mut body, "ok", true).await;
    })
    .await;
    let edge = Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await;
    let mut client = H2Client::connect(edge.address).await;
    let mut all = Vec::new();
    for _ in 0..500 {
        let (response, _) = client.open(get("/"), true).await;
        all.push(tokio::spawn(read(response)));
    }
    for one in all {
        let came = one.await.unwrap().unwrap();
        assert_eq!((came.head.status().as_u16(), &*came.body), (200, &b"ok"[..]));
    }
}

#[tokio::test]
async fn draining_lets_streams_finish() {
    let backend = Backend::with(|_| async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        text(200, "late")
    })
    .await;
    let services = [("a", None, &[backend.address][..])];
    let edge = Edge::with_arguments(&services, TO_A, &["--drain-delay", "0s", "--drain-deadline", "20s"]).await;
    let mut client = H2Client::connect(edge.address).await;
    let (response, _) = client.open(get("/"), true).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("both in flight", async || (edge.proxy.metric("pingway_requests_in_flight").await? >= 2.0).then_some(()))
        .await;
    edge.proxy.terminate();
    assert_eq!(read(response).await.unwrap().body, b"late");
    let answer = tokio::time::timeout(PATIENCE, raw.read_to_close()).await.unwrap().expect("no reset");
    assert!(answer.ends_with("late") && field(&answer, "connection") == Some("close"), "{answer}");
}
