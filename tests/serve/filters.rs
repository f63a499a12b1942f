//! Filters of rules and backendRefs, as client and backend see them.

use http::Request;

use crate::support::client::{self, Answer};
use crate::support::{Backend, Edge, Folder, Proxy, gateway, http_route, service, text};

/// Asks, and answers what came back and what the backend saw of it: path, and header fields.
async fn through(
    rules: &str,
    backend: &Backend,
    request: Request<&'static str>,
) -> (Answer, Option<http::request::Parts>) {
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], rules).await;
    let request = request.map(bytes::Bytes::from);
    let answer = client::send(edge.address, request).await.expect("an answer");
    (answer, backend.take_seen().pop().map(|seen| seen.head))
}

fn get(path: &str) -> Request<&'static str> {
    Request::get(path).header("host", "a.test").header("x-two", "a").header("x-gone", "1").body("").unwrap()
}

async fn backend() -> Backend {
    Backend::remembering(|_| {
        let mut response = text(200, "ok");
        let fields = response.headers_mut();
        fields.append("cache-control", "private".parse().unwrap());
        fields.append("cache-control", "max-age=1".parse().unwrap());
        fields.insert("x-gone", "1".parse().unwrap());
        response
    })
    .await
}

#[tokio::test]
async fn header_fields_are_set_added_and_removed_on_the_way_there_and_back() {
    let rules = "\
- filters:
  - type: RequestHeaderModifier
    requestHeaderModifier: {set: [{name: X-Set, value: s}], add: [{name: X-Two, value: b}], remove: [X-Gone]}
  - type: ResponseHeaderModifier
    responseHeaderModifier: {set: [{name: Cache-Control, value: 'private, no-store'}], add: [{name: X-New, value: n}], remove: [X-Gone]}
  backendRefs: [{name: a, port: 80}]";
    let (answer, seen) = through(rules, &backend().await, get("/")).await;
    let seen = seen.unwrap().headers;
    assert_eq!(
        (seen["x-set"].as_bytes(), seen["x-two"].as_bytes(), seen.get("x-gone")),
        (&b"s"[..], &b"a,b"[..], None)
    );
    assert_eq!(answer.headers.get_all("cache-control").iter().collect::<Vec<_>>(), ["private, no-store"]);
    assert_eq!((answer.header("x-new"), answer.headers.get("x-gone")), ("n", None));
}

#[tokio::test]
async fn filters_of_a_backend_ref_come_after_those_of_its_rule() {
    let rules = "\
- filters:
  - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Who, value: rule}], add: [{name: X-Both, value: rule}]}}
  backendRefs:
  - name: a
    port: 80
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Who, value: backend}], add: [{name: X-Both, value: backend}]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: X-From, value: backend}]}}";
    let (answer, seen) = through(rules, &backend().await, get("/")).await;
    let seen = seen.unwrap().headers;
    assert_eq!((seen["x-who"].as_bytes(), seen["x-both"].as_bytes()), (&b"backend"[..], &b"rule,backend"[..]));
    assert_eq!(answer.header("x-from"), "backend");
}

#[tokio::test]
async fn host_and_path_are_rewritten_and_the_query_stays() {
    for (matched, rewrite, asked, wanted) in [
        (
            "/s/",
            "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /api/s/}}",
            "/s/x?q=a%20b&q",
            "/api/s/x?q=a%20b&q",
        ),
        ("/", "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /foo}}", "/test", "/foo/test"),
        ("/foo", "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}", "/foo", "/"),
        ("/foo", "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}", "/foo/x", "/x"),
        ("/", "{path: {type: ReplaceFullPath, replaceFullPath: /one}}", "/a/b?c", "/one?c"),
    ] {
        let rules = format!(
            "- matches: [{{path: {{type: PathPrefix, value: {matched}}}}}]\n  filters: [{{type: URLRewrite, urlRewrite: {rewrite}}}]\n  \
             backendRefs: [{{name: a, port: 80}}]"
        );
        let (answer, seen) = through(&rules, &backend().await, get(asked)).await;
        assert_eq!(answer.status, 200, "{rewrite}");
        assert_eq!(seen.unwrap().uri.to_string(), wanted, "{rewrite} {asked}");
    }
    let rules =
        "- filters: [{type: URLRewrite, urlRewrite: {hostname: other.test}}]\n  backendRefs: [{name: a, port: 80}]";
    let (_, seen) = through(rules, &backend().await, get("/x")).await;
    assert_eq!(seen.unwrap().headers["host"], "other.test");
}

