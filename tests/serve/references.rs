//! What a rule answers whose references lead nowhere: each reference for its share, and no longer than it must.

use bytes::Bytes;
use http::Request;

use crate::support::{Backend, Folder, Proxy, client, gateway, http_route, service, until};

const GRANT: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: routes, namespace: far}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]
  to: [{group: '', kind: Service, name: there}]
";

/// A rule for each way to have no backend, and one that has one.
const RULES: &str = "- matches: [{path: {value: /missing}}]
  backendRefs: [{name: nowhere, port: 80}]
- matches: [{path: {value: /port}}]
  backendRefs: [{name: here, port: 81}]
- matches: [{path: {value: /kind}}]
  backendRefs: [{group: a.test, kind: Bucket, name: here}]
- matches: [{path: {value: /forbidden}}]
  backendRefs: [{name: here, namespace: far, port: 80}]
- matches: [{path: {value: /empty}}]
  backendRefs: [{name: empty, port: 80}]
- matches: [{path: {value: /zero}}]
  backendRefs: [{name: here, port: 80, weight: 0}, {name: nowhere, port: 80, weight: 0}]
- matches: [{path: {value: /none}}]
- matches: [{path: {value: /extension}}]
  filters: [{type: ExtensionRef, extensionRef: {group: a.test, kind: Filter, name: x}}]
  backendRefs: [{name: here, port: 80}]
- matches: [{path: {value: /never}}]
  backendRefs: [{name: here, port: 80}, {name: nowhere, port: 80, weight: 0}]";

const CALLS: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: calls}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{method: {service: a.Missing}}]
    backendRefs: [{name: nowhere, port: 80}]
  - matches: [{method: {service: a.Forbidden}}]
    backendRefs: [{name: here, namespace: far, port: 80}]
  - matches: [{method: {service: a.Empty}}]
    backendRefs: [{name: empty, port: 80}]
";

/// Status and reason word of a GET.
async fn ask(address: std::net::SocketAddr, path: &str) -> Option<(u16, String)> {
    let answer = client::get(address, "a.test", path).await?;
    Some((answer.status, answer.header("x-pingway-reason").to_owned()))
}

#[tokio::test]
async fn each_way_to_have_no_backend_has_its_status() {
    let backend = Backend::named("backend").await;
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("route.yaml", http_route("a", &[], RULES)),
        ("calls.yaml", CALLS.to_owned()),
        ("here.yaml", service("here", None, &[backend.address])),
        ("empty.yaml", service("empty", None, &[])),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    for (path, status, reason) in [
        ("/missing", 500, "backend_invalid"),
        ("/port", 500, "backend_invalid"),
        ("/kind", 500, "backend_invalid"),
        ("/forbidden", 500, "backend_invalid"),
        ("/empty", 503, "no_endpoint"),
        ("/zero", 500, "no_backend"),
        ("/none", 500, "rule_invalid"),
        ("/extension", 500, "rule_invalid"),
    ] {
        assert_eq!(ask(address, path).await, Some((status, reason.to_owned())), "{path}");
    }
    for _ in 0..20 {
        assert_eq!(ask(address, "/never").await, Some((200, String::new())), "a weight of 0 gets nothing");
    }
    for service in ["a.Missing", "a.Forbidden", "a.Empty"] {
        let call = Request::post(format!("http://a.test/{service}/Call")).header("content-type", "application/grpc");
        let call = call.header("te", "trailers").body(Bytes::new()).expect("a call");
        let answer = client::send_h2(address, call).await.expect("an answer");
        assert_eq!((answer.status, answer.header("grpc-status")), (200, "14"), "{service} is UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_grant_counts_from_when_it_comes_until_it_is_taken_back() {
    let backend = Backend::named("backend").await;
    let there = service("there", None, &[backend.address]).replace("metadata: {", "metadata: {namespace: far, ");
    let rules = "- backendRefs: [{name: there, namespace: far, port: 80}]";
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("route.yaml", http_route("a", &[], rules)),
        ("there.yaml", there),
        ("grant.yaml", GRANT.to_owned()),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    assert_eq!(ask(address, "/").await, Some((200, String::new())));
    let refused = (500, "backend_invalid".to_owned());
    folder.remove("grant.yaml");
    until("the reference refused", async || ask(address, "/").await.filter(|answer| *answer == refused)).await;
    folder.write("grant.yaml", &GRANT.replace("name: routes", "name: again"));
    until("the reference permitted", async || ask(address, "/").await.filter(|answer| answer.0 == 200)).await;
}
