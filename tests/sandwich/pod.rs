//! Pods: a network namespace with an address of each family, on a network that they share, and a stand-in for ztunnel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

use crate::mesh::Registry;
use crate::mesh::certificates::Authority;
use crate::mesh::ztunnel::Ztunnel;
use crate::namespace::Namespace;

/// Which pods there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// A client in namespace `shop`.
    Web,
    /// A client in namespace `other`.
    Guest,
    /// The waypoint's, in namespace `mesh`.
    Waypoint,
    /// Backends in namespace `apps`.
    One,
    Two,
    /// A second one of the waypoint's.
    Replica,
}

impl Name {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [Self::Web, Self::Guest, Self::Waypoint, Self::One, Self::Two, Self::Replica];

    /// The pod's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Guest => "guest",
            Self::Waypoint => "waypoint",
            Self::One => "one",
            Self::Two => "two",
            Self::Replica => "replica",
        }
    }

    /// The identity of its ServiceAccount.
    pub(crate) fn identity(self) -> String {
        let account = match self {
            Self::Web => "shop/sa/web",
            Self::Guest => "other/sa/guest",
            Self::Waypoint | Self::Replica => "mesh/sa/waypoint-pingway",
            Self::One | Self::Two => "apps/sa/echo",
        };
        format!("spiffe://cluster.local/ns/{account}")
    }

    /// Its addresses, of IPv4 and of IPv6.
    pub(crate) fn addresses(self) -> [IpAddr; 2] {
        let number = 11 + self as u8;
        [Ipv4Addr::new(10, 244, 0, number).into(), Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, number.into()).into()]
    }

    /// Its address of IPv4.
    pub(crate) fn v4(self) -> IpAddr {
        self.addresses()[0]
    }

    /// Its address of IPv6.
    pub(crate) fn v6(self) -> IpAddr {
        self.addresses()[1]
    }
}

/// A pod.
pub(crate) struct Pod {
    /// Its network namespace.
    pub(crate) namespace: Namespace,
    /// Its ztunnel.
    pub(crate) ztunnel: Arc<Ztunnel>,
}

impl Deref for Pod {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}

/// The network that pods share: a bridge in a namespace of its own.
pub(crate) struct Network(Namespace);

impl Network {
    /// A network without pods.
    pub(crate) fn new() -> Self {
        let namespace = Namespace::new("network");
        namespace.ip("link add bridge type bridge");
        namespace.ip("link set bridge up");
        Self(namespace)
    }

    /// A pod on it. Whatever it sends goes out to the network, as its ztunnel finds it.
    pub(crate) async fn pod(&self, name: Name, registry: Arc<Registry>, authority: &Authority) -> Pod {
        let (namespace, word) = (Namespace::new(name.word()), name.word());
        self.0.ip(&format!("link add {word} type veth peer name eth0 netns {}", namespace.path()));
        self.0.ip(&format!("link set {word} master bridge up"));
        for address in name.addresses() {
            let rest = if address.is_ipv4() { "/24 dev eth0" } else { "/64 dev eth0 nodad" };
            namespace.ip(&format!("addr add {address}{rest}"));
        }
        namespace.ip("link set eth0 up");
        namespace.ip("-4 route add default dev eth0");
        namespace.ip("-6 route add default dev eth0");
        let credentials = authority.credentials(&name.identity());
        let ztunnel =
            Ztunnel::start(&namespace, registry, credentials, matches!(name, Name::Waypoint | Name::Replica)).await;
        Pod { namespace, ztunnel }
    }
}
