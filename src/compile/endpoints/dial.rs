//! Addresses that are never dialled, whoever wrote them into a slice.

use std::net::IpAddr;

use super::Options;
use crate::compile::Placement;

/// Whether an endpoint's address may be dialled. Not the pod's own, and not loopback (but for a folder of manifests): what
/// listens there trusts the proxy. Not the link, where clouds serve their metadata, and nothing that is no one host's
/// address. An IPv4 address is the same in an IPv6 one (`::ffff:127.0.0.1`).
pub(super) fn allowed(ip: IpAddr, options: &Options) -> bool {
    let ip = ip.to_canonical();
    if ip.is_loopback() {
        return options.placement == Placement::Process;
    }
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast() || ip.octets().first() == Some(&0),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(link_local || own(ip, options) || ip.is_unspecified() || ip.is_multicast())
}

fn own(ip: IpAddr, options: &Options) -> bool {
    options.own_addresses.iter().any(|own| own.to_canonical() == ip)
}
