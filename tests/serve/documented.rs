//! What docs/metrics.md and docs/access-log.md say, against the running product.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;

use crate::grpc::{call, echoing};
use crate::mesh;
use crate::support::h2_wire::{H2Client, read, send};
use crate::support::{Backend, Edge, client, field, read_head, until, write};

/// The rows between `<!-- NAME: begin -->` and its end, cell by cell, without the backticks.
fn table(document: &str, name: &str) -> Vec<Vec<String>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(document);
    let text = std::fs::read_to_string(path).expect("a document");
    let (_, rest) = text.split_once(&format!("<!-- {name}: begin -->")).expect("the table's begin");
    let (table, _) = rest.split_once(&format!("<!-- {name}: end -->")).expect("the table's end");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()).collect()
}

/// An endpoint where nobody listens.
fn refusing() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// Rules by path, each of which ends its requests in a way of its own.
const RULES: &str = "\
- {matches: [{path: {value: /ok}}], backendRefs: [{name: a, port: 80}]}
- {matches: [{path: {value: /rule_invalid}}]}
- {matches: [{path: {value: /backend_invalid}}], backendRefs: [{name: missing, port: 80}]}
- {matches: [{path: {value: /no_backend}}], backendRefs: [{name: a, port: 80, weight: 0}]}
- {matches: [{path: {value: /no_endpoint}}], backendRefs: [{name: empty, port: 80}]}
- {matches: [{path: {value: /connect_failed}}], backendRefs: [{name: refusing, port: 80}]}
- {matches: [{path: {value: /upstream_closed}}], backendRefs: [{name: raw, port: 80}]}
- {matches: [{path: {value: /upstream_protocol}}], backendRefs: [{name: raw, port: 80}]}
- {matches: [{path: {value: /request_timeout}}], timeouts: {request: 100ms}, backendRefs: [{name: raw, port: 80}]}
- {matches: [{path: {value: /backend_timeout}}], timeouts: {request: 20s, backendRequest: 100ms}, backendRefs: [{name: raw, port: 80}]}";

/// Closes, says what is no HTTP, or nothing at all, by the path.
async fn failing() -> Backend {
    Backend::raw(|mut stream| async move {
        match read_head(&mut stream).await.0.split(' ').nth(1) {
            Some("/upstream_closed") | None => {}
            Some("/upstream_protocol") => write(&mut stream, "SSH-2.0-x\r\n\r\n").await,
            Some(_) => std::future::pending().await,
        }
    })
    .await
}

async fn edge(ok: &Backend, raw: &Backend, arguments: &[&str]) -> Edge {
    let services = [
        ("a", None, &[ok.address][..]),
        ("empty", None, &[]),
        ("refusing", None, &[refusing()]),
        ("raw", None, &[raw.address]),
    ];
    Edge::with_arguments(&services, RULES, arguments).await
}

/// Requests by hand that end in this word.
fn by_hand(word: &str) -> Option<String> {
    let fields: String = (0..300).map(|i| format!("x-{i}: 1\r\n")).collect();
    Some(match word {
        "no_route" => "GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "bad_request" => "GET / HTTP/1.1\r\n\r\n".into(),
        "headers_too_large" => format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"),
        "method_refused" => "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".into(),
        "client_timeout" => "GET / HTTP/1.1\r\nHost: a\r\n".into(),
        word if RULES.contains(&format!("/{word}}}")) => format!("GET /{word} HTTP/1.1\r\nHost: a\r\n\r\n"),
        _ => return None,
    })
}

/// The others need TLS or ztunnel, or have no answer whose status would be theirs: tests of their own end requests in them.
const ELSEWHERE: [&str; 10] = [
    "misdirected",
    "client_aborted",
    "connect_timeout",
    "upstream_refused",
    "upstream_truncated",
    "stream_idle",
    "loop",
    "policy_not_enforced",
    "shutdown",
    "",
];

#[tokio::test]
async fn each_reason_word_has_its_status_in_answer_log_and_metric() {
    let (ok, raw) = (Backend::named("a").await, failing().await);
    let edge = edge(&ok, &raw, &["--access-log", "--client-head-timeout", "300ms"]).await;
    for row in table("access-log.md", "reasons") {
        let (word, says) = (&row[0], &row[1]);
        let Some(request) = by_hand(word) else {
            assert!(ELSEWHERE.contains(&word.as_str()), "no request ends in {word}");
            continue;
        };
        let status = says.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 3).expect("a status");
        let mut connection = edge.connect().await;
        connection.send(request).await;
        let answer = connection.read_until(word).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{word}: {answer}");
        assert_eq!(field(&answer, "x-pingway-reason"), Some(word.as_str()), "{answer}");
        let of_word = async || edge.proxy.access_log().into_iter().find(|line| line["reason"] == word.as_str());
        let line = until(&format!("a line with {word}"), of_word).await;
        assert_eq!(line["status"].to_string(), *status, "{line}");
        assert_eq!(line["request_id"].as_str(), field(&answer, "x-request-id"), "{line}");
        edge.ended_with(word, 1).await;
    }
}

