//! Requests that two readers could take for different ones: each is refused, or goes on in one plain form.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::h2_frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, block};
use crate::support::{Backend, Edge, field, read_head, write};

/// A whole request as the backend read it: head and body, each as it came.
type Whole = (String, Vec<u8>);

/// A backend that reads HTTP/1 strictly, remembers each whole request, and answers it.
async fn strict() -> (Backend, Arc<Mutex<Vec<Whole>>>) {
    let seen = Arc::<Mutex<Vec<Whole>>>::default();
    let remembered = seen.clone();
    let backend = Backend::raw(move |mut stream| {
        let seen = remembered.clone();
        async move {
            loop {
                let (head, mut body) = read_head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                let length = field(&head, "content-length").map(|length| length.parse::<usize>().expect("a length"));
                let chunked = field(&head, "transfer-encoding").is_some();
                assert!(!(chunked && length.is_some()), "{head}");
                while body.len() < length.unwrap_or(0) || chunked && !body.ends_with(b"0\r\n\r\n") {
                    if stream.read_buf(&mut body).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                assert!(chunked || body.len() == length.unwrap_or(0), "{head}{body:?}");
                seen.lock().unwrap().push((head, body));
                write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    })
    .await;
    (backend, seen)
}

/// Fields by name and value.
type Fields = &'static [(&'static str, &'static str)];

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Heads that are refused (400), whatever follows.
const REFUSED: &[(&str, &str)] = &[
    ("no Host", "GET / HTTP/1.1\r\n\r\n"),
    ("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("another Host than the target's", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("user information in the target", "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n"),
    (
        "length and coding",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "coding and length",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    ),
    ("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    ("two lengths in one field", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello"),
    ("a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"),
    ("a length below zero", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello"),
    ("a length in hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello"),
    ("a length that is none", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello"),
    ("an empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nhello"),
    ("a length beyond all bounds", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello"),
    ("an unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("a coding beside chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("a coding behind chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("chunked with a parameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    ("chunked in quotes", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("chunked behind a vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    (
        "two codings",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("a coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (
        "a space before the colon of a coding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ),
    ("a space before the colon of a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello"),
    ("a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n"),
    ("a folded coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("a space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    ("a field without a name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    ("a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n"),
    ("NUL in a field", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n"),
    ("NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0A: b\r\n\r\n"),
    ("CR in a field", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rContent-Length: 5\r\n\r\n"),
    ("NUL in the target", "GET /\0x HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a version twice", "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a version that is none", "GET / HTTP/1.9\r\nHost: a\r\n\r\n"),
    ("HTTP/2 that is none", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("no version", "GET /\r\nHost: a\r\n\r\n"),
    ("a method that is none", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a path without a normal form", "GET /pub%2F..%2Fadm HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("an asterisk without OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("nonsense", "nonsense\r\n\r\n"),
];

#[tokio::test]
async fn ambiguous_heads_are_refused_and_reach_no_backend() {
    let (backend, seen) = strict().await;
    let edge = Edge::to(backend.address).await;
    let mut wrong = Vec::new();
    for (name, request) in REFUSED {
        let mut raw = edge.connect().await;
        raw.send(format!("{request}{SMUGGLED}")).await;
        let _ = raw.stream.shutdown().await;
        let answer = raw.read_to_close().await.unwrap_or_default();
        let refused = answer.starts_with("HTTP/1.1 400 ") && field(&answer, "x-pingway-reason") == Some("bad_request");
        let once = answer.matches("HTTP/1.1 ").count() == 1 && field(&answer, "x-request-id").is_some();
        if !refused || !once || !answer.ends_with("bad_request") {
            wrong.push(format!("{name}: {answer:?}"));
        }
        for (head, _) in seen.lock().unwrap().drain(..) {
            wrong.push(format!("{name}: the backend saw {head:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_tunnel_is_refused() {
    let (backend, seen) = strict().await;
    let edge = Edge::to(backend.address).await;
    let mut raw = edge.connect().await;
    raw.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").await;
    let answer = raw.read_until("method_refused").await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(seen.lock().unwrap().is_empty());
}

/// Bodies that break off: whatever the client hears, no backend takes them for whole.
const BROKEN: &[(&str, &str)] = &[
    ("a size beyond all bounds", "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
    ("a size that wraps to five", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("a size below zero", "-5\r\nhello\r\n0\r\n\r\n"),
    ("a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
    ("a size behind a space", " 5\r\nhello\r\n0\r\n\r\n"),
    ("LF alone behind a size", "5\nhello\r\n0\r\n\r\n"),
    ("LF alone behind an extension", "5;a\nhello\r\n0\r\n\r\n"),
    ("CR alone behind a size", "5\rhello\r\n0\r\n\r\n"),
    ("more than the size", "5\r\nhelloXX\r\n0\r\n\r\n"),
    ("LF alone behind the data", "5\r\nhello\n0\r\n\r\n"),
    ("NUL in a size", "5\0\r\nhello\r\n0\r\n\r\n"),
];

#[tokio::test]
async fn ambiguous_chunks_never_make_a_whole_request() {
    let (backend, seen) = strict().await;
    let edge = Edge::to(backend.address).await;
    let mut wrong = Vec::new();
    for (name, body) in BROKEN {
        let mut raw = edge.connect().await;
        raw.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}{SMUGGLED}")).await;
        let _ = raw.stream.shutdown().await;
        let answer = raw.read_to_close().await.unwrap_or_default();
        if answer.starts_with("HTTP/1.1 200 ") {
            wrong.push(format!("{name}: {answer:?}"));
        }
        for (head, body) in seen.lock().unwrap().drain(..) {
            wrong.push(format!("{name}: the backend saw {head:?}{:?}", String::from_utf8_lossy(&body)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is legal, or harmless, goes on in one plain form: the request, what the backend's head has, and its body.
const PLAIN: &[(&str, &str, Fields, &str)] = &[
    (
        "one length twice",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        &[("content-length", "5")],
        "hello",
    ),
    (
        "a coding behind a tab",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tCHUNKED \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        &[("transfer-encoding", "chunked")],
        "5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "chunks with extensions",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=\"b\"\r\nhello\r\n0;c\r\n\r\n",
        &[("transfer-encoding", "chunked")],
        "5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "framing named by Connection",
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: content-length, host, x-mine\r\nX-Mine: 1\r\nContent-Length: 5\r\n\r\nhello",
        &[("content-length", "5"), ("host", "a")],
        "hello",
    ),
    (
        "a body of a GET",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        &[("content-length", "5")],
        "hello",
    ),
    (
        "lines that end in LF",
        "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello",
        &[("content-length", "5")],
        "hello",
    ),
    ("empty lines before a request", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[("host", "a")], ""),
    ("a target with the same host", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", &[("host", "a")], ""),
];

#[tokio::test]
async fn what_goes_on_goes_on_in_one_plain_form() {
    let (backend, seen) = strict().await;
    let edge = Edge::to(backend.address).await;
    for (name, request, fields, body) in PLAIN {
        let mut raw = edge.connect().await;
        raw.send(request).await;
        let answer = raw.read_until("ok").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer}");
        let seen: Vec<_> = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen.len(), 1, "{name}: {seen:?}");
        let (head, came) = &seen[0];
        assert_eq!(String::from_utf8_lossy(came), *body, "{name}");
        assert!(head.contains(" / HTTP/1.1\r\n"), "{name}: {head}");
        assert!(!head.replace("\r\n", "").contains(['\r', '\n', '\0']), "{name}: {head:?}");
        for (field_name, value) in *fields {
            assert_eq!(field(head, field_name), Some(*value), "{name}: {head}");
            let count = head.to_ascii_lowercase().matches(&format!("\n{field_name}:")).count();
            assert_eq!(count, 1, "{name}: {head}");
        }
        assert_eq!((field(head, "x-mine"), field(head, "connection")), (None, None), "{name}: {head}");
    }
}

#[tokio::test]
async fn what_pingora_reads_leniently_goes_on_in_one_plain_form() {
    // Its parser takes a chunk without a size for the last one, and encodes spaces and CR in a target.
    let (backend, seen) = strict().await;
    let edge = Edge::to(backend.address).await;
    for (request, target, body) in [
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nX: hello\r\n\r\n", "/", "0\r\n\r\n"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n;a=b\r\n\r\n", "/", "0\r\n\r\n"),
        ("GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", "/%0Dx", ""),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "/a%20b", ""),
    ] {
        let mut raw = edge.connect().await;
        raw.send(request).await;
        raw.read_until("ok").await;
        let seen: Vec<_> = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen.len(), 1, "{request:?}: {seen:?}");
        let (head, came) = &seen[0];
        assert!(head.contains(&format!(" {target} HTTP/1.1\r\n")), "{request:?}: {head}");
        assert_eq!(String::from_utf8_lossy(came), body, "{request:?}");
    }
}

const HEAD: Fields = &[(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")];

/// Heads of HTTP/2 that are malformed (RFC 9113, 8.1.1 to 8.3.1): what replaces [`HEAD`], or follows it.
const MALFORMED: &[(&str, Fields, Fields)] = &[
    ("connection", HEAD, &[("connection", "close")]),
    ("transfer-encoding", HEAD, &[("transfer-encoding", "chunked")]),
    ("keep-alive", HEAD, &[("keep-alive", "timeout=5")]),
    ("proxy-connection", HEAD, &[("proxy-connection", "close")]),
    ("upgrade", HEAD, &[("upgrade", "websocket")]),
    ("te", HEAD, &[("te", "gzip")]),
    ("a name in capitals", HEAD, &[("X-A", "1")]),
    ("a name with a colon", HEAD, &[("x:a", "1")]),
    ("a name with a space", HEAD, &[("x a", "1")]),
    ("a name with a line", HEAD, &[("x\r\ncontent-length: 5", "1")]),
    ("a value with a line", HEAD, &[("x-a", "1\r\nContent-Length: 5")]),
    ("a value with NUL", HEAD, &[("x-a", "1\0")]),
    ("two paths", HEAD, &[(":path", "/b")]),
    ("two methods", HEAD, &[(":method", "GET")]),
    (
        "a pseudo field behind a field",
        &[(":method", "POST"), (":scheme", "http"), ("x-a", "1")],
        &[(":path", "/"), (":authority", "a")],
    ),
    ("an unknown pseudo field", HEAD, &[(":x", "1")]),
    ("a pseudo field of responses", HEAD, &[(":status", "200")]),
    ("no path", &[(":method", "POST"), (":scheme", "http"), (":authority", "a")], &[]),
    ("an empty path", &[(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "")], &[]),
    ("no method", &[(":scheme", "http"), (":path", "/"), (":authority", "a")], &[]),
    ("no authority", &[(":method", "POST"), (":scheme", "http"), (":path", "/")], &[]),
    ("a path that is none", &[(":method", "POST"), (":scheme", "http"), (":path", "x"), (":authority", "a")], &[]),
    (
        "a path with a space",
        &[(":method", "POST"), (":scheme", "http"), (":path", "/a HTTP/1.1"), (":authority", "a")],
        &[],
    ),
    (
        "a path with a line",
        &[(":method", "POST"), (":scheme", "http"), (":path", "/\r\nX: 1"), (":authority", "a")],
        &[],
    ),
    (
        "a method with a space",
        &[(":method", "GET /b HTTP/1.1"), (":scheme", "http"), (":path", "/"), (":authority", "a")],
        &[],
    ),
    (
        "an authority with user information",
        &[(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "b@a")],
        &[],
    ),
    ("another host than the authority", HEAD, &[("host", "b")]),
    ("two hosts", HEAD, &[("host", "a"), ("host", "b")]),
    ("two lengths", HEAD, &[("content-length", "5"), ("content-length", "6")]),
    ("a length that is none", HEAD, &[("content-length", "+5")]),
    ("a tunnel", &[(":method", "CONNECT"), (":authority", "a:443")], &[]),
    ("an extended tunnel", HEAD, &[(":protocol", "websocket")]),
];

#[tokio::test]
async fn malformed_heads_of_http_2_are_refused_and_reach_no_backend() {
    let (backend, seen) = strict().await;
    let edge = Edge::to(backend.address).await;
    let mut wrong = Vec::new();
    for (name, fields, more) in MALFORMED {
        let mut frames = Frames::connect(edge.address, &[]).await;
        frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[*fields, *more].concat())).await;
        let outcome = frames.outcome(1).await;
        if outcome == Outcome::Status(200) {
            wrong.push(format!("{name}: {outcome:?}"));
        }
        for (head, _) in seen.lock().unwrap().drain(..) {
            wrong.push(format!("{name}: the backend saw {head:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_body_of_http_2_that_does_not_meet_its_length_makes_no_whole_request() {
    let (backend, seen) = strict().await;
    let edge = Edge::to(backend.address).await;
    for (length, end) in [("10", END_STREAM), ("3", END_STREAM), ("3", 0), ("0", END_STREAM)] {
        let mut frames = Frames::connect(edge.address, &[]).await;
        let fields = [HEAD, &[("content-length", length)]].concat();
        frames.send(HEADERS, END_HEADERS, 1, &block(&fields)).await;
        frames.send(DATA, end, 1, b"hello").await;
        let outcome = frames.outcome(1).await;
        assert!(!matches!(outcome, Outcome::Status(200)), "{length}: {outcome:?}");
        assert!(seen.lock().unwrap().is_empty(), "{length}: {:?}", seen.lock().unwrap());
    }
    // A length of more than nothing, and the end with the head.
    let mut frames = Frames::connect(edge.address, &[]).await;
    let fields = [HEAD, &[("content-length", "5")]].concat();
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields)).await;
    let outcome = frames.outcome(1).await;
    assert!(!matches!(outcome, Outcome::Status(200)), "{outcome:?}");
    assert!(seen.lock().unwrap().is_empty());
}
