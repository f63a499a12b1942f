//! TLS configurations of listeners: made by link, off the workers, and reused while the certificates are the same.

use std::sync::Arc;

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
    pub hostname: crate::table::hostname::HostPattern,
    /// Picks among the listener's certificates by SNI; ALPN `h2`, `http/1.1`.
    pub config: Arc<rustls::ServerConfig>,
}

impl SocketTls {
    /// Puts the listeners of one socket together.
    pub fn new(listeners: Vec<ListenerTls>) -> Self {
        Self { listeners }
    }

    /// The listener for an SNI (`None`: the client sent none): exact, longest wildcard, any.
    pub fn choose(&self, sni: Option<&str>) -> Option<&ListenerTls> {
        let sni = sni.unwrap_or("");
        self.listeners.iter().filter(|l| l.hostname.matches(sni)).max_by_key(|l| l.hostname.specificity())
    }
}
