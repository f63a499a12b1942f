//! Listeners with TLS: what endpoints are told, and which hosts a connection serves.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::{
    Backend, Certificate, Folder, Proxy, TO_A, gateway, http_route, https_listener, service, tls_secret, until, within,
};

/// A proxy with an HTTPS listener for `a.test` and one for `b.test`, each with a certificate of its own.
async fn two_listeners(backend: &Backend) -> (Folder, Proxy, [Certificate; 2]) {
    let certificates = ["a.test", "b.test"].map(|name| Certificate::new(&[name]));
    let secret = |name, certificate: &Certificate| tls_secret(name, &certificate.pem, &certificate.key);
    let listeners = [https_listener("a", "a.test", &["of-a"]), https_listener("b", "b.test", &["of-b"])];
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&listeners)),
        ("secrets.yaml", [secret("of-a", &certificates[0]), secret("of-b", &certificates[1])].join("---\n")),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("r", &[], TO_A)),
    ]);
    let proxy = Proxy::start_with(&folder, &["--access-log"]).await;
    (folder, proxy, certificates)
}

/// Requests for these hosts, one after the other over one connection that was opened for `a.test`: each status and body.
async fn ask(proxy: &Proxy, certificate: &Certificate, http2: bool, hosts: &[&str]) -> Vec<(u16, String)> {
    let alpn = if http2 { "h2" } else { "http/1.1" };
    let address = proxy.address(443).await;
    let stream = TokioIo::new(certificate.connect_for(address, "a.test", &[alpn]).await.expect("a handshake"));
    assert_eq!(stream.inner().get_ref().1.alpn_protocol(), Some(alpn.as_bytes()));
    let request = |host: &str, target: String| {
        let request = Request::get(target).header("x-forwarded-proto", "http");
        let request = if http2 { request } else { request.header("host", host) };
        request.body(Full::new(Bytes::new())).expect("a request")
    };
    let mut answers = Vec::new();
    within("the answers", async {
        if http2 {
            let (mut send, connection) = http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
            tokio::spawn(connection);
            for host in hosts {
                let answer = send.send_request(request(host, format!("https://{host}/"))).await.expect("an answer");
                answers.push(read(answer).await);
            }
        } else {
            let (mut send, connection) = http1::handshake(stream).await.expect("HTTP/1.1");
            tokio::spawn(connection);
            for host in hosts {
                let answer = send.send_request(request(host, "/".to_owned())).await.expect("an answer");
                answers.push(read(answer).await);
            }
        }
    })
    .await;
    answers
}

async fn read(answer: http::Response<hyper::body::Incoming>) -> (u16, String) {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    (head.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn endpoints_are_told_https_whatever_the_client_says() {
    let backend = Backend::named("backend").await;
    let (_folder, proxy, [certificate, _]) = two_listeners(&backend).await;
    for http2 in [false, true] {
        let answers = ask(&proxy, &certificate, http2, &["a.test"]).await;
        assert_eq!(answers, [(200, "backend".to_owned())]);
        let seen = backend.take_seen().pop().expect("a request").head;
        let told: Vec<_> = seen.headers.get_all("x-forwarded-proto").iter().collect();
        assert_eq!(told, ["https"], "HTTP/2: {http2}");
    }
}

#[tokio::test]
async fn a_host_of_another_listener_is_misdirected_and_the_connection_goes_on() {
    let backend = Backend::named("backend").await;
    let (_folder, proxy, [certificate, _]) = two_listeners(&backend).await;
    for http2 in [false, true] {
        let answers = ask(&proxy, &certificate, http2, &["a.test", "b.test", "a.test"]).await;
        let served = (200, "backend".to_owned());
        assert_eq!(answers, [served.clone(), (421, "misdirected".to_owned()), served], "HTTP/2: {http2}");
        assert_eq!(backend.take_seen().len(), 2);
    }
    let line = until("a line", async || proxy.access_log().into_iter().find(|line| line["status"] == 421)).await;
    assert_eq!((&line["port"], &line["server_name"], &line["host"]), (&443.into(), &"a.test".into(), &"b.test".into()));
}
