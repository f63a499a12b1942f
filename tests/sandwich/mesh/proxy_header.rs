//! The header of the PROXY protocol, version 2, as ztunnel sends it to a waypoint.

use std::net::{IpAddr, SocketAddr};

/// What begins every header; the command PROXY is its last byte.
pub(crate) const SIGNATURE: &[u8; 13] = b"\r\n\r\n\0\r\nQUIT\n\x21";

/// The field that tells the client's identity.
pub(crate) const IDENTITY: u8 = 0xd0;

/// A header. Addresses of two families cannot be told: then there are none, as ztunnel has it.
pub(crate) fn header(source: SocketAddr, dialled: SocketAddr, identity: Option<&str>) -> Vec<u8> {
    let mut body = Vec::new();
    let family = match (source.ip(), dialled.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            body.extend([from.octets(), to.octets()].concat());
            0x11
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            body.extend([from.octets(), to.octets()].concat());
            0x21
        }
        _ => 0x01,
    };
    if family != 0x01 {
        body.extend([source.port().to_be_bytes(), dialled.port().to_be_bytes()].concat());
    }
    if let Some(identity) = identity {
        body.push(IDENTITY);
        body.extend(length(identity.as_bytes()));
        body.extend(identity.as_bytes());
    }
    [&SIGNATURE[..], &[family], &length(&body), &body].concat()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).expect("a short one").to_be_bytes()
}
