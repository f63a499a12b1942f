//! Addresses that are never dialled, whoever wrote them into a slice.

use std::net::IpAddr;

use super::Options;

/// Whether an endpoint's address may be dialled. Not on the machine itself, where other things listen that trust
/// loopback (unless the options say so), not the link, where clouds serve their metadata, and nothing that is no one
/// host's address.
pub(super) fn allowed(ip: IpAddr, options: &Options) -> bool {
    if ip.is_loopback() {
        return options.loopback_endpoints;
    }
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast() || ip.octets().first() == Some(&0),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(link_local || ip.is_unspecified() || ip.is_multicast())
}
