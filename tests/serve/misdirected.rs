//! A Host and the name that TLS was opened with: hosts of one listener share a connection, others get 421.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::{
    Backend, Certificate, Folder, Proxy, TO_A, gateway, http_route, https_listener, service, tls_secret, until,
};

/// One request on an open connection; answers its status and its reason word.
async fn ask(stream: &mut TlsStream<TcpStream>, host: &str) -> (String, String) {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("open");
    let mut answer = Vec::new();
    let head = loop {
        assert!(stream.read_buf(&mut answer).await.expect("open") > 0, "closed");
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some((_, length)) = head.split_once("content-length: ")
            && length.lines().next().and_then(|length| length.parse().ok()) == Some(body.len())
        {
            break head.to_owned();
        }
    };
    let reason = head.lines().find_map(|line| line.strip_prefix("x-pingway-reason: "));
    (head[9..12].to_owned(), reason.unwrap_or_default().to_owned())
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[tokio::test]
async fn hosts_of_one_listener_share_a_connection_and_others_are_misdirected() {
    let backend = Backend::named("backend").await;
    let both = Certificate::new(&["*.a.test", "b.test"]);
    let listeners = |first: &str| {
        gateway(&[
            https_listener(first, "*.a.test", &["both"]),
            https_listener("second", "b.test", &["both"]),
            https_listener("third", "x.a.test", &["both"]),
        ])
    };
    let folder = Folder::of(&[
        ("gateway.yaml", listeners("first")),
        ("secret.yaml", tls_secret("both", &both.pem, &both.key)),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("a", &[], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(443).await;
    let mut stream = both.connect(address, "one.a.test").await.expect("a handshake");
    assert_eq!(ask(&mut stream, "one.a.test").await, is("200", ""));
    assert_eq!(ask(&mut stream, "TWO.a.test:8443").await, is("200", ""), "the same listener's");
    for host in ["b.test", "x.a.test"] {
        assert_eq!(ask(&mut stream, host).await, is("421", "misdirected"), "{host} is another's");
    }
    assert_eq!(ask(&mut stream, "c.test").await, is("404", "no_route"), "nobody's");

    // What was open goes on where its listener gets another name: it is the same to a client.
    folder.write("gateway.yaml", &listeners("renamed"));
    until("the listener's new name", async || {
        let listeners = proxy.json("/listeners").await?;
        listeners.as_array()?.iter().any(|listener| listener["listener"] == "renamed").then_some(())
    })
    .await;
    assert_eq!(ask(&mut stream, "one.a.test").await, is("200", ""));
    assert_eq!(ask(&mut stream, "two.a.test").await, is("200", ""));
    assert_eq!(ask(&mut stream, "b.test").await, is("421", "misdirected"));
}
