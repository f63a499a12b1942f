//! Instructions for one forwarded request, counted by callgrind and held against a budget.
//!
//! Two runs, one with twice the requests: their difference is the requests' alone. What is counted is the worker's thread.
//! Requests go one after the other, and client and endpoint wait a moment before each message: so the worker always
//! comes to rest before it has the next thing to do, and does the same work each time. What callgrind counted is kept in
//! `target/tmp`, for `callgrind_annotate`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::scale::scaled;
use crate::support::h2_wire::{H2Client, h2_backend, read, send};
use crate::support::{Backend, Ended, Folder, Proxy, TO_A, binary, gateway, http_route, service, within};

/// Requests of the shorter run.
const REQUESTS: u64 = 500;

/// How long the worker is given to come to rest.
const REST: Duration = Duration::from_millis(2);

const BODY: &str = "an answer of the usual kind, with some fields and a short body";

/// What HTTP is spoken, on both sides.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    Http1,
    Http2,
}

#[tokio::test]
async fn a_request_over_http_1_costs_what_the_budget_says() {
    within_budget("http1", Protocol::Http1).await;
}

#[tokio::test]
async fn a_request_over_http_2_costs_what_the_budget_says() {
    within_budget("http2", Protocol::Http2).await;
}

async fn within_budget(name: &str, protocol: Protocol) {
    scaled(0, 0);
    let (once, twice) = (count(protocol, REQUESTS).await, count(protocol, 2 * REQUESTS).await);
    let each = (twice - once) / REQUESTS;
    let budget = budget(name);
    println!("{name}: {each} instructions for a request, {:.1} % of the budget", each as f64 * 100.0 / budget as f64);
    assert!(each <= budget, "{name}: {each} instructions for a request; the budget is {budget}");
    if each * 10 < budget * 9 {
        println!("{name}: far below the budget; make it {} in tests/measure/instructions.budget", each + each / 20);
    }
}

/// The budget of this name: a line of `instructions.budget`.
fn budget(name: &str) -> u64 {
    let mut lines = include_str!("instructions.budget").lines().filter(|line| !line.starts_with('#'));
    let budget = lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    budget.expect("a budget of this name")
}

/// The instructions of a worker that serves this many requests, and starts and ends.
async fn count(protocol: Protocol, requests: u64) -> u64 {
    let backend = backend(protocol).await;
    let app_protocol = matches!(protocol, Protocol::Http2).then_some("kubernetes.io/h2c");
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("service.yaml", service("a", app_protocol, &[backend.address])),
        ("route.yaml", http_route("a", &["a.test"], TO_A)),
    ]);
    let counts = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind-{protocol:?}-{requests}"));
    let _ = std::fs::remove_dir_all(&counts);
    std::fs::create_dir_all(&counts).expect("a folder");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--separate-threads=yes"]);
    valgrind.arg(format!("--callgrind-out-file={}/count", counts.display())).arg(binary());
    let proxy = Proxy::spawn_by(valgrind, &folder, 1, &["--drain-delay", "0ms"]).await;
    let address = proxy.address(80).await;
    match protocol {
        Protocol::Http1 => ask_http1(address, requests).await,
        Protocol::Http2 => ask_http2(address, requests).await,
    }
    proxy.terminate();
    assert_eq!(proxy.ended().await, Ended { code: Some(0) });
    busiest(&counts)
}

/// The instructions of the thread that took most: the worker.
fn busiest(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let total =
        |text: String| text.lines().filter_map(|line| line.strip_prefix("summary: ")?.parse::<u64>().ok()).sum::<u64>();
    let counts = files.map(|path| std::fs::read_to_string(path).expect("a file of callgrind")).map(total);
    counts.max().filter(|count| *count > 0).expect("callgrind wrote what it counted")
}

async fn backend(protocol: Protocol) -> Backend {
    match protocol {
        Protocol::Http1 => {
            Backend::raw(|mut stream| async move {
                let _ = stream.set_nodelay(true);
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nServer: test\r\nContent-Length: \
                     {}\r\n\r\n{BODY}",
                    BODY.len()
                );
                while message(&mut stream, "\r\n\r\n").await {
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            })
            .await
        }
        Protocol::Http2 => {
            h2_backend(1 << 16, |(_, mut respond)| async move {
                tokio::time::sleep(REST).await;
                let head = Response::builder().header("content-type", "text/plain").header("cache-control", "no-store");
                let head = head.header("server", "test").body(()).expect("valid");
                let mut body = respond.send_response(head, false).expect("an open stream");
                send(&mut body, BODY, true).await;
            })
            .await
        }
    }
}

/// Reads a message that ends so, then waits a moment. `false`: the stream has ended.
async fn message(stream: &mut TcpStream, end: &str) -> bool {
    let mut read = Vec::with_capacity(1024);
    while !read.ends_with(end.as_bytes()) {
        if !matches!(stream.read_buf(&mut read).await, Ok(1..)) {
            return false;
        }
    }
    tokio::time::sleep(REST).await;
    true
}

async fn ask_http1(address: std::net::SocketAddr, requests: u64) {
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    stream.set_nodelay(true).expect("a socket");
    let request = "GET /some/path?q=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\
                   Accept-Language: en\r\nCookie: session=1234567890\r\n\r\n";
    for _ in 0..requests {
        stream.write_all(request.as_bytes()).await.expect("an open connection");
        assert!(within("an answer", message(&mut stream, BODY)).await, "an open connection");
    }
}

async fn ask_http2(address: std::net::SocketAddr, requests: u64) {
    let mut client = H2Client::connect(address).await;
    for _ in 0..requests {
        let request = Request::get("http://a.test/some/path?q=1").header("user-agent", "test").header("accept", "*/*");
        let request = request.header("accept-encoding", "gzip").header("accept-language", "en");
        let request = request.header("cookie", "session=1234567890").body(()).expect("valid");
        let (response, _) = client.open(request, true).await;
        let came = read(response).await.expect("an answer");
        assert_eq!(Bytes::from(came.body), BODY);
        tokio::time::sleep(REST).await;
    }
}