#[tokio::test]
async fn a_redirect_goes_by_the_port_rules_and_keeps_the_query() {
    for (redirect, asked, status, location) in [
        ("{scheme: https}", "/a?q=a%20b&q=c", 302, "https://a.test/a?q=a%20b&q=c"),
        ("{hostname: b.test, statusCode: 301}", "/a", 301, "http://b.test/a"),
        ("{port: 8443, scheme: https}", "/a", 302, "https://a.test:8443/a"),
        ("{path: {type: ReplacePrefixMatch, replacePrefixMatch: /n}}", "/a?x", 302, "http://a.test/n/a?x"),
        ("{path: {type: ReplaceFullPath, replaceFullPath: /n}, statusCode: 308}", "/a?x", 308, "http://a.test/n?x"),
    ] {
        let rules = format!("- filters: [{{type: RequestRedirect, requestRedirect: {redirect}}}]");
        let (answer, seen) = through(&rules, &backend().await, get(asked)).await;
        assert_eq!((answer.status, answer.header("location")), (status, location), "{redirect}");
        assert!(seen.is_none() && answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_redirect_names_the_listeners_port_and_not_the_one_it_is_mapped_to() {
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&["{name: other, port: 8080, protocol: HTTP}".to_owned()])),
        ("service.yaml", service("a", None, &[])),
        (
            "route.yaml",
            http_route("r", &[], "- filters: [{type: RequestRedirect, requestRedirect: {hostname: b.test}}]"),
        ),
    ]);
    let proxy = Proxy::start(&folder).await;
    let answer = client::get(proxy.address(8080).await, "a.test:8080", "/x").await.expect("an answer");
    assert_eq!((answer.status, answer.header("location")), (302, "http://b.test:8080/x"));
}

#[tokio::test]
async fn a_share_that_leads_nowhere_is_an_internal_error_and_the_rest_is_served() {
    let backend = backend().await;
    let rules = "- backendRefs: [{name: a, port: 80, weight: 1}, {name: missing, port: 80, weight: 1}]";
    let edge = Edge::with_rules(&[("a", None, &[backend.address])], rules).await;
    let mut seen = std::collections::BTreeMap::<(u16, String), u32>::new();
    for _ in 0..60 {
        let answer = client::get(edge.address, "a", "/").await.expect("an answer");
        *seen.entry((answer.status, answer.header("x-pingway-reason").to_owned())).or_default() += 1;
    }
    let keys: Vec<_> = seen.keys().map(|(status, reason)| (*status, reason.as_str())).collect();
    assert_eq!(keys, [(200, ""), (500, "backend_invalid")], "{seen:?}");
}

#[tokio::test]
async fn rules_and_backends_that_cannot_serve_say_why() {
    for (rules, status, word) in [
        ("- backendRefs: [{name: a, port: 80, weight: 0}]", 500, "no_backend"),
        ("- matches: [{path: {type: Exact, value: /x}}]", 500, "rule_invalid"),
        ("- backendRefs: [{name: empty, port: 80}]", 503, "no_endpoint"),
    ] {
        let backend = backend().await;
        let edge = Edge::with_rules(&[("a", None, &[backend.address]), ("empty", None, &[])], rules).await;
        let answer = client::get(edge.address, "a", "/x").await.expect("an answer");
        assert_eq!((answer.status, answer.header("x-pingway-reason")), (status, word), "{rules}");
    }
}
