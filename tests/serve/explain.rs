//! `pingway explain` as a user runs it.

use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Backend, Certificate, Folder, Proxy, TO_A, gateway, http_route, https_listener, service, tls_secret, until,
};

/// What the command printed on the quickstart's manifests, and its exit code.
fn explain(arguments: &[&str]) -> (String, Option<i32>) {
    explain_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/quickstart"), arguments)
}

fn explain_folder(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_pingway")).arg("explain").arg(folder).args(arguments).output();
    let output = output.expect("the command runs");
    (String::from_utf8(output.stdout).expect("text") + &String::from_utf8_lossy(&output.stderr), output.status.code())
}

#[test]
fn a_found_rule_is_told_with_what_the_others_lost_by() {
    let (text, code) = explain(&["GET", "http://localhost:8080/x", "-H", "x-version: v1"]);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "route     HTTPRoute default/echo, hostname *",
        "backend    90.0 %  default/echo-v1:80  127.0.0.1:",
        r#"lost: header x-version: wanted exactly "v2", request has "v1""#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn filters_are_told_by_their_effect() {
    let (text, _) = explain(&["GET", "http://localhost:8080/old/x?q=1"]);
    assert!(text.contains("sends     /new/x?q=1 to host localhost:8080\n"), "{text}");
    let (json, code) = explain(&["GET", "http://localhost:8080/secure", "-o", "json"]);
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["effect"]["action"], "redirect");
    let location = json["effect"]["location"].as_str().expect("a location");
    assert!(location.starts_with("https://localhost"), "{location}");
}

