//! A proxy in front of given backends, and raw backends by hand.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::Raw;
use super::{Folder, Proxy, gateway, http_route, service, until, within};

/// A proxy that serves every host by the given rules.
pub(crate) struct Edge {
    /// The proxy.
    pub(crate) proxy: Proxy,
    /// Its listener.
    pub(crate) address: SocketAddr,
    /// Its manifests.
    pub(crate) folder: Folder,
}

/// A rule that sends everything to Service `a`.
pub(crate) const TO_A: &str = "- backendRefs: [{name: a, port: 80}]";

impl Edge {
    /// Service `a` at this address, and everything goes there.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::with_rules(&[("a", None, &[address])], TO_A).await
    }

    /// Services (name, appProtocol, addresses), and an HTTPRoute's rules.
    pub(crate) async fn with_rules(services: &[(&str, Option<&str>, &[SocketAddr])], rules: &str) -> Self {
        Self::with_arguments(services, rules, &[]).await
    }

    /// The same, with arguments of the proxy.
    pub(crate) async fn with_arguments(
        services: &[(&str, Option<&str>, &[SocketAddr])],
        rules: &str,
        arguments: &[&str],
    ) -> Self {
        let services: Vec<_> =
            services.iter().map(|(name, protocol, addresses)| service(name, *protocol, addresses)).collect();
        let folder = Folder::of(&[
            ("gateway.yaml", gateway(&[])),
            ("services.yaml", services.join("---\n")),
            ("route.yaml", http_route("r", &[], rules)),
        ]);
        let proxy = Proxy::start_with(&folder, arguments).await;
        let address = proxy.address(80).await;
        Self { proxy, address, folder }
    }

    /// A connection on which bytes are sent by hand.
    pub(crate) async fn connect(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// Sends bytes, and reads until the connection closes. `None`: it was reset.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> Option<String> {
        let mut raw = self.connect().await;
        raw.send(bytes).await;
        raw.read_to_close().await
    }

    /// Waits until requests ended with this reason word so often, on the route.
    pub(crate) async fn ended_with(&self, reason: &str, count: u32) {
        let reason = format!("reason=\"{reason}\"");
        until(&format!("{count} requests with {reason}"), async || {
            let text = self.proxy.metrics_text().await;
            let lines =
                text.lines().filter(|line| line.starts_with("pingway_requests_total") && line.contains(&reason));
            let sum: f64 = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
            (sum >= f64::from(count)).then_some(())
        })
        .await;
    }
}

/// Reads a message's head from a stream; answers it and what came behind it.
pub(crate) async fn read_head(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let behind = bytes.split_off(end + 4);
            return (String::from_utf8_lossy(&bytes).into_owned(), behind);
        }
        let count = within("a head", stream.read_buf(&mut bytes)).await.unwrap_or(0);
        if count == 0 {
            return (String::new(), bytes);
        }
    }
}

/// Sends bytes to a stream.
pub(crate) async fn write(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref()).await;
}

/// Waits for a stream's end; whatever comes before is dropped.
pub(crate) async fn read_to_end(stream: &mut TcpStream) {
    let mut space = [0; 4096];
    while matches!(within("the end of the stream", stream.read(&mut space)).await, Ok(n) if n > 0) {}
}

/// The value of a field in a raw head.
pub(crate) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
