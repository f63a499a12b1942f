//! The shortest way through everything.

use crate::support::{Backend, Ended, Folder, Proxy, client, gateway, http_route, service, until};

const TO_A: &str = "- backendRefs: [{name: a, port: 80}]";

#[tokio::test]
async fn a_request_is_served_from_a_folder_of_manifests() {
    let backend = Backend::named("a").await;
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("a", &["a.test"], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    let answer = client::get(address, "a.test", "/some/path?q=1").await.expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (200, "a"));
    let seen = backend.take_seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].head.uri.to_string(), "/some/path?q=1");
    assert_eq!(seen[0].head.headers["host"], "a.test");
    assert_eq!(client::get(address, "b.test", "/").await.expect("an answer").status, 404);
    proxy.terminate();
    assert_eq!(proxy.ended().await, Ended { code: Some(0) });
}

#[tokio::test]
async fn what_changes_in_the_folder_changes_what_is_served() {
    let (a, b) = (Backend::named("a").await, Backend::named("b").await);
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("services.yaml", format!("{}---\n{}", service("a", None, &[a.address]), service("b", None, &[b.address]))),
        ("route.yaml", http_route("r", &[], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    let body = async || Some(client::get(address, "any.test", "/").await?.text());
    assert_eq!(body().await.as_deref(), Some("a"));
    folder.write("route.yaml", &http_route("r", &[], "- backendRefs: [{name: b, port: 80}]"));
    until("the other backend", async || body().await.filter(|body| body == "b")).await;
    folder.write("route.yaml", "kind: [");
    proxy.logged("route.yaml").await;
    assert_eq!(body().await.as_deref(), Some("b"), "a broken file changes nothing that serves");
    folder.remove("route.yaml");
    until("the route is gone", async || {
        client::get(address, "any.test", "/").await.filter(|answer| answer.status == 404)
    })
    .await;
}
