//! TLS: the listener by SNI, ALPN, certificates that are swapped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Bed, GET, ask, connect, in_time, rest, settings, socket};
use crate::live::tls::{ListenerTls, SocketTls};
use crate::settings::Settings;
use crate::table::hostname::HostPattern;

/// A listener with a certificate of its own; answers the certificate too.
fn listener(hostname: &str) -> (ListenerTls, CertificateDer<'static>) {
    let name = if hostname.is_empty() { "any.test" } else { hostname };
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let hostname = HostPattern::parse(hostname).unwrap();
    (ListenerTls { name: name.into(), hostname, config: Arc::new(config) }, made.cert.der().clone())
}

/// Trusts everyone: the tests look at the certificate themselves.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

async fn open(address: SocketAddr, sni: &str, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    let mut config = builder.with_custom_certificate_verifier(Arc::new(Anyone)).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(sni.to_owned()).unwrap();
    in_time(TlsConnector::from(Arc::new(config)).connect(name, connect(address).await)).await
}

fn certificate(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn bed(settings: Settings, listeners: Vec<ListenerTls>) -> (Bed, SocketAddr) {
    let bed = Bed::start(settings);
    bed.publish(vec![(socket(443), Some(SocketTls::new(listeners)))]);
    let mut addresses = bed.running.addresses();
    let address = in_time(addresses.wait_for(|now| now.len() == 1)).await.unwrap()[&socket(443)];
    (bed, address)
}

#[tokio::test]
async fn sni_chooses_the_listener() {
    let ((exact, a), (wildcard, w), (any, c)) = (listener("a.test"), listener("*.test"), listener(""));
    let (_bed, address) = bed(settings(), vec![any, wildcard, exact]).await;
    for (sni, wanted) in [("a.test", a), ("b.test", w), ("other.example", c)] {
        assert_eq!(certificate(&open(address, sni, &[]).await.unwrap()), wanted, "{sni}");
    }
}

#[tokio::test]
async fn sni_that_no_listener_serves_is_refused() {
    let (exact, _) = listener("a.test");
    let (_bed, address) = bed(settings(), vec![exact]).await;
    assert!(open(address, "b.test", &[]).await.is_err());
    assert!(open(address, "a.test", &[]).await.is_ok());
}

#[tokio::test]
async fn alpn_decides_between_http1_and_http2() {
    let (any, _) = listener("");
    let (_bed, address) = bed(settings(), vec![any]).await;
    for alpn in [&[][..], &["http/1.1"]] {
        let mut client = open(address, "a.test", alpn).await.unwrap();
        for _ in 0..3 {
            assert!(ask(&mut client, GET).await.starts_with("http/1.1 404"));
        }
    }
    let client = open(address, "a.test", &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = in_time(h2::client::handshake(client)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("https://a.test/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    assert_eq!(in_time(response).await.unwrap().status(), 404);
    connection.abort();
}

#[tokio::test]
async fn certificate_is_swapped_without_a_cut() {
    let ((before, old), (after, new)) = (listener("a.test"), listener("a.test"));
    let (bed, address) = bed(settings(), vec![before]).await;
    let mut kept = open(address, "a.test", &[]).await.unwrap();
    assert_eq!(certificate(&kept), old);
    ask(&mut kept, GET).await;
    bed.publish(vec![(socket(443), Some(SocketTls::new(vec![after])))]);
    assert_eq!(certificate(&open(address, "a.test", &[]).await.unwrap()), new);
    assert!(ask(&mut kept, GET).await.contains("connection: keep-alive"));
}

#[tokio::test]
async fn client_that_never_shakes_hands_is_cut() {
    let (any, _) = listener("");
    let settings = Settings { client_head_timeout: Duration::from_millis(200), ..settings() };
    let (_bed, address) = bed(settings, vec![any]).await;
    let mut silent = connect(address).await;
    let mut stuck = connect(address).await;
    stuck.write_all(b"\x16\x03\x01").await.unwrap();
    assert_eq!(rest(&mut silent).await, b"");
    assert_eq!(rest(&mut stuck).await, b"");
}

#[tokio::test]
async fn plain_http_on_a_tls_socket_ends_the_connection() {
    let (any, _) = listener("");
    let (_bed, address) = bed(settings(), vec![any]).await;
    let mut client = connect(address).await;
    client.write_all(GET).await.unwrap();
    let answer = rest(&mut client).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}
