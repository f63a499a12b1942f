//! What ztunnel hands over, by the PROXY protocol: who called, what was dialled, and what is not served.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Backend, Folder, Proxy, gateway, http_route, read_head, until, within};

/// The usual Gateway as a waypoint, with the binding of Pingway's own class.
pub(crate) fn waypoint() -> String {
    let listener = "{name: mesh, port: 15088, protocol: istio.io/PROXY}".to_owned();
    let bound = "{name: pingway, annotations: {ambient.istio.io/waypoint-inbound-binding: PROXY/15088}}";
    gateway(&[listener]).replace("metadata: {name: pingway}", &format!("metadata: {bound}"))
}

pub(crate) const IDENTITY: &str = "spiffe://cluster.local/ns/shop/sa/web";

/// Service `a` at 10.96.0.1: port 80 (`http`), 81 (not declared) and 82 (`tcp`), all of them at one endpoint.
pub(crate) fn service(labels: &str, endpoint: SocketAddr) -> String {
    let (ip, port) = (endpoint.ip(), endpoint.port());
    let ports = [("http", 80), ("any", 81), ("tcp", 82)];
    let spec = ports.map(|(name, port)| format!("{{name: {name}, port: {port}}}")).join(", ");
    let slice = ports.map(|(name, _)| format!("{{name: {name}, port: {port}}}")).join(", ");
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: a, labels: {{{labels}}}}}\nspec: {{clusterIP: 10.96.0.1, ports: [{spec}]}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {{name: a-0, labels: \
         {{kubernetes.io/service-name: a}}}}\nports: [{slice}]\nendpoints: [{{addresses: ['{ip}'], conditions: {{ready: true}}}}]\n"
    )
}

pub(crate) const ENROLLED: &str = "istio.io/use-waypoint: edge";

/// A header of the PROXY protocol, version 2, as ztunnel sends it.
pub(crate) fn header(dialled: &str) -> Vec<u8> {
    header_of(IDENTITY, dialled)
}

/// The same, of another client.
pub(crate) fn header_of(identity: &str, dialled: &str) -> Vec<u8> {
    let dialled: std::net::SocketAddrV4 = dialled.parse().unwrap();
    let length = u16::try_from(12 + 3 + identity.len()).unwrap();
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    header.extend(length.to_be_bytes());
    header.extend([10, 244, 0, 9]);
    header.extend(dialled.ip().octets());
    header.extend(48110_u16.to_be_bytes());
    header.extend(dialled.port().to_be_bytes());
    header.push(0xd0);
    header.extend(u16::try_from(identity.len()).unwrap().to_be_bytes());
    header.extend(identity.as_bytes());
    header
}

/// A route of a namespace to Service `default/a`, at this port (all of them: empty), that adds a field to responses.
pub(crate) fn service_route(namespace: &str, port: &str, matches: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r, namespace: {namespace}}}\nspec:\n  parentRefs: \
         [{{group: '', kind: Service, name: a, namespace: default{port}}}]\n  hostnames: [nobody.asks.for.it]\n  rules:\n  - matches: \
         [{matches}]\n    filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-route, value: \
         {namespace}}}]}}}}]\n    backendRefs: [{{name: a, namespace: default, port: 80}}]\n"
    )
}

/// A pod of a Deployment.
pub(crate) fn pod(name: &str, workload: &str, ip: &str) -> String {
    let owner = format!("{{apiVersion: apps/v1, kind: ReplicaSet, name: {workload}-7d9f, uid: '1', controller: true}}");
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {workload}-app, pod-template-hash: 7d9f}}, ownerReferences: [{owner}]}}\n\
         spec: {{serviceAccountName: {workload}}}\nstatus: {{phase: Running, podIPs: [{{ip: {ip}}}]}}\n"
    )
}

/// Where ztunnel hands over to this proxy.
async fn inbound(proxy: &Proxy) -> SocketAddr {
    until("the inbound socket", async || proxy.json("/mesh").await?[0]["inbound"][0]["bound"].as_str()?.parse().ok())
        .await
}

pub(crate) async fn start(files: &[(&str, String)]) -> (Folder, Proxy, SocketAddr) {
    start_with(files, &[]).await
}

/// The same, with arguments of the proxy.
pub(crate) async fn start_with(files: &[(&str, String)], arguments: &[&str]) -> (Folder, Proxy, SocketAddr) {
    let folder = Folder::of(&[&[("waypoint.yaml", waypoint())], files].concat());
    let proxy = Proxy::start_with(&folder, &[&["--port-map=15088=0", "--access-log"], arguments].concat()).await;
    let address = inbound(&proxy).await;
    (folder, proxy, address)
}

