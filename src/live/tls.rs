//! TLS configurations of listeners: made by link, off the workers, and reused while the certificates are the same.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;

use crate::api::ObjectName;
use crate::table::hostname::HostPattern;
use crate::table::listener::{Certificate, KeyForm};

/// Sessions of TLS 1.2 kept for resumption, by listener.
const SESSIONS: usize = 1024;

/// The TLS side of one socket: which listener a ClientHello's SNI opens, with which certificates.
#[derive(Debug)]
pub struct SocketTls {
    listeners: Vec<ListenerTls>,
}

/// The TLS side of one listener.
#[derive(Clone, Debug)]
pub struct ListenerTls {
    /// The listener's name.
    pub name: Arc<str>,
    /// Which SNI opens it.
    pub hostname: HostPattern,
    /// Picks among the listener's certificates by SNI; ALPN `h2`, `http/1.1`.
    pub config: Arc<ServerConfig>,
}

impl SocketTls {
    /// Puts the listeners of one socket together.
    pub fn new(listeners: Vec<ListenerTls>) -> Self {
        Self { listeners }
    }

    /// The listener for an SNI in lower case (empty: the client sent none): exact, longest wildcard, any.
    pub fn choose(&self, sni: &str) -> Option<&ListenerTls> {
        self.listeners.iter().filter(|l| l.hostname.matches(sni)).max_by_key(|l| l.hostname.specificity())
    }
}

/// A certificate that rustls refuses: the listener's others go on without it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("listener {listener} of Gateway {gateway}: the certificate of Secret {secret} is not usable: {why}")]
pub struct RefusedCertificate {
    /// The Gateway.
    pub gateway: ObjectName,
    /// The listener.
    pub listener: Arc<str>,
    /// The Secret.
    pub secret: ObjectName,
    /// The words of rustls.
    pub why: rustls::Error,
}

/// The TLS configurations in use, by Gateway and listener.
#[derive(Debug, Default)]
pub(super) struct TlsConfigs {
    made: BTreeMap<(ObjectName, Arc<str>), Made>,
}

#[derive(Debug)]
struct Made {
    certificates: Vec<Arc<Certificate>>,
    config: Option<Arc<ServerConfig>>,
    refused: Vec<RefusedCertificate>,
    used: bool,
}

impl TlsConfigs {
    /// The configuration of a listener: the one it had while its certificates are equal. `None`: not one is usable.
    pub(super) fn find_or_make(
        &mut self,
        gateway: &ObjectName,
        listener: &Arc<str>,
        certificates: &[Arc<Certificate>],
    ) -> Option<Arc<ServerConfig>> {
        let key = (gateway.clone(), listener.clone());
        if let Some(made) = self.made.get_mut(&key).filter(|made| made.certificates == certificates) {
            made.used = true;
            return made.config.clone();
        }
        let made = make(gateway, listener, certificates);
        let config = made.config.clone();
        self.made.insert(key, made);
        config
    }

    /// Forgets the listeners that were not asked for since the last time; answers the certificates refused of the others.
    pub(super) fn settle(&mut self) -> Vec<RefusedCertificate> {
        self.made.retain(|_, made| std::mem::take(&mut made.used));
        self.made.values().flat_map(|made| made.refused.iter().cloned()).collect()
    }
}

fn make(gateway: &ObjectName, listener: &Arc<str>, certificates: &[Arc<Certificate>]) -> Made {
    let provider = Arc::new(ring::default_provider());
    let mut usable = Vec::new();
    let mut refused = Vec::new();
    for certificate in certificates {
        match certified_key(certificate, &provider) {
            Ok(key) => usable.push((certificate.names.clone(), Arc::new(key))),
            Err(why) => refused.push(RefusedCertificate {
                gateway: gateway.clone(),
                listener: listener.clone(),
                secret: certificate.secret.clone(),
                why,
            }),
        }
    }
    let config = if usable.is_empty() { None } else { server_config(BySni { usable }, provider).ok().map(Arc::new) };
    Made { certificates: certificates.to_vec(), config, refused, used: true }
}

fn certified_key(certificate: &Certificate, provider: &CryptoProvider) -> Result<CertifiedKey, rustls::Error> {
    let chain = certificate.chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    let der = certificate.key.der.to_vec();
    let key = match certificate.key.form {
        KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der)),
        KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)),
        KeyForm::Sec1 => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der)),
    };
    CertifiedKey::from_der(chain, key, provider)
}

/// TLS 1.2 and 1.3; tickets and sessions are the listener's own, so that none resumes across listeners.
fn server_config(certificates: BySni, provider: Arc<CryptoProvider>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

/// Chooses among a listener's certificates: exact name, then the longest wildcard, else the first.
struct BySni {
    usable: Vec<(Vec<HostPattern>, Arc<CertifiedKey>)>,
}

impl BySni {
    fn choose(&self, sni: &str) -> Option<&Arc<CertifiedKey>> {
        let sni = lower(sni);
        let rank =
            |names: &[HostPattern]| names.iter().filter(|name| covers(name, &sni)).map(HostPattern::specificity).max();
        // Reversed, because of equals `max_by_key` answers the last.
        let ranked = self.usable.iter().rev().filter_map(|(names, key)| Some((rank(names)?, key)));
        let named = ranked.max_by_key(|&(rank, _)| rank);
        named.map(|(_, key)| key).or_else(|| self.usable.first().map(|(_, key)| key))
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name().unwrap_or("")).cloned()
    }
}

