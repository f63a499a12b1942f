//! Services of type ExternalName, where a flag lets them be served.

use std::net::SocketAddr;

use crate::support::{Backend, Folder, Proxy, client, gateway, http_route, until};

/// Everything goes to this name, on a port.
async fn proxy(name: &str, port: u16, arguments: &[&str]) -> (Proxy, SocketAddr, Folder) {
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: out}}\nspec: {{type: ExternalName, externalName: {name}}}\n"
    );
    let rules = format!("- backendRefs: [{{name: out, port: {port}}}]");
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("service.yaml", service),
        ("route.yaml", http_route("r", &[], &rules)),
    ]);
    let proxy = Proxy::start_with(&folder, arguments).await;
    let address = proxy.address(80).await;
    (proxy, address, folder)
}

async fn status(address: SocketAddr) -> u16 {
    client::get(address, "a.test", "/").await.expect("an answer").status
}

#[tokio::test]
async fn an_external_name_is_resolved_and_served_where_it_is_allowed() {
    let backend = Backend::named("a").await;
    let (_proxy, address, _folder) = proxy("localhost", backend.address.port(), &["--allow-external-names"]).await;
    until("the name is resolved", async || (status(address).await == 200).then_some(())).await;
    let (_proxy, address, _folder) = proxy("localhost", backend.address.port(), &[]).await;
    assert_eq!(status(address).await, 500);
}

#[tokio::test]
async fn a_name_without_addresses_has_no_endpoints_and_that_is_told() {
    // Of the top level `invalid` every resolver says by itself that nothing is there (RFC 6761, 6.4).
    let (proxy, address, _folder) = proxy("name.invalid", 80, &["--allow-external-names"]).await;
    assert_eq!(status(address).await, 503);
    until("a warning", async || {
        let page = proxy.json("/problems").await?.to_string();
        page.contains("the name name.invalid was not resolved: it has no address").then_some(())
    })
    .await;
}