pub(crate) async fn connect(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What comes of a connection that sends these bytes, until the proxy ends it.
pub(crate) async fn answer(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address, bytes).await;
    let mut answer = Vec::new();
    // A connection that is refused may be reset.
    let _ = within("an end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn get(dialled: &str, path: &str, fields: &str) -> Vec<u8> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: whatever.test\r\nconnection: close\r\n{fields}\r\n");
    [header(dialled), request.into_bytes()].concat()
}

#[tokio::test]
async fn a_request_goes_straight_through_to_the_service_that_was_dialled() {
    let backend = Backend::named("a").await;
    let (_folder, proxy, address) = start(&[("a.yaml", service(ENROLLED, backend.address))]).await;
    let forged = "x-forwarded-client-cert: By=x;URI=spiffe://evil\r\nx-forwarded-for: 1.2.3.4\r\n";
    let text = answer(address, &get("10.96.0.1:80", "/x", forged)).await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    let seen = backend.take_seen().pop().unwrap().head.headers;
    assert_eq!(seen["host"], "whatever.test", "the dialled address decides, not Host");
    assert_eq!(seen["x-forwarded-for"], "1.2.3.4", "it passes as it is");
    assert!(!seen.contains_key("x-forwarded-client-cert") && !seen.contains_key("x-forwarded-proto"));
    assert_eq!(seen["x-request-id"].len(), 32);
    let line = until("a line", async || proxy.access_log().pop()).await;
    assert_eq!(line["peer"], "10.244.0.9:48110");
    assert_eq!((&line["dialled"], line.get("port"), line.get("server_name")), (&"10.96.0.1:80".into(), None, None));
    assert_eq!(line["source_principal"], IDENTITY);
    assert_eq!((&line["route"], &line["rule"]), (&"Service default/a".into(), &"80".into()));
    assert!(line.get("source_workload").is_none() && line.get("destination_workload").is_none());
}

