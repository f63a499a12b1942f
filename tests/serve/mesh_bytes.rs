//! TLSRoutes and TCPRoutes at a Service: where bytes go that nobody looks at.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::mesh::{ENROLLED, answer, connect, get, header, header_of, service, start};
use crate::support::{Backend, until, within};

/// A server that speaks first: its name, and then whatever comes, until the client ends.
async fn server(name: &'static str) -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move {
                stream.write_all(name.as_bytes()).await.unwrap();
                let mut sent = Vec::new();
                stream.read_to_end(&mut sent).await.unwrap();
                let _ = stream.write_all(&sent).await;
            });
        }
    });
    address
}

/// A Service that is not enrolled, of the port 90.
fn other(name: &str, endpoint: SocketAddr) -> String {
    let (ip, port) = (endpoint.ip(), endpoint.port());
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{clusterIP: 10.96.1.1, ports: [{{name: tcp, port: 90}}]}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {{name: {name}-0, labels: \
         {{kubernetes.io/service-name: {name}}}}}\nports: [{{name: tcp, port: {port}}}]\nendpoints: [{{addresses: ['{ip}'], conditions: \
         {{ready: true}}}}]\n"
    )
}

/// A route of a namespace to a port of Service `a`, with shares of Services of `default`.
fn route(kind: &str, namespace: &str, port: u16, shares: &[(&str, u16, u32)]) -> String {
    let share = |(name, port, weight): &(&str, u16, u32)| {
        format!("{{name: {name}, namespace: default, port: {port}, weight: {weight}}}")
    };
    let shares = shares.iter().map(share).collect::<Vec<_>>().join(", ");
    let hostnames = if kind == "TLSRoute" { "  hostnames: [a.test]\n" } else { "" };
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r, namespace: {namespace}}}\nspec:\n  parentRefs: \
         [{{group: '', kind: Service, name: a, namespace: default, port: {port}}}]\n{hostnames}  rules:\n  - backendRefs: [{shares}]\n"
    )
}

/// A grant for TLSRoutes and TCPRoutes of this namespace.
fn grant(namespace: &str) -> String {
    let from = ["TLSRoute", "TCPRoute"]
        .map(|kind| format!("{{group: gateway.networking.k8s.io, kind: {kind}, namespace: {namespace}}}"))
        .join(", ");
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\nmetadata: {{name: g}}\nspec: {{from: [{from}], to: [{{group: '', \
         kind: Service}}]}}\n"
    )
}

/// Who answers a client that dials this, its identity's namespace being `client`.
async fn answers(address: SocketAddr, client: &str, dialled: &str) -> String {
    let identity = format!("spiffe://cluster.local/ns/{client}/sa/x");
    let mut stream = connect(address, &header_of(&identity, dialled)).await;
    let _ = stream.shutdown().await;
    let mut said = String::new();
    // One that leads nowhere is reset.
    let _ = within("an end", stream.read_to_string(&mut said)).await;
    said
}