#[tokio::test]
async fn exported_families_and_their_labels_are_the_documented_ones() {
    let (ok, raw) = (Backend::named("a").await, failing().await);
    let edge = edge(&ok, &raw, &[]).await;
    assert_eq!(client::get(edge.address, "a", "/ok").await.expect("an answer").status, 200);
    let served = "route_name=\"r\",rule=\"0\",status_class=\"2xx\",reason=\"\"} 1";
    let text =
        until("it is counted", async || Some(edge.proxy.metrics_text().await).filter(|text| text.contains(served)))
            .await;
    hold_to_documents(&text, |family| !family.starts_with("istio_"));
}

#[tokio::test]
async fn istios_families_are_exported_once_ztunnel_hands_something_over() {
    let backend = Backend::named("a").await;
    let (folder, proxy, address) = mesh::start(&[("a.yaml", mesh::service(mesh::ENROLLED, backend.address))]).await;
    for dialled in ["10.96.0.1:80", "10.96.0.1:82"] {
        let answer = mesh::answer(address, &mesh::get(dialled, "/", "")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let calls = echoing().await;
    folder.write("a.yaml", &mesh::service(mesh::ENROLLED, calls.address));
    let all = async || {
        let mut caller = H2Client::over(mesh::connect(address, &mesh::header("10.96.0.1:80")).await, 65_535).await;
        let (response, mut up) = caller.open(call("/echo.Echo/Stream"), false).await;
        send(&mut up, &b"\0\0\0\0\0"[..], true).await;
        let _ = read(response).await;
        let text = proxy.metrics_text().await;
        let has = |name: &str| text.lines().any(|line| line.starts_with(name));
        let names = ["istio_requests_total{", "istio_tcp_connections_closed_total{", "istio_response_messages_total{"];
        names.into_iter().all(has).then_some(text)
    };
    let text = until("all are counted", all).await;
    hold_to_documents(&text, |_| true);
}

/// Every family that is exported is documented, with its kind and labels, and every documented one of these is exported.
fn hold_to_documents(text: &str, wanted: impl Fn(&str) -> bool) {
    let documented: BTreeMap<_, _> = table("metrics.md", "families")
        .into_iter()
        .filter(|row| wanted(&row[0]))
        .map(|row| {
            let labels: BTreeSet<_> = row[2].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
            (row[0].clone(), (row[1].clone(), labels))
        })
        .collect();
    let exported: BTreeMap<_, _> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let kinds: BTreeMap<_, _> = documented.iter().map(|(name, (kind, _))| (name.as_str(), kind.as_str())).collect();
    assert_eq!(exported, kinds);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let family = if documented.contains_key(name) { name } else { family };
        let (_, expected) = &documented[family];
        let labels: BTreeSet<_> = labels
            .split("\",")
            .filter_map(|label| label.split_once('=').map(|(label, _)| label.to_owned()))
            .filter(|label| label != "le")
            .collect();
        assert_eq!(labels, *expected, "{line}");
    }
}

#[tokio::test]
async fn lines_of_the_access_log_have_documented_fields_only() {
    let (ok, raw) = (Backend::named("a").await, failing().await);
    let edge = edge(&ok, &raw, &["--access-log"]).await;
    let request = Request::get("http://a/ok")
        .header("user-agent", "tests")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let served = client::send_h2(edge.address, request.body(Bytes::new()).expect("a request")).await;
    assert_eq!(served.expect("an answer").status, 200);
    let call = Request::post("http://a/nobody/Say").header("content-type", "application/grpc");
    let refused = client::send_h2(edge.address, call.body(Bytes::new()).expect("a request")).await;
    assert_eq!(refused.expect("an answer").header("grpc-status"), "12");
    let lines = until("two lines", async || Some(edge.proxy.access_log()).filter(|lines| lines.len() == 2)).await;
    let mut documented: BTreeSet<_> = table("access-log.md", "fields").into_iter().map(|row| row[0].clone()).collect();
    // Only behind ztunnel, and of pods that are seen: `mesh` has lines with them. Of TLS: `tls` has.
    for field in ["dialled", "source_principal", "source_workload", "destination_workload", "server_name"] {
        assert!(documented.remove(field));
    }
    let logged: BTreeSet<_> =
        lines.iter().flat_map(|line| line.as_object().expect("an object").keys().cloned()).collect();
    assert_eq!(logged, documented, "served and refused together have all of them");
    let time: &str = lines[0]["time"].as_str().expect("a time");
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
}

#[test]
fn documented_flags_are_there() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pingway")).args(["proxy", "--help"]).output();
    let help = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let documents = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for name in ["metrics.md", "access-log.md", "limits.md"] {
        let text = std::fs::read_to_string(documents.join(name)).expect("a document");
        for flag in text.split('`').filter(|code| code.starts_with("--")) {
            let flag = flag.split([' ', '=']).next().expect("a word");
            assert!(help.contains(flag), "{name} names {flag}");
        }
    }
}
