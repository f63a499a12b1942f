//! Addresses that are never dialled, whoever wrote them into a slice.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::ServiceSpec;

use super::Options;
use crate::compile::Placement;

/// Where ztunnel hands over, as the shipped class has it.
const HANDED_OVER: u16 = 15088;

/// Whether an endpoint's address may be dialled. Not the pod's own, and not loopback (but for a folder of manifests): what
/// listens there trusts the proxy. Not the link, where clouds serve their metadata, and nothing that is no one host's
/// address. An IPv4 address is the same in an IPv6 one (`::ffff:127.0.0.1`).
///
/// Where loopback may be dialled, ports that trust whoever speaks to them there may not: the one on which ztunnel hands over, with an
/// identity that anybody could write into a header, and the proxy's own.
pub(super) fn allowed(address: SocketAddr, options: &Options) -> bool {
    let ip = address.ip().to_canonical();
    if ip.is_loopback() {
        let trusts = address.port() == HANDED_OVER || options.own_ports.contains(&address.port());
        return options.placement == Placement::Process && !trusts;
    }
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast() || ip.octets().first() == Some(&0),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(link_local || own(ip, options) || ip.is_unspecified() || ip.is_multicast())
}

/// Whether an address is one at which a ServiceEntry is dialled, so that it would come back to the waypoint: the host's own, or any
/// that istiod allocates (240.240.0.0/16 and 2001:2::/48, its defaults). `host`: `None`: it is no ServiceEntry's.
pub(super) fn leads_back(ip: IpAddr, host: Option<&ServiceSpec>) -> bool {
    let Some(spec) = host else { return false };
    let allocated = match ip {
        IpAddr::V4(ip) => ip.octets().starts_with(&[240, 240]),
        IpAddr::V6(ip) => ip.segments().starts_with(&[0x2001, 2, 0]),
    };
    allocated || spec.cluster_ips.iter().flatten().any(|own| own.parse() == Ok(ip))
}

fn own(ip: IpAddr, options: &Options) -> bool {
    options.own_addresses.iter().any(|own| own.to_canonical() == ip)
}
