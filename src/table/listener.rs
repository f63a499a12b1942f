//! A listener: port, protocol, hosts.

use std::sync::Arc;

use super::hostname::HostPattern;
use super::hosts::Hosts;
use super::rule::Entry;
use crate::snapshot::Socket;

/// One accepted listener of a Gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its name within the Gateway.
    pub name: Arc<str>,
    /// Where it is opened. All listeners of one socket speak the same protocol.
    pub sockets: Vec<Socket>,
    /// What is spoken.
    pub protocol: Protocol,
    /// Which hosts it serves.
    pub hostname: HostPattern,
    /// Hosts with rules, by the routes' own hostnames.
    pub hosts: Hosts,
}

/// What a listener speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/2 with prior knowledge.
    Http,
    /// The same in TLS that ends here.
    Https {
        /// The certificates to choose from by SNI, in the spec's order; never empty.
        certificates: Vec<Arc<Certificate>>,
    },
}

/// A certificate chain and its key, as the Secret has them, checked to belong together.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The Secret, as `namespace/name`.
    pub secret: crate::api::ObjectName,
    /// Chain, DER, leaf first.
    pub chain: Vec<Arc<[u8]>>,
    /// Private key, DER (PKCS#1, PKCS#8 or SEC1).
    pub key: Arc<PrivateKey>,
    /// DNS names of the leaf (SAN), lower case, wildcards included.
    pub names: Vec<HostPattern>,
}

/// A private key: compared, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    /// DER.
    pub der: Box<[u8]>,
    /// Its form.
    pub form: KeyForm,
}

/// The forms of a DER key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// RFC 8017
    Pkcs1,
    /// RFC 5208
    Pkcs8,
    /// RFC 5915
    Sec1,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("secret", &self.secret).field("names", &self.names).finish_non_exhaustive()
    }
}

/// One hostname's rules within a listener.
///
/// Keyed by the route's **own** hostname, not by its intersection with the listener's: the request has met the listener's
/// hostname already, and precedence goes by the route's own ("characters in a matching hostname").
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// The hostname that the routes name.
    pub hostname: HostPattern,
    /// One entry for each match of each rule, first in precedence first.
    pub entries: Vec<Arc<Entry>>,
}