impl fmt::Debug for BySni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.usable.iter().map(|(names, _)| names)).finish()
    }
}

/// Whether a certificate's name is good for a host: its wildcard stands for one label (RFC 9525, 6.3).
fn covers(name: &HostPattern, host: &str) -> bool {
    match name {
        HostPattern::Wildcard(suffix) => host.split_once('.').is_some_and(|(_, rest)| rest == &**suffix),
        HostPattern::Exact(_) | HostPattern::Any => name.matches(host),
    }
}

/// DNS names compare without case.
fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::certificate;

    fn gateway() -> ObjectName {
        ObjectName::new("shop", "edge")
    }

    fn chosen(certificates: &[Arc<Certificate>], sni: &str) -> usize {
        let provider = ring::default_provider();
        let key = |c: &Arc<Certificate>| Arc::new(certified_key(c, &provider).expect("usable"));
        let usable: Vec<_> = certificates.iter().map(|c| (c.names.clone(), key(c))).collect();
        let by_sni = BySni { usable };
        let key = by_sni.choose(sni).expect("one");
        by_sni.usable.iter().position(|(_, k)| Arc::ptr_eq(k, key)).expect("one of them")
    }

    #[test]
    fn the_certificate_is_chosen_by_sni_exact_then_longest_wildcard_then_first() {
        let certificates = [
            certificate("first", &["other.test"]),
            certificate("wide", &["*.shop.test"]),
            certificate("long", &["*.eu.shop.test"]),
            certificate("exact", &["a.eu.shop.test", "shop.test"]),
            certificate("again", &["a.eu.shop.test"]),
        ];
        assert_eq!(chosen(&certificates, "a.eu.shop.test"), 3, "the first of two exact ones");
        assert_eq!(chosen(&certificates, "A.EU.Shop.Test"), 3, "without case");
        assert_eq!(chosen(&certificates, "b.eu.shop.test"), 2);
        assert_eq!(chosen(&certificates, "x.shop.test"), 1);
        assert_eq!(chosen(&certificates, "x.y.shop.test"), 0, "a certificate's wildcard is one label");
        assert_eq!(chosen(&certificates, ""), 0);
    }

    #[test]
    fn a_configuration_is_reused_while_the_certificates_are_equal() {
        let mut configs = TlsConfigs::default();
        let name: Arc<str> = "https".into();
        let one = certificate("one", &["a.test"]);
        let first = configs.find_or_make(&gateway(), &name, std::slice::from_ref(&one)).expect("usable");
        let equal = Arc::new(Certificate::clone(&one));
        let again = configs.find_or_make(&gateway(), &name, &[equal]).expect("usable");
        assert!(Arc::ptr_eq(&first, &again));
        let renewed = configs.find_or_make(&gateway(), &name, &[certificate("one", &["a.test"])]).expect("usable");
        assert!(!Arc::ptr_eq(&first, &renewed), "another key");
        assert!(configs.settle().is_empty());
        assert_eq!(configs.made.len(), 1);
        assert!(configs.settle().is_empty());
        assert!(configs.made.is_empty(), "not asked for since");
    }

    #[test]
    fn a_certificate_that_rustls_refuses_is_left_out_and_told() {
        let mut configs = TlsConfigs::default();
        let good = certificate("good", &["a.test"]);
        let mut bad = Certificate::clone(&certificate("bad", &["b.test"]));
        bad.key = good.key.clone();
        let bad = Arc::new(bad);
        assert!(configs.find_or_make(&gateway(), &"both".into(), &[bad.clone(), good]).is_some());
        assert!(configs.find_or_make(&gateway(), &"none".into(), &[bad]).is_none());
        let refused = configs.settle();
        assert_eq!(refused.len(), 2);
        assert!(refused[0].to_string().contains("Secret shop/bad"), "{}", refused[0]);
    }

    #[test]
    fn sni_opens_the_most_specific_listener() {
        let mut configs = TlsConfigs::default();
        let mut listener = |name: &str, hostname: &str| {
            let name: Arc<str> = name.into();
            let config = configs.find_or_make(&gateway(), &name, &[certificate("one", &["a.test"])]);
            ListenerTls {
                name,
                hostname: HostPattern::parse(hostname).expect("valid"),
                config: config.expect("usable"),
            }
        };
        let tls =
            SocketTls::new(vec![listener("any", ""), listener("wild", "*.a.test"), listener("exact", "x.a.test")]);
        let name = |sni| tls.choose(sni).map(|l| &*l.name);
        assert_eq!(name("x.a.test"), Some("exact"));
        assert_eq!(name("y.a.test"), Some("wild"));
        assert_eq!(name("b.test"), Some("any"));
        assert_eq!(name(""), Some("any"));
    }

    #[test]
    fn no_session_resumes_across_listeners() {
        let mut configs = TlsConfigs::default();
        let one = [certificate("one", &["a.test"])];
        let a = configs.find_or_make(&gateway(), &"a".into(), &one).expect("usable");
        let b = configs.find_or_make(&gateway(), &"b".into(), &one).expect("usable");
        let ticket = a.ticketer.encrypt(b"state").expect("a ticket");
        assert_eq!(a.ticketer.decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        assert_eq!(b.ticketer.decrypt(&ticket), None);
        assert!(!Arc::ptr_eq(&a.session_storage, &b.session_storage));
        assert_eq!(a.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }
}
