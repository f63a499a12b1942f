//! Certificates, and a client that trusts them.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::within;

/// A self-signed certificate.
pub(crate) struct Certificate {
    /// In PEM.
    pub(crate) pem: String,
    /// Its key, in PEM.
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// For these names, with a new key.
    pub(crate) fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("valid names");
        Self { pem: made.cert.pem(), key: made.signing_key.serialize_pem(), der: made.cert.der().clone() }
    }

    /// In DER.
    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Connects with this name as SNI, trusting this certificate alone. `None`: the handshake failed.
    pub(crate) async fn connect(&self, address: SocketAddr, name: &str) -> Option<TlsStream<TcpStream>> {
        self.connect_for(address, name, &[]).await
    }

    /// The same, offering these protocols (ALPN).
    pub(crate) async fn connect_for(
        &self,
        address: SocketAddr,
        name: &str,
        alpn: &[&str],
    ) -> Option<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of the provider")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let stream = TcpStream::connect(address).await.ok()?;
        within("a TLS handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await.ok()
    }
}
