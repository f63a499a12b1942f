//! Who may read the admin page: only who is on this machine, and speaks to it by its own name.

use std::net::{IpAddr, SocketAddr};

/// An admin address that others could reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the admin page is for this machine only: {0} is not a loopback address (use 127.0.0.1:PORT or [::1]:PORT)")]
pub struct NotLoopback(pub SocketAddr);

/// Refuses an address that others could reach.
pub(super) fn loopback(address: SocketAddr) -> Result<SocketAddr, NotLoopback> {
    if address.ip().is_loopback() { Ok(address) } else { Err(NotLoopback(address)) }
}

/// Whether a `Host` field names this machine by itself. A page from elsewhere whose name was pointed at 127.0.0.1 (DNS
/// rebinding) sends its own name.
pub(super) fn names_loopback(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = without_port.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(without_port);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_bound() {
        for address in ["127.0.0.1:0", "127.8.8.8:15000", "[::1]:0"] {
            assert!(loopback(address.parse().expect(address)).is_ok(), "{address}");
        }
        for address in ["0.0.0.0:15000", "[::]:0", "192.0.2.1:1"] {
            let refused = loopback(address.parse().expect(address)).expect_err(address);
            assert!(refused.to_string().contains(address), "{refused}");
        }
    }

    #[test]
    fn hosts_that_name_this_machine() {
        for host in ["localhost", "LOCALHOST:15000", "127.0.0.1", "127.0.0.1:15000", "[::1]", "[::1]:15000"] {
            assert!(names_loopback(host), "{host}");
        }
        for host in
            ["", ":15000", "evil.test", "evil.test:15000", "localhost.evil.test", "127.0.0.1.evil.test:1", "10.0.0.1"]
        {
            assert!(!names_loopback(host), "{host}");
        }
    }
}