#[tokio::test]
async fn the_access_log_tells_the_workloads_of_both_sides_as_soon_as_their_pods_are_seen() {
    let backend = Backend::named("a").await;
    let (folder, proxy, address) = start(&[("a.yaml", service(ENROLLED, backend.address))]).await;
    let mut client = connect(address, &header("10.96.0.1:80")).await;
    let mut head = async || {
        client.write_all(b"HEAD / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
        assert!(read_head(&mut client).await.0.starts_with("HTTP/1.1 200 "));
    };
    head().await;
    folder.write("pods.yaml", &format!("{}---\n{}", pod("web-x", "web", "10.244.0.9"), pod("a-x", "a", "127.0.0.1")));
    let told = |line: &serde_json::Value| {
        line["source_workload"] == "default/web" && line["destination_workload"] == "default/a"
    };
    until("both workloads", async || {
        answer(address, &get("10.96.0.1:80", "/", "")).await;
        proxy.access_log().iter().any(told).then_some(())
    })
    .await;
    // The connection was there before its pod was seen.
    head().await;
    let heads = async || {
        Some(proxy.access_log())
            .map(|lines| lines.into_iter().filter(|line| line["method"] == "HEAD").collect::<Vec<_>>())
            .filter(|heads| heads.len() == 2)
    };
    let heads = until("two lines", heads).await;
    assert!(!told(&heads[0]) && told(&heads[1]), "{heads:?}");
}

#[tokio::test]
async fn routes_of_the_gateway_go_before_the_way_straight_through() {
    let (a, b) = (Backend::named("a").await, Backend::named("b").await);
    let route =
        http_route("r", &["whatever.test"], "- matches: [{path: {value: /b}}]\n  backendRefs: [{name: b, port: 80}]");
    let files = [
        ("a.yaml", service(ENROLLED, a.address)),
        ("b.yaml", crate::support::service("b", None, &[b.address])),
        ("route.yaml", route),
    ];
    let (folder, _proxy, address) = start(&files).await;
    assert!(answer(address, &get("10.96.0.1:80", "/b", "")).await.ends_with('b'));
    let text = answer(address, &get("10.96.0.1:80", "/c", "")).await;
    assert!(text.starts_with("HTTP/1.1 404 "), "the host has routes, none of which takes it: {text}");
    assert!(answer(address, &get("10.96.0.1:81", "/b", "")).await.ends_with('a'), "no listener on that port");
    folder.remove("route.yaml");
    until("the way straight through", async || {
        answer(address, &get("10.96.0.1:80", "/b", "")).await.ends_with('a').then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_not_enrolled_or_dialled_by_nobody_is_closed_and_counted() {
    let backend = Backend::named("a").await;
    let (folder, proxy, address) = start(&[("a.yaml", service("", backend.address))]).await;
    let own = format!("127.0.0.1:{}", address.port());
    for hostile in ["10.96.0.1:80", "10.96.0.1:9", "169.254.169.254:80", &own, &backend.address.to_string()] {
        assert_eq!(answer(address, &get(hostile, "/", "")).await, "", "{hostile}");
    }
    for none in [&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], b"PROXY TCP4 10.0.0.1 10.96.0.1 1 80\r\n"] {
        assert_eq!(answer(address, none).await, "");
    }
    let refused = |why: &str| format!("pingway_inbound_connections_refused_total{{why=\"{why}\"}}");
    assert_eq!(proxy.metric(&refused("not_served")).await, Some(5.0));
    assert_eq!(proxy.metric(&refused("no_header")).await, Some(2.0));
    assert!(backend.take_seen().is_empty());
    folder.write("a.yaml", &service(ENROLLED, backend.address));
    until("the Service is enrolled", async || {
        answer(address, &get("10.96.0.1:80", "/", "")).await.starts_with("HTTP/1.1 200 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte_and_the_request_much_later() {
    let backend = Backend::named("a").await;
    let (_folder, _proxy, address) = start(&[("a.yaml", service(ENROLLED, backend.address))]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in get("10.96.0.1:80", "/", "") {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(read_head(&mut stream).await.0.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn bytes_that_are_no_http_pass_both_ways_until_each_end() {
    // A server that speaks first, and answers what it was sent once its client has ended.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = server.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move {
                stream.write_all(b"hello ").await.unwrap();
                let mut sent = Vec::new();
                stream.read_to_end(&mut sent).await.unwrap();
                stream.write_all(&sent).await.unwrap();
            });
        }
    });
    let (_folder, proxy, address) = start(&[("a.yaml", service(ENROLLED, endpoint))]).await;
    for port in [81, 82] {
        // The client waits for the server's word, on a port that does not say what is spoken as well.
        let mut stream = connect(address, &header(&format!("10.96.0.1:{port}"))).await;
        let mut word = [0; 6];
        within("the server's word", stream.read_exact(&mut word)).await.unwrap();
        assert_eq!(&word, b"hello ");
        stream.write_all(b"\0\x01bytes").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut echoed = Vec::new();
        within("an end", stream.read_to_end(&mut echoed)).await.unwrap();
        assert_eq!(echoed, b"\0\x01bytes");
    }
    let open = until("none is open", async || {
        proxy.metric("pingway_connections_open{protocol=\"tcp\"}").await.filter(|open| *open == 0.0)
    });
    open.await;
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_too() {
    let backend = Backend::named("a").await;
    let (_folder, _proxy, address) = start(&[("a.yaml", service(ENROLLED, backend.address))]).await;
    for port in [80, 81] {
        let stream = connect(address, &header(&format!("10.96.0.1:{port}"))).await;
        let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("http://whatever.test/").body(()).unwrap();
        let (response, _) = requests.send_request(request, true).unwrap();
        assert_eq!(within("a response", response).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn routes_of_a_service_are_found_by_the_dialled_address_and_port_and_not_by_host() {
    let backend = Backend::named("a").await;
    let route = service_route("default", ", port: 80", "{path: {value: /r}}");
    let (folder, proxy, address) = start(&[("a.yaml", service(ENROLLED, backend.address)), ("r.yaml", route)]).await;
    let text = answer(address, &get("10.96.0.1:80", "/r", "")).await;
    assert!(text.contains("x-route: default"), "{text}");
    let text = answer(address, &get("10.96.0.1:80", "/other", "")).await;
    assert!(text.starts_with("HTTP/1.1 404 "), "it has routes, none of which takes it: {text}");
    let text = answer(address, &get("10.96.0.1:81", "/r", "")).await;
    assert!(text.starts_with("HTTP/1.1 200 ") && !text.contains("x-route"), "another port: {text}");
    let statuses = proxy.json("/statuses").await.unwrap();
    let route = statuses.as_array().unwrap().iter().find(|status| status["kind"] == "HTTPRoute").unwrap();
    let parent = &route["status"]["parents"][0];
    assert_eq!((&parent["parentRef"]["kind"], &parent["parentRef"]["group"]), (&"Service".into(), &"".into()));
    for condition in parent["conditions"].as_array().unwrap() {
        assert_eq!(condition["status"], "True", "{condition}");
    }
    folder.remove("r.yaml");
    until("the way straight through", async || {
        answer(address, &get("10.96.0.1:80", "/other", "")).await.starts_with("HTTP/1.1 200 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn routes_of_another_namespace_are_for_its_own_clients_and_need_no_grant_for_the_service() {
    let backend = Backend::named("a").await;
    let files = [
        ("a.yaml", service(ENROLLED, backend.address)),
        ("producer.yaml", service_route("default", "", "{path: {value: /}}")),
        ("consumer.yaml", service_route("shop", "", "{path: {value: /shop}}")),
    ];
    let (_folder, _proxy, address) = start(&files).await;
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").into_bytes();
    let ask = async |namespace: &str, path: &str| {
        let identity = format!("spiffe://cluster.local/ns/{namespace}/sa/web");
        answer(address, &[header_of(&identity, "10.96.0.1:80"), request(path)].concat()).await
    };
    assert!(ask("shop", "/shop").await.contains("x-route: shop"));
    assert!(ask("other", "/shop").await.contains("x-route: default"));
    let text = ask("shop", "/").await;
    assert!(text.starts_with("HTTP/1.1 404 "), "its own routes stand in the place of the Service's: {text}");
}

/// Service `b`, the same at 10.96.0.2, enrolled.
fn other_service(endpoint: SocketAddr) -> String {
    service(ENROLLED, endpoint).replace("name: a", "name: b").replace("10.96.0.1", "10.96.0.2")
}

/// A policy of Istio's at Service `a`.
fn authorization_policy() -> String {
    "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: nobody}\nspec: {targetRefs: [{group: '', kind: Service, \
     name: a}]}\n"
        .to_owned()
}

#[tokio::test]
async fn what_a_policy_would_judge_is_refused_and_the_policy_is_told() {
    let (a, b) = (Backend::named("a").await, Backend::named("b").await);
    let files = [
        ("a.yaml", service(ENROLLED, a.address)),
        ("b.yaml", other_service(b.address)),
        ("policy.yaml", authorization_policy()),
    ];
    let (folder, proxy, address) = start(&files).await;
    let text = answer(address, &get("10.96.0.1:80", "/", "")).await;
    assert!(text.starts_with("HTTP/1.1 403 ") && text.ends_with("policy_not_enforced"), "{text}");
    assert_eq!(answer(address, &[header("10.96.0.1:82"), b"bytes".to_vec()].concat()).await, "", "not HTTP: closed");
    let closed = "pingway_inbound_connections_refused_total{why=\"policy_not_enforced\"}";
    assert_eq!(proxy.metric(closed).await, Some(1.0));
    assert_eq!(proxy.metric("pingway_policies_not_enforced").await, Some(1.0));
    assert!(a.take_seen().is_empty());
    assert!(answer(address, &get("10.96.0.2:80", "/", "")).await.ends_with('b'), "another Service is not its concern");
    let told = proxy.json("/problems").await.unwrap()["warnings"].to_string();
    assert!(told.contains("AuthorizationPolicy default/nobody: PolicyNotEnforced"), "{told}");
    folder.remove("policy.yaml");
    until("the Service is served", async || {
        answer(address, &get("10.96.0.1:80", "/", "")).await.starts_with("HTTP/1.1 200 ").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_route_to_a_service_that_a_policy_is_about_is_refused_too() {
    let (a, b) = (Backend::named("a").await, Backend::named("b").await);
    let route = http_route("r", &["whatever.test"], "- backendRefs: [{name: a, port: 80}]");
    let files = [
        ("a.yaml", service(ENROLLED, a.address)),
        ("b.yaml", other_service(b.address)),
        ("policy.yaml", authorization_policy()),
        ("route.yaml", route),
    ];
    let (_folder, _proxy, address) = start(&files).await;
    let text = answer(address, &get("10.96.0.2:80", "/", "")).await;
    assert!(text.starts_with("HTTP/1.1 403 "), "{text}");
    assert!(a.take_seen().is_empty() && b.take_seen().is_empty());
}

#[tokio::test]
async fn applications_are_told_who_called_where_that_is_asked_for() {
    let backend = Backend::named("a").await;
    let asked = "metadata: {name: edge, annotations: {ambient.istio.io/xfcc-include-client-identity: 'true'}}";
    let named = waypoint().replacen("metadata: {name: edge}", asked, 1);
    assert!(named.contains(asked), "{named}");
    let folder = Folder::of(&[("waypoint.yaml", named), ("a.yaml", service(ENROLLED, backend.address))]);
    let proxy = Proxy::start_with(&folder, &["--port-map=15088=0", "--service-account=default/edge-pingway"]).await;
    let address = inbound(&proxy).await;
    let forged = "x-forwarded-client-cert: By=x;URI=spiffe://evil\r\n";
    assert!(answer(address, &get("10.96.0.1:80", "/", forged)).await.starts_with("HTTP/1.1 200 "));
    let seen = backend.take_seen().pop().unwrap().head.headers;
    let expected = format!("By=spiffe://cluster.local/ns/default/sa/edge-pingway;URI={IDENTITY}");
    assert_eq!(seen["x-forwarded-client-cert"], expected.as_str());
    assert_eq!(seen.get_all("x-forwarded-client-cert").iter().count(), 1);
}
