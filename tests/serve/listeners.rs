//! Listeners that change their port while others serve.

use tokio::net::TcpStream;

use crate::support::client::Raw;
use crate::support::{Backend, Folder, Proxy, TO_A, client, gateway, http_route, service, until};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async fn served(raw: &mut Raw) {
    raw.send(GET).await;
    assert!(raw.read_until("backend").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_listener_changes_its_port_and_another_loses_nothing() {
    let backend = Backend::named("backend").await;
    let further = |port: u16| gateway(&[format!("{{name: further, port: {port}, protocol: HTTP}}")]);
    let folder = Folder::of(&[
        ("gateway.yaml", further(8080)),
        ("service.yaml", service("a", None, &[backend.address])),
        ("route.yaml", http_route("r", &[], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let (kept, old) = (proxy.address(80).await, proxy.address(8080).await);
    let (mut other, mut left) = (Raw::connect(kept).await, Raw::connect(old).await);
    served(&mut other).await;
    served(&mut left).await;
    folder.write("gateway.yaml", &further(8443));
    let new = proxy.address(8443).await;
    assert_eq!(client::get(new, "a", "/").await.expect("an answer").text(), "backend");
    until("the old port closed", async || TcpStream::connect(old).await.is_err().then_some(())).await;
    // What was open there and idle is closed, not reset.
    assert_eq!(left.read_to_close().await.as_deref(), Some(""));
    assert_eq!(proxy.address(80).await, kept);
    served(&mut other).await;
}
