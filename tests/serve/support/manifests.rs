//! Manifests: a folder of them, and the usual ones.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

/// A temporary folder of manifests.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A folder with these files.
    pub(crate) fn of(files: &[(&str, String)]) -> Self {
        let folder = Self::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file as editors do: under another name, then renamed.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let (temporary, path) = (self.path().join(format!(".{name}.new")), self.path().join(name));
        std::fs::write(&temporary, text).expect("a file");
        std::fs::rename(temporary, path).expect("a rename");
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path().join(name)).expect("a file");
    }
}

/// A GatewayClass of ours, and Gateway `edge` in namespace `default`: an HTTP listener `http` on port 80, and whatever
/// further listeners (list items in YAML, as [`https_listener`] makes them) say.
pub(crate) fn gateway(further_listeners: &[String]) -> String {
    let mut text = r"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: pingway}
spec: {controllerName: pingway.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: pingway
  listeners:
  - {name: http, port: 80, protocol: HTTP}
"
    .to_owned();
    for listener in further_listeners {
        let _ = writeln!(text, "  - {listener}");
    }
    text
}

/// An HTTPS listener on port 443, with the certificates of these Secrets.
pub(crate) fn https_listener(name: &str, hostname: &str, secrets: &[&str]) -> String {
    let secrets: Vec<_> = secrets.iter().map(|secret| format!("{{name: {secret}}}")).collect();
    format!(
        "{{name: {name}, port: 443, protocol: HTTPS, hostname: '{hostname}', tls: {{certificateRefs: [{}]}}}}",
        secrets.join(", ")
    )
}

/// A Secret with a certificate and its key, in PEM.
pub(crate) fn tls_secret(name: &str, certificate: &str, key: &str) -> String {
    let indented = |pem: &str| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let (certificate, key) = (indented(certificate), indented(key));
    format!(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: {name}}}\nstringData:\n  tls.crt: |\n{certificate}  \
         tls.key: |\n{key}"
    )
}

/// An HTTPRoute at Gateway `edge` for these hosts (empty: all); `rules` is `spec.rules` in YAML, in flow style or at no
/// indentation.
pub(crate) fn http_route(name: &str, hostnames: &[&str], rules: &str) -> String {
    let rules: String = rules.lines().map(|line| format!("\n    {line}")).collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}}}\nspec:\n  parentRefs: [{{name: \
         edge}}]\n  hostnames: {hostnames:?}\n  rules:{rules}\n"
    )
}

/// A Service with port 80, and an EndpointSlice for each address (so that each may have its own port).
pub(crate) fn service(name: &str, app_protocol: Option<&str>, addresses: &[SocketAddr]) -> String {
    let app_protocol = app_protocol.map(|p| format!(", appProtocol: {p}")).unwrap_or_default();
    let mut text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{name: web, port: 80, targetPort: web{app_protocol}}}]}}\n"
    );
    for (i, address) in addresses.iter().enumerate() {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let (ip, port) = (address.ip(), address.port());
        let _ = write!(
            text,
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: {family}\nmetadata: {{name: {name}-{i}, labels: \
             {{kubernetes.io/service-name: {name}}}}}\nports: [{{name: web, port: {port}{app_protocol}}}]\nendpoints: [{{addresses: \
             ['{ip}'], conditions: {{ready: true}}}}]\n"
        );
    }
    text
}
