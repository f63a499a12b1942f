//! Observed facts: what the running proxy reports back, as data.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Where a listener's port is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    /// The address; `None`: every address of the machine, of both families.
    pub address: Option<IpAddr>,
    /// The port that the listener names (before any port mapping of the command line).
    pub port: u16,
}

/// Why a socket could not be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindFailure {
    /// The system's words, with the address and port.
    pub message: String,
}

/// Facts that came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Sockets of which the outcome is known. A socket that is not here is taken as bound: `check` runs no proxy.
    pub sockets: BTreeMap<Socket, Result<(), BindFailure>>,
}