#[tokio::test]
async fn a_tcp_route_shares_connections_out_by_weight_and_drops_what_leads_nowhere() {
    let (one, two) = (server("one").await, server("two").await);
    let shares = [("one", 90, 3), ("two", 90, 1), ("nobody", 90, 1)];
    let (folder, proxy, address) = start(&[
        ("a.yaml", service(ENROLLED, one)),
        ("one.yaml", other("one", one)),
        ("two.yaml", other("two", two)),
        ("route.yaml", route("TCPRoute", "default", 82, &shares)),
    ])
    .await;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..500 {
        *counts.entry(answers(address, "shop", "10.96.0.1:82").await).or_default() += 1;
    }
    // 300, 100 and 100 are expected; beyond five standard deviations is once in millions of runs.
    let expected = [("one", 300, 55), ("two", 100, 45), ("", 100, 45)];
    let is_near = |(who, mean, off): (&str, u32, u32)| counts.get(who).is_some_and(|count| count.abs_diff(mean) <= off);
    assert!(counts.len() == 3 && expected.into_iter().all(is_near), "{counts:?}");
    let dropped = proxy.metric(r#"pingway_inbound_connections_refused_total{why="no_backend"}"#).await;
    assert_eq!(dropped, counts.get("").copied().map(f64::from));
    let metrics = proxy.metrics_text().await;
    let to_two = |line: &&str| line.starts_with("istio_tcp_connections_opened_total") && line.contains(r#"name="two""#);
    let opened = metrics.lines().find(|line| to_two(line)).and_then(|line| line.rsplit(' ').next());
    assert_eq!(
        opened.and_then(|count| count.parse().ok()),
        counts.get("two").copied(),
        "the Service that a route led to"
    );
    // An edit is followed, and what is open stays where it is.
    let mut open = connect(address, &header("10.96.0.1:82")).await;
    let mut word = [0; 3];
    while within("a word", open.read_exact(&mut word)).await.is_err() {
        open = connect(address, &header("10.96.0.1:82")).await;
    }
    folder.write("route.yaml", &route("TCPRoute", "default", 82, &[("two", 90, 1), ("one", 90, 0)]));
    until("two alone", async || {
        let mut all_two = true;
        for _ in 0..20 {
            all_two &= answers(address, "shop", "10.96.0.1:82").await == "two";
        }
        all_two.then_some(())
    })
    .await;
    open.write_all(b"more").await.unwrap();
    open.shutdown().await.unwrap();
    let mut more = String::new();
    within("an end", open.read_to_string(&mut more)).await.unwrap();
    assert_eq!(more, "more");
}

#[tokio::test]
async fn routes_of_another_namespace_are_for_its_own_clients() {
    let (one, two) = (server("one").await, server("two").await);
    for kind in ["TCPRoute", "TLSRoute"] {
        let (_folder, proxy, address) = start(&[
            ("a.yaml", service(ENROLLED, one)),
            ("two.yaml", other("two", two)),
            ("grant.yaml", grant("shop")),
            ("route.yaml", route(kind, "shop", 82, &[("two", 90, 1)])),
        ])
        .await;
        until("it is served", async || (answers(address, "shop", "10.96.0.1:82").await == "two").then_some(())).await;
        let shown = proxy.json("/routes").await.unwrap();
        let [route] = shown.as_array().unwrap().as_slice() else { panic!("{shown}") };
        let told =
            ["gateway", "service", "clients", "match", "route", "action"].map(|field| route[field].as_str().unwrap());
        let named = format!("{kind} shop/r");
        assert_eq!(told, ["default/edge", "default/a:82", "shop", "bytes", &named, "forward: 1 × default/two:90"]);
        assert_eq!(answers(address, "blog", "10.96.0.1:82").await, "one", "straight through");
        assert_eq!(answers(address, "shop", "10.96.0.1:81").await, "one", "the route is for port 82");
    }
}

#[tokio::test]
async fn where_nothing_is_declared_routes_for_bytes_alone_take_http_as_bytes() {
    let (a, other_backend) = (Backend::named("a").await, Backend::named("b").await);
    let tcp = route("TCPRoute", "default", 81, &[("b", 90, 1)]);
    let http = crate::mesh::service_route("default", ", port: 81", "");
    let (folder, proxy, address) = start(&[
        ("a.yaml", service(ENROLLED, a.address)),
        ("b.yaml", other("b", other_backend.address)),
        ("route.yaml", tcp.clone()),
    ])
    .await;
    until("bytes", async || answer(address, &get("10.96.0.1:81", "/", "")).await.contains("\r\n\r\nb").then_some(()))
        .await;
    let seen = other_backend.take_seen().pop().unwrap().head.headers;
    assert!(!seen.contains_key("x-request-id"), "nobody looked at it: {seen:?}");
    // With an HTTPRoute as well, what is said tells which is meant.
    folder.write("http.yaml", &http);
    let routed =
        async || answer(address, &get("10.96.0.1:81", "/", "")).await.contains("x-route: default").then_some(());
    until("HTTP", routed).await;
    let to_b = async || {
        let metrics = proxy.metrics_text().await;
        let is_to_b =
            |line: &&str| line.starts_with("istio_tcp_connections_opened_total") && line.contains(r#"name="b""#);
        let opened = metrics.lines().find(is_to_b).and_then(|line| line.rsplit(' ').next());
        opened.and_then(|count| count.parse::<u32>().ok()).unwrap_or_default()
    };
    let before = to_b().await;
    answer(address, &[header("10.96.0.1:81"), b"\x16\x03\x01\r\n\r\n".to_vec()].concat()).await;
    assert_eq!(to_b().await, before + 1);
    until("none is open", async || {
        proxy.metric("pingway_connections_open{protocol=\"tcp\"}").await.filter(|open| *open == 0.0)
    })
    .await;
}
