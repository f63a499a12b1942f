//! Quickstart: the example manifests, an echo backend for each of their endpoints, and what ztunnel does for a waypoint.
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
mod ztunnel;

use std::collections::BTreeMap;
use std::net::SocketAddr;

pub use backends::{Backends, StartError, start};
pub use commands::{Ports, what_to_try};
pub use redirects::redirects;
pub use ztunnel::{ZTUNNEL_PORT, stand_in};

/// The manifests: name and text.
pub const MANIFESTS: [(&str, &str); 5] = [
    ("config/quickstart/gateway.yaml", include_str!("../../config/quickstart/gateway.yaml")),
    ("config/quickstart/routes.yaml", include_str!("../../config/quickstart/routes.yaml")),
    ("config/quickstart/backends.yaml", include_str!("../../config/quickstart/backends.yaml")),
    ("config/quickstart/mesh.yaml", include_str!("../../config/quickstart/mesh.yaml")),
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
