//! Quickstart: the example manifests, and an echo backend for each of their endpoints.
//!
//! The manifests are the files of `config/quickstart`, built in; they are served by the same wiring as any folder's. What
//! is special here: the backends are started first, and the endpoints then say where they really are, so that a port
//! can be mapped, or left to the system.
//!
//! Never here: the request path, what is made of the manifests.

mod backends;
mod commands;
mod echo;
mod redirects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;

pub use backends::{Backends, StartError, start};
pub use commands::{Ports, what_to_try};
pub use redirects::redirects;

/// The manifests: name and text.
pub const MANIFESTS: [(&str, &str); 4] = [
    ("config/quickstart/gateway.yaml", include_str!("../../config/quickstart/gateway.yaml")),
    ("config/quickstart/routes.yaml", include_str!("../../config/quickstart/routes.yaml")),
    ("config/quickstart/backends.yaml", include_str!("../../config/quickstart/backends.yaml")),
    ("config/quickstart/tls.yaml", include_str!("../../config/quickstart/tls.yaml")),
];

/// Ports to open in place of the ones that the manifests name.
pub type PortMap = BTreeMap<u16, u16>;

/// An echo backend that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its Service.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}
