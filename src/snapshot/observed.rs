//! Observed facts: what comes back from where Gateways are served, as data.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::api::{Gateway, ObjectName, ObjectRef, StatusAddress};

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
    /// From this process: sockets of which the outcome is known. One that is not here is taken as bound: `check` runs no
    /// proxy.
    pub sockets: BTreeMap<Socket, Result<(), BindFailure>>,
    /// From the pods of Gateways. What is not here is not known yet.
    pub gateways: BTreeMap<ObjectName, GatewayFacts>,
    /// From the API server: CRDs of the Gateway API that are installed, with the version that each names. Empty where they
    /// are not known: without a cluster, or in a waypoint's pod.
    pub bundles: BTreeMap<Arc<str>, Option<Arc<str>>>,
}

impl Observed {
    /// What is known of this very Gateway. One that was made anew under the name of another has none of its facts.
    pub fn gateway(&self, gateway: &Gateway) -> Option<&GatewayFacts> {
        let facts = self.gateways.get(&gateway.meta.name)?;
        (gateway.meta.uid.as_ref() == Some(&facts.uid)).then_some(facts)
    }
}

/// What is known of the pods that serve one Gateway, and of what stands before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayFacts {
    /// `metadata.uid` of the Gateway that the facts are of.
    pub uid: Arc<str>,
    /// Addresses of its Service, in the order in which its status has them; empty until it can be reached.
    pub addresses: Vec<StatusAddress>,
    /// Why something that it runs on could not be made as it should be.
    pub failure: Option<ProvisioningFailure>,
    /// What its replicas report, by pod.
    pub replicas: BTreeMap<Arc<str>, Replica>,
}

/// Why something that a Gateway runs on could not be made, in words that name the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvisioningFailure {
    /// An address of `spec.addresses` can't be had.
    Address(String),
    /// Anything else: a Deployment, a Service, a right.
    Object(String),
}

impl fmt::Display for ProvisioningFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Address(words) | Self::Object(words)) = self;
        f.write_str(words)
    }
}

/// What one replica reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    /// `metadata.generation` of the Gateway as it is served.
    pub generation: i64,
    /// Ports of listeners of which the outcome is known.
    pub ports: BTreeMap<u16, Result<(), BindFailure>>,
    /// Objects that it could not read, or not make a table of, and why. What they were before is served on.
    pub unread: BTreeMap<ObjectRef, String>,
}
