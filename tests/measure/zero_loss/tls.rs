//! Handshakes, each of which must show a certificate that was served meanwhile.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::world::World;
use crate::support::{Certificate, within};

/// Makes TLS connections; trusts every certificate that is served in turn.
pub(crate) struct Handshakes {
    config: ClientConfig,
}

impl Handshakes {
    /// Trusts these.
    pub(crate) fn new(certificates: &[Certificate]) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.der().clone()).expect("a certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
        // A resumed session would show no certificate.
        config.resumption = Resumption::disabled();
        Self { config }
    }
}

impl World {
    /// A new TLS connection, by a certificate that is right.
    pub(crate) async fn open_tls(&self, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        let settled = self.certificate.settled();
        let mut config = self.handshakes.config.clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::try_from("a.test").expect("a name");
        let stream = within("a TLS handshake", async {
            let stream = TcpStream::connect(self.tls).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(Arc::new(config)).connect(name, stream).await
        })
        .await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).expect("a certificate");
        let right = self.certificate.since(settled).any(|version| self.is_certificate(version, shown));
        assert!(right, "none of the certificates {:?}", self.certificate.since(settled));
        Ok(stream)
    }
}
