//! Certificates: `certificateRefs` to Secrets, and Secrets to chains and keys that belong together.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::extensions::GeneralName;

use super::listener::Judge;
use super::verdict::Refusal;
use crate::api::{CertificateRef, Kind, ObjectName, Secret};
use crate::status::Reason;
use crate::table::hostname::HostPattern;
use crate::table::listener::{Certificate, KeyForm, PrivateKey};

/// The type of Secret that holds a certificate and its key.
const TLS_SECRET: &str = "kubernetes.io/tls";

/// What became of a Secret's content.
type Parsed = Result<Arc<Certificate>, String>;

/// Secrets that were parsed, for reuse while they are the same objects.
#[derive(Debug, Default)]
pub(super) struct Known {
    before: BTreeMap<ObjectName, (Arc<Secret>, Parsed)>,
    now: BTreeMap<ObjectName, (Arc<Secret>, Parsed)>,
}

impl Known {
    fn parse(&mut self, name: &ObjectName, secret: &Arc<Secret>) -> Parsed {
        if let Some((_, parsed)) = self.now.get(name) {
            return parsed.clone();
        }
        let known = self.before.remove(name).filter(|(object, _)| Arc::ptr_eq(object, secret));
        let parsed = known.map_or_else(|| parse(name, secret), |(_, parsed)| parsed);
        self.now.insert(name.clone(), (secret.clone(), parsed.clone()));
        parsed
    }

    /// Ends one compile: what it did not use is forgotten.
    pub(super) fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

/// The certificate of a Gateway's `certificateRefs[]`, or why there is none.
pub(super) fn resolve(
    reference: &CertificateRef,
    gateway: &ObjectName,
    judge: &Judge<'_>,
    known: &mut Known,
) -> Result<Arc<Certificate>, Refusal> {
    let invalid = |message: String| Refusal::new(Reason::InvalidCertificateRef, message);
    let group = reference.group.as_deref().unwrap_or_default();
    let kind = reference.kind.as_deref().unwrap_or("Secret");
    if !group.is_empty() || kind != "Secret" {
        return Err(invalid(format!("{kind} {} of group {group:?} is not a Secret", reference.name)));
    }
    let namespace = reference.namespace.as_deref().unwrap_or(&gateway.namespace);
    let name = ObjectName::new(namespace, reference.name.as_str());
    // Asked before anything is looked up: what is not permitted tells nothing of what is there.
    if !judge.grants.permit(Kind::Gateway, &gateway.namespace, Kind::Secret, &name) {
        let message =
            format!("no ReferenceGrant in {namespace} lets Gateways of {} use Secret {name}", gateway.namespace);
        return Err(Refusal::new(Reason::RefNotPermitted, message));
    }
    if judge.options.secret_namespaces.as_ref().is_some_and(|seen| !seen.contains(namespace)) {
        return Err(invalid(format!(
            "Secret {name}: Pingway may not read Secrets of {namespace} (--secret-namespaces)"
        )));
    }
    let secret = judge.snapshot.secrets.get(&name).ok_or_else(|| invalid(format!("Secret {name} does not exist")))?;
    known.parse(&name, secret).map_err(|why| invalid(format!("Secret {name}: {why}")))
}

fn parse(name: &ObjectName, secret: &Secret) -> Parsed {
    match secret.type_.as_deref() {
        Some(TLS_SECRET) => {}
        other => return Err(format!("its type is {:?}, not {TLS_SECRET}", other.unwrap_or("Opaque"))),
    }
    let chain = CertificateDer::pem_slice_iter(entry(secret, "tls.crt")?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("tls.crt is not PEM: {error}"))?;
    let leaf = chain.first().ok_or("tls.crt has no certificate")?;
    let names = names(leaf)?;
    let key = PrivateKeyDer::from_pem_slice(entry(secret, "tls.key")?)
        .map_err(|error| format!("tls.key has no private key in PEM: {error}"))?;
    let signer = any_supported_type(&key).map_err(|error| format!("tls.key cannot be used: {error}"))?;
    match CertifiedKey::new(chain.clone(), signer).keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(Error::InconsistentKeys(_)) => return Err("tls.key does not belong to the certificate in tls.crt".into()),
        Err(error) => return Err(format!("tls.crt cannot be used: {error}")),
    }
    let chain = chain.iter().map(|der| Arc::from(der.as_ref())).collect();
    Ok(Arc::new(Certificate { secret: name.clone(), chain, key: Arc::new(plain(&key)?), names }))
}

fn entry<'s>(secret: &'s Secret, key: &str) -> Result<&'s [u8], String> {
    let text = secret.string_data.as_ref().and_then(|data| data.get(key)).map(String::as_bytes);
    let data = secret.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice());
    text.or(data).ok_or_else(|| format!("it has no {key}"))
}

fn plain(key: &PrivateKeyDer<'_>) -> Result<PrivateKey, String> {
    let form = match key {
        PrivateKeyDer::Pkcs1(_) => KeyForm::Pkcs1,
        PrivateKeyDer::Pkcs8(_) => KeyForm::Pkcs8,
        PrivateKeyDer::Sec1(_) => KeyForm::Sec1,
        _ => return Err("tls.key is of a form that is not supported".into()),
    };
    Ok(PrivateKey { der: key.secret_der().into(), form })
}

/// DNS names that the certificate is for (RFC 5280, 4.2.1.6); what is no hostname is no name to choose it by.
fn names(leaf: &CertificateDer<'_>) -> Result<Vec<HostPattern>, String> {
    let (_, certificate) =
        x509_parser::parse_x509_certificate(leaf).map_err(|error| format!("tls.crt is no certificate: {error}"))?;
    let extension = certificate
        .subject_alternative_name()
        .map_err(|error| format!("tls.crt has malformed alternative names: {error}"))?;
    let mut names = Vec::new();
    for name in extension.iter().flat_map(|extension| &extension.value.general_names) {
        if let GeneralName::DNSName(name) = name
            && let Ok(pattern @ (HostPattern::Exact(_) | HostPattern::Wildcard(_))) = HostPattern::parse(name)
        {
            names.push(pattern);
        }
    }
    Ok(names)
}
