//! The proxy under test, its backends, and the manifests that change.

use std::net::SocketAddr;

use bytes::Bytes;
use rustls::pki_types::CertificateDer;

use super::tls::Handshakes;
use super::version::{Tally, Version};
use super::{http1, streams};
use crate::support::{
    Backend, Certificate, Folder, Proxy, TO_A, gateway, http_route, https_listener, service, text, tls_secret,
};

/// Certificates that are served in turn.
pub(crate) const CERTIFICATES: u64 = 4;

/// Everything that the clients deal with.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    folder: Folder,
    /// The listener without TLS that is never edited.
    pub(crate) plain: SocketAddr,
    /// The listener with TLS.
    pub(crate) tls: SocketAddr,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) handshakes: Handshakes,
    /// Of the routes that are edited.
    pub(crate) routes: Version,
    /// Of the endpoints of Service `moving`.
    pub(crate) endpoints: Version,
    /// Of the certificate.
    pub(crate) certificate: Version,
    pub(crate) tally: Tally,
    moving: [Backend; 2],
    _backends: Vec<Backend>,
}

impl World {
    /// Starts backends and proxy.
    pub(crate) async fn start() -> Self {
        let names = ["steady", "edited0", "edited1", "moving0", "moving1"];
        let [steady, edited0, edited1, moving0, moving1] = names.map(http1::backend);
        let (steady, edited0, edited1) = (steady.await, edited0.await, edited1.await);
        let moving = [moving0.await, moving1.await];
        let h2 = Backend::with(|request| async move { text(200, Bytes::from(format!("h2 {}", request.uri().path()))) });
        let (h2, sockets, calls) = (h2.await, streams::socket_backend().await, streams::call_backend().await);
        let services = [
            service("a", None, &[steady.address]),
            service("edited0", None, &[edited0.address]),
            service("edited1", None, &[edited1.address]),
            service("h2", Some("kubernetes.io/h2c"), &[h2.address]),
            service("sockets", Some("kubernetes.io/ws"), &[sockets.address]),
            service("calls", Some("grpc"), &[calls.address]),
        ];
        let certificates: Vec<_> = (0..CERTIFICATES).map(|_| Certificate::new(&["a.test"])).collect();
        let folder = Folder::of(&[
            ("gateway.yaml", with_listeners(false)),
            ("certificate.yaml", tls_secret("certificate", &certificates[0].pem, &certificates[0].key)),
            ("services.yaml", services.join("---\n")),
            ("moving.yaml", service("moving", None, &[moving[0].address])),
            ("routes.yaml", fixed_routes()),
            ("edited.yaml", edited_routes(0)),
        ]);
        let proxy = Proxy::start(&folder).await;
        let (plain, tls) = (proxy.address(80).await, proxy.address(443).await);
        Self {
            proxy,
            folder,
            plain,
            tls,
            handshakes: Handshakes::new(&certificates),
            certificates,
            routes: Version::default(),
            endpoints: Version::default(),
            certificate: Version::default(),
            tally: Tally::default(),
            moving,
            _backends: vec![steady, edited0, edited1, h2, sockets, calls],
        }
    }

    /// Edits the routes.
    pub(crate) fn write_routes(&self) -> u64 {
        let version = self.routes.next();
        self.folder.write("edited.yaml", &edited_routes(version));
        version
    }

    /// Moves Service `moving` to its other endpoint.
    pub(crate) fn write_endpoints(&self) -> u64 {
        let version = self.endpoints.next();
        let backend = &self.moving[version as usize % 2];
        self.folder.write("moving.yaml", &service("moving", None, &[backend.address]));
        version
    }

    /// Replaces the certificate.
    pub(crate) fn write_certificate(&self) -> u64 {
        let version = self.certificate.next();
        let certificate = &self.certificates[(version % CERTIFICATES) as usize];
        self.folder.write("certificate.yaml", &tls_secret("certificate", &certificate.pem, &certificate.key));
        version
    }

    /// Adds a listener on port 8080, or takes it away.
    pub(crate) fn write_listeners(&self, further: bool) {
        self.folder.write("gateway.yaml", &with_listeners(further));
    }

    /// Whether this certificate is the one of a version.
    pub(crate) fn is_certificate(&self, version: u64, certificate: &CertificateDer<'_>) -> bool {
        self.certificates[(version % CERTIFICATES) as usize].der() == certificate
    }

    /// The proxy itself counts no failure either: nothing that it answered itself, or that broke, and no failed handshake.
    pub(crate) async fn nothing_failed(&self) {
        let text = self.proxy.metrics_text().await;
        let failed = |line: &&str| {
            let family =
                ["pingway_requests_total", "pingway_upstream_errors_total", "pingway_tls_handshake_failures_total"];
            let quiet = line.contains("reason=\"\"") || line.ends_with(" 0");
            family.iter().any(|name| line.starts_with(name)) && !quiet
        };
        let failed: Vec<_> = text.lines().filter(failed).collect();
        assert!(failed.is_empty(), "the proxy counted\n{}", failed.join("\n"));
    }
}

fn with_listeners(further: bool) -> String {
    let mut listeners = vec![https_listener("https", "", &["certificate"])];
    listeners.extend(further.then(|| "{name: further, port: 8080, protocol: HTTP}".to_owned()));
    gateway(&listeners)
}

fn fixed_routes() -> String {
    let moving = "- backendRefs: [{name: moving, port: 80}]";
    let h2 = "- backendRefs: [{name: h2, port: 80}]";
    let calls = "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: calls}\nspec:\n  parentRefs: [{name: edge}]\n  \
                 hostnames: [calls.test]\n  rules: [{backendRefs: [{name: calls, port: 80}]}]\n";
    [
        http_route("steady", &["steady.test"], TO_A),
        http_route("moving", &["moving.test"], moving),
        http_route("h2", &["h2.test"], h2),
        calls.to_owned(),
    ]
    .join("---\n")
}

/// The version is in a field of the response, and decides the backend.
fn edited_routes(version: u64) -> String {
    let rules = |backend: &str| {
        format!(
            "- filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-version, value: '{version}'}}]}}}}]\n  \
             backendRefs: [{{name: {backend}, port: 80}}]"
        )
    };
    let edited = http_route("edited", &["edited.test"], &rules(&format!("edited{}", version % 2)));
    [edited, http_route("sockets", &["sockets.test"], &rules("sockets"))].join("---\n")
}