#[test]
fn what_no_rule_takes_ends_with_exit_code_1() {
    let (text, code) = explain(&["GET", "http://localhost:1/"]);
    assert!(text.contains("not found no listener that is served has port 1"), "{text}");
    assert_eq!(code, Some(1));
    let (text, code) = explain(&["GET", "localhost"]);
    assert!(text.contains(r#""localhost" is not a URL of http:// or https://"#), "{text}");
    assert_eq!(code, Some(1));
}

/// One certificate is good for all hosts; the listeners decide.
#[tokio::test]
async fn a_misdirected_request_is_told_as_it_is_answered() {
    let backend = Backend::named("backend").await;
    let both = Certificate::new(&["*.a.test", "b.test"]);
    let listeners = [https_listener("first", "*.a.test", &["both"]), https_listener("second", "b.test", &["both"])];
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&listeners)),
        ("secret.yaml", tls_secret("both", &both.pem, &both.key)),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("a", &[], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(443).await;
    for (host, status) in [("one.a.test", "200"), ("two.a.test:8443", "200"), ("b.test", "421"), ("c.test", "404")] {
        let mut stream = both.connect(address, "one.a.test").await.expect("a handshake");
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert_eq!(answer.get(9..12), Some(status), "{host}: {answer}");

        let (text, code) =
            explain_folder(folder.path(), &["GET", "https://one.a.test/", "-H", &format!("Host: {host}")]);
        if status == "200" {
            assert!(code == Some(0) && text.contains("listener  first of"), "{text}");
        } else {
            assert!(code == Some(1) && text.contains(&format!("not found {status}: ")), "{text}");
            assert!(!text.contains("lost: "), "no rule was asked: {text}");
        }
    }
}

/// What `explain` says of a line of the access log.
fn explain_line(folder: &Folder, line: &serde_json::Value, arguments: &[&str]) -> (String, Option<i32>) {
    explain_folder(folder.path(), &[&["--line", &line.to_string()], arguments].concat())
}

/// The line that a request of these bytes leaves.
async fn logged(proxy: &Proxy, address: std::net::SocketAddr, bytes: &[u8]) -> serde_json::Value {
    let before = proxy.access_log().len();
    crate::mesh::answer(address, bytes).await;
    until("a line", async || proxy.access_log().get(before).cloned()).await
}

#[tokio::test]
async fn a_line_of_the_access_log_is_explained_and_compared_with_what_is_now() {
    let backend = Backend::named("a").await;
    let rules = format!(
        "- matches: [{{path: {{value: /}}, headers: [{{name: x-a, value: '1'}}]}}]\n  name: secret\n  {}\n{TO_A}",
        TO_A.trim_start_matches("- ")
    );
    let route = http_route("r", &["a.test"], &rules);
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&["{name: web, port: 8081, protocol: HTTP}".to_owned()])),
        ("a.yaml", service("a", None, &[backend.address])),
        ("route.yaml", route.clone()),
    ]);
    let proxy = Proxy::start_with(&folder, &["--access-log"]).await;
    let address = proxy.address(80).await;
    let get = b"GET /x HTTP/1.1\r\nhost: a.test\r\nx-a: 1\r\nconnection: close\r\n\r\n";
    let line = logged(&proxy, address, get).await;
    assert_eq!((&line["port"], line.get("dialled")), (&80.into(), None), "whatever the port is mapped to");
    // The field by which it went there is not in the line.
    let (text, code) = explain_line(&folder, &line, &[]);
    assert_eq!(code, Some(0), "{text}");
    let differs =
        "differs   it went by HTTPRoute default/r, rule secret; now it would by HTTPRoute default/r, rule 1\n";
    assert!(text.contains("logged    200\n") && text.contains(differs), "{text}");
    assert!(text.contains("unknown   the request's header fields"), "{text}");
    let (text, _) = explain_line(&folder, &line, &["-H", "x-a: 1"]);
    assert!(text.contains("logged    200\n") && !text.contains("differs"), "{text}");
    // What has changed since.
    folder.write("a.yaml", &service("a", None, &[]));
    let (text, _) = explain_line(&folder, &line, &["-H", "x-a: 1"]);
    let gone = "differs   it went to default/a:80; now that would be answered 503: no endpoints\n";
    assert!(text.contains(gone), "{text}");
    folder.write("route.yaml", &route.replace("name: a, port: 80", "name: b, port: 80"));
    let (text, _) = explain_line(&folder, &line, &["-H", "x-a: 1"]);
    assert!(text.contains("differs   it went to default/a:80, which now has no share of the rule\n"), "{text}");
    let line = logged(&proxy, address, b"GET / HTTP/1.1\r\nhost: b.test\r\nconnection: close\r\n\r\n").await;
    let (json, code) = explain_line(&folder, &line, &["-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (code, &json["logged"]["reason"], &json["logged"]["differs"]),
        (Some(1), &"no_route".into(), &serde_json::json!([]))
    );
    let (text, code) = explain_folder(folder.path(), &["--line", "{}"]);
    assert!(code == Some(1) && text.contains("missing field `method`"), "{text}");
}

#[tokio::test]
async fn a_line_of_what_ztunnel_handed_over_is_explained_by_what_was_dialled_and_by_whom() {
    let backend = Backend::named("a").await;
    let (folder, proxy, address) = crate::mesh::start(&[
        ("a.yaml", crate::mesh::service(crate::mesh::ENROLLED, backend.address)),
        ("route.yaml", crate::mesh::service_route("shop", "", "")),
    ])
    .await;
    let line = logged(&proxy, address, &crate::mesh::get("10.96.0.1:80", "/", "")).await;
    let (text, code) = explain_line(&folder, &line, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("consumer routes of namespace shop of default/a:80") && !text.contains("differs"), "{text}");
    folder.write("route.yaml", "");
    let (text, _) = explain_line(&folder, &line, &[]);
    let differs = "differs   it went by HTTPRoute shop/r, rule 0; now it would by Service default/a, rule 80\n";
    assert!(text.contains(differs), "{text}");
    folder.write("a.yaml", &crate::mesh::service("istio.io/use-waypoint: none", backend.address));
    let (text, code) = explain_line(&folder, &line, &[]);
    assert!(code == Some(1) && text.contains("not found 10.96.0.1:80 is enrolled with no waypoint here"), "{text}");
}
