//! HTTP/1 both sides: heads, framing, keep-alive, interim responses.

use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::client::Raw;
use crate::support::{Backend, Edge, TO_A, field, read_head, text, until, within, write};

/// A backend that gives each connection's first request head out, and answers with these bytes, as often as it is asked.
async fn answering(answer: &'static str) -> (Backend, mpsc::UnboundedReceiver<String>) {
    let (heads, seen) = mpsc::unbounded_channel();
    let backend = Backend::raw(move |mut stream| {
        let heads = heads.clone();
        async move {
            loop {
                let (head, _) = read_head(&mut stream).await;
                if head.is_empty() || heads.send(head).is_err() {
                    return;
                }
                write(&mut stream, answer).await;
            }
        }
    })
    .await;
    (backend, seen)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn fields_of_the_connection_stay_on_it_and_host_goes_on_unchanged() {
    let (backend, mut seen) = answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Theirs\r\nX-Theirs: 1\r\nKeep-Alive: timeout=9\r\nX-Kept: 1\r\n\r\nok",
    )
    .await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send(
        "GET /x HTTP/1.1\r\nHost: H.test:8082\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n\
         TE: trailers\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Forwarded-For: 1.1.1.1\r\ntraceparent: 00-a-b-01\r\n\r\n",
    )
    .await;
    let answer = raw.read_until("ok").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(
        (field(&answer, "x-theirs"), field(&answer, "keep-alive"), field(&answer, "x-kept")),
        (None, None, Some("1"))
    );
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with("GET /x HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "host"), Some("H.test:8082"));
    for name in ["x-mine", "keep-alive", "te", "proxy-connection", "upgrade", "connection", "transfer-encoding"] {
        assert_eq!(field(&head, name), None, "{name} in {head}");
    }
    assert_eq!(field(&head, "x-forwarded-for"), Some("1.1.1.1,127.0.0.1"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("http"));
    assert_eq!(field(&head, "x-request-id").map(str::len), Some(32));
    assert_eq!(field(&head, "traceparent"), Some("00-a-b-01"));
}

#[tokio::test]
async fn backend_sees_the_path_that_was_matched_and_the_query_as_it_came() {
    let (backend, mut seen) = answering(OK).await;
    let rules = "- matches: [{path: {type: PathPrefix, value: /adm}}]\n  backendRefs: [{name: a, port: 80}]";
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], rules).await;
    let mut raw = edge.connect().await;
    raw.send("GET /pub/%2e%2e/adm/%7Eme?q=a%20b&q=/../c HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("ok").await;
    assert!(seen.recv().await.unwrap().starts_with("GET /adm/~me?q=a%20b&q=/../c HTTP/1.1\r\n"));
}

#[tokio::test]
async fn asterisk_and_absolute_targets_go_on_in_the_form_for_servers() {
    let (backend, mut seen) = answering(OK).await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("ok").await;
    assert!(seen.recv().await.unwrap().starts_with("OPTIONS * HTTP/1.1\r\n"));
    raw.send("GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("ok").await;
    assert!(seen.recv().await.unwrap().starts_with("GET /x?y HTTP/1.1\r\n"));
}

#[tokio::test]
async fn connection_stays_open_after_our_own_answers() {
    let (backend, _seen) = answering(OK).await;
    let rules = "- matches: [{path: {type: Exact, value: /a}}]\n  backendRefs: [{name: a, port: 80}]";
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], rules).await;
    let mut raw = edge.connect().await;
    for _ in 0..3 {
        raw.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(raw.read_until("no_route").await.starts_with("HTTP/1.1 404 "));
        raw.send("HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(raw.read_until("\r\n\r\n").await.starts_with("HTTP/1.1 404 "));
        raw.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(raw.read_until("ok").await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::remembering(|seen| text(200, format!("<{}>", seen.head.uri))).await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let all = raw.read_until("</3>").await;
    let order: Vec<_> = ["</1>", "</2>", "</3>"].iter().map(|mark| all.find(mark)).collect();
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{all}");
}

#[tokio::test]
async fn responses_without_a_body_leave_the_connection_in_step() {
    for (method, answer) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\nstray"),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nstray"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
    ] {
        let backend = Backend::raw(move |mut stream| async move {
            loop {
                let (head, _) = read_head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                write(&mut stream, if head.contains(" /bare ") { answer } else { OK }).await;
            }
        })
        .await;
        let edge = Edge::to(backend.address).await;
        let mut raw = edge.connect().await;
        for _ in 0..3 {
            raw.send(format!("{method} /bare HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let head = raw.read_until("\r\n\r\n").await;
            let line = answer.lines().next().unwrap();
            assert!(head.starts_with(line), "{method} {answer:?}: {head:?}");
            assert_eq!(field(&head, "transfer-encoding"), None, "{method} {answer:?}");
            raw.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let next = raw.read_until("ok").await;
            assert!(next.starts_with("HTTP/1.1 200 OK\r\n"), "{method} {answer:?}: {next:?}");
        }
    }
}

#[tokio::test]
async fn a_body_without_length_is_chunked_for_http_1_1_and_ends_with_the_connection_for_http_1_0() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let backend = Backend::raw(move |mut stream| async move {
            read_head(&mut stream).await;
            write(&mut stream, answer).await;
        })
        .await;
        let edge = Edge::to(backend.address).await;
        let mut raw = edge.connect().await;
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let whole = raw.read_until("5\r\nhello\r\n0\r\n\r\n").await;
        assert_eq!((field(&whole, "transfer-encoding"), field(&whole, "content-length")), (Some("chunked"), None));
        let whole =
            edge.exchange("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").await.expect("no reset");
        assert!(whole.ends_with("\r\n\r\nhello"), "{whole:?}");
        assert_eq!(
            (field(&whole, "transfer-encoding"), field(&whole, "connection")),
            (None, Some("close")),
            "{whole:?}"
        );
    }
}

#[tokio::test]
async fn http_1_0_is_kept_open_where_it_asks_and_the_length_is_known() {
    let (backend, mut seen) = answering(OK).await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    for _ in 0..2 {
        raw.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!(field(&raw.read_until("ok").await, "connection"), Some("keep-alive"));
        assert!(seen.recv().await.unwrap().starts_with("GET / HTTP/1.1\r\n"));
    }
    let answer = edge.exchange("GET / HTTP/1.0\r\n\r\n").await.expect("no reset");
    assert!(answer.ends_with("ok"), "{answer:?}");
    assert_eq!(field(&seen.recv().await.unwrap(), "host"), Some(edge.address.to_string().as_str()));
}

#[tokio::test]
async fn a_truncated_body_never_looks_complete() {
    for (answer, http_1_0) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", false),
    ] {
        let backend = Backend::raw(move |mut stream| async move {
            read_head(&mut stream).await;
            write(&mut stream, answer).await;
        })
        .await;
        let edge = Edge::to(backend.address).await;
        let version = if http_1_0 { "1.0" } else { "1.1" };
        let got = edge.exchange(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).await;
        if let Some(got) = got {
            assert!(!got.contains("0\r\n\r\n"), "{answer:?}: {got:?}");
            let framed = field(&got, "content-length") == Some("10") || field(&got, "transfer-encoding").is_some();
            assert!(framed, "would look complete: {answer:?}: {got:?}");
        }
        edge.ended_with("upstream_truncated", 1).await;
    }
}

#[tokio::test]
async fn an_answer_in_the_middle_of_an_upload_reaches_the_client() {
    let backend = Backend::raw(|mut stream| async move {
        read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge").await;
        // Reads nothing more, and stays.
        std::future::pending::<()>().await;
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let stream = TcpStream::connect(edge.address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let upload = tokio::spawn(async move {
        let _ = write.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n").await;
        let piece = vec![b'x'; 64 * 1024];
        while write.write_all(&piece).await.is_ok() {}
    });
    let mut got = Vec::new();
    within("the answer", async {
        while !got.ends_with(b"large") {
            assert!(read.read_buf(&mut got).await.expect("no reset before the answer") > 0);
        }
    })
    .await;
    assert!(got.starts_with(b"HTTP/1.1 413 "));
    upload.abort();
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    let backend = Backend::raw(|mut stream| async move {
        let (_, mut piece) = read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let mut space = [0; 1024];
        loop {
            if piece.ends_with(b"0\r\n\r\n") {
                return write(&mut stream, &piece).await;
            }
            // The chunks come back as they are.
            write(&mut stream, &piece).await;
            let count = stream.read(&mut space).await.unwrap_or(0);
            piece = space[..count].to_vec();
        }
    })
    .await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    raw.read_until("\r\n\r\n").await;
    for i in 0..20 {
        raw.send(format!("4\r\nn{i:03}\r\n")).await;
        raw.read_until(&format!("n{i:03}\r\n")).await;
    }
    raw.send("0\r\n\r\n").await;
    raw.read_until("0\r\n\r\n").await;
}

#[tokio::test]
async fn ten_megabytes_go_through_in_both_directions_at_once() {
    const SIZE: usize = 10_000_000;
    let backend = Backend::with(|request| async move { http::Response::new(boxed(request.into_body())) }).await;
    let edge = Edge::to(backend.address).await;
    let body = bytes::Bytes::from((0..SIZE).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let request = Request::post("/").header("host", "a").body(body.clone()).unwrap();
    let answer = crate::support::client::send(edge.address, request).await.expect("a whole answer");
    assert!(answer.body == body);
}

fn boxed(
    body: hyper::body::Incoming,
) -> http_body_util::combinators::BoxBody<bytes::Bytes, Box<dyn std::error::Error + Send + Sync>> {
    use http_body_util::BodyExt;
    body.map_err(Into::into).boxed()
}

#[tokio::test]
async fn interim_responses_go_on_to_http_1_1_only() {
    let (backend, _seen) = answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let all = raw.read_until("ok").await;
    let heads: Vec<_> = all.split("\r\n\r\n").map(|head| head.lines().next().unwrap_or_default()).collect();
    assert_eq!(heads, ["HTTP/1.1 103 Early Hints", "HTTP/1.1 102 Processing", "HTTP/1.1 200 OK", "ok"]);
    assert_eq!(field(&all, "link"), Some("</a>"));
    let all = edge.exchange("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await.expect("no reset");
    assert!(all.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
}

async fn expecting(edge: &Edge) -> Raw {
    let mut raw = edge.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").await;
    raw
}

#[tokio::test]
async fn continue_comes_from_the_backend_or_in_bounded_time_from_us() {
    for sends_it in [true, false] {
        let backend = Backend::raw(move |mut stream| async move {
            let (head, _) = read_head(&mut stream).await;
            assert_eq!(field(&head, "expect"), Some("100-continue"));
            if sends_it {
                write(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
            }
            let mut body = [0; 4];
            stream.read_exact(&mut body).await.unwrap();
            write(&mut stream, OK).await;
        })
        .await;
        let edge = Edge::to(backend.address).await;
        let mut raw = expecting(&edge).await;
        assert_eq!(raw.read_until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n", "{sends_it}");
        raw.send("body").await;
        assert!(raw.read_until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn a_refused_expectation_ends_the_request_without_its_body() {
    let (backend, _seen) = answering("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
    let edge = Edge::to(backend.address).await;
    let answer = expecting(&edge).await.read_to_close().await.expect("no reset");
    assert!(answer.starts_with("HTTP/1.1 417 ") && field(&answer, "connection") == Some("close"), "{answer}");
}

#[tokio::test]
async fn requests_without_a_body_are_not_framed_as_if_they_had_one() {
    let (backend, mut seen) = answering(OK).await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    for (request, length) in
        [("GET / HTTP/1.1\r\nHost: a\r\n\r\n", None), ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Some("0"))]
    {
        raw.send(request).await;
        raw.read_until("ok").await;
        let head = seen.recv().await.unwrap();
        assert_eq!((field(&head, "transfer-encoding"), field(&head, "content-length")), (None, length), "{request:?}");
    }
}

#[tokio::test]
async fn a_broken_chunk_is_the_clients_fault() {
    let backend = Backend::named("a").await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n").await;
    let answer = raw.read_to_close().await.expect("no reset");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    assert!(backend.take_seen().is_empty());
}

#[tokio::test]
async fn request_trailers_of_http_1_are_dropped_and_the_body_arrives() {
    let backend = Backend::named("a").await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n").await;
    raw.read_until("\r\n\r\na").await;
    let seen = backend.take_seen();
    let headers = &seen[0].head.headers;
    assert_eq!((&*seen[0].body, headers.get("x-sum"), headers.get("trailer")), (&b"abc"[..], None, None));
    let dropped = edge.proxy.metric("pingway_trailers_dropped_total{direction=\"request\"}").await;
    assert_eq!(dropped, Some(1.0));
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_answered() {
    let backend = Backend::named("a").await;
    let edge =
        Edge::with_arguments(&[("a", None, &[backend.address])], TO_A, &["--client-head-timeout", "200ms"]).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
    let answer = raw.read_to_close().await.expect("no reset");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("client_timeout"), "{answer:?}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered() {
    let backend = Backend::named("a").await;
    let edge = Edge::to(backend.address).await;
    let fields: String = (0..300).map(|i| format!("x-{i}: 1\r\n")).collect();
    let answer = edge.exchange(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).await.expect("no reset");
    assert!(answer.starts_with("HTTP/1.1 431 ") && answer.ends_with("headers_too_large"), "{answer:?}");
}

#[tokio::test]
async fn what_happened_is_in_the_access_log() {
    let backend = Backend::named("body").await;
    let services = [("a", None, &[backend.address][..])];
    let rules = "- matches: [{path: {value: /a}}]\n  backendRefs: [{name: a, port: 80}]";
    let edge = Edge::with_arguments(&services, rules, &["--access-log"]).await;
    let mut raw = edge.connect().await;
    raw.send("POST /a/x?q=1 HTTP/1.1\r\nHost: A.test:81\r\nContent-Length: 3\r\nUser-Agent: me\r\nX-Request-Id: mine\r\n\r\nabc").await;
    raw.read_until("\r\n\r\nbody").await;
    raw.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("no_route").await;
    let lines = until("two lines", async || Some(edge.proxy.access_log()).filter(|lines| lines.len() == 2)).await;
    let (served, refused) = (&lines[0], &lines[1]);
    for (field, wanted) in [
        ("request_id", "mine".into()),
        ("method", "POST".into()),
        ("host", "A.test:81".into()),
        ("path", "/a/x?q=1".into()),
        ("protocol", "HTTP/1.1".into()),
        ("status", 200.into()),
        ("reason", serde_json::Value::Null),
        ("route", "HTTPRoute default/r".into()),
        ("backend", "default/a:80".into()),
        ("endpoint", backend.address.to_string().into()),
        ("attempts", 1.into()),
        ("bytes_in", 3.into()),
        ("bytes_out", 4.into()),
        ("user_agent", "me".into()),
    ] {
        assert_eq!(served[field], wanted, "{field} in {served}");
    }
    assert_eq!(
        (&refused["status"], &refused["reason"], &refused["attempts"], &refused["bytes_out"]),
        (&404.into(), &"no_route".into(), &0.into(), &"no_route".len().into())
    );
}

#[tokio::test]
async fn what_is_no_http_is_a_bad_gateway() {
    let (backend, _seen) = answering("SSH-2.0-x\r\n\r\n").await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(raw.read_until("upstream_protocol").await.starts_with("HTTP/1.1 502 "));
}
