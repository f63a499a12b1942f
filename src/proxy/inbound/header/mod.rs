//! The PROXY protocol's header, version 2 (section 2.2 of its specification), as ztunnel sends it ahead of what a client sent.
//!
//! Promises: any bytes are read without a panic, and what is not exactly a header of a proxied TCP connection is refused.
//! Never here: I/O.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::identity::Identity;
use crate::telemetry::label::InboundRefusal;

/// What every header begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;

/// The longest that may follow them, in bytes: addresses, an identity of the longest kind, and some more.
const LONGEST: usize = 4096;

/// Version 2, and the commands.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

/// TCP over IPv4 and over IPv6; what has no address.
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;

/// The half of the byte that names the family; the other is the transport.
const FAMILY: u8 = 0xF0;

/// The field (TLV) in which ztunnel tells the client's identity.
const IDENTITY: u8 = 0xD0;

/// What a header tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Who called.
    pub(crate) source: SocketAddr,
    /// What was dialled.
    pub(crate) destination: SocketAddr,
    /// Who called, by mTLS; `None`: from outside of the mesh.
    pub(crate) identity: Option<Identity>,
}

/// Reads a header, and how many bytes it took. `Ok(None)`: what is here can be the beginning of one.
///
/// Errors: it is none, or of a kind that is not served. What no later byte can mend is told at once.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, InboundRefusal> {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes.get(..seen) != SIGNATURE.get(..seen) {
        return Err(InboundRefusal::NoHeader);
    }
    let Some(&command) = bytes.get(12) else { return Ok(None) };
    match command {
        PROXY => {}
        LOCAL => return Err(InboundRefusal::Local),
        _ => return Err(InboundRefusal::Malformed),
    }
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else { return Ok(None) };
    let [.., family, high, low] = fixed else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length > LONGEST {
        return Err(InboundRefusal::TooLarge);
    }
    let Some(body) = rest.get(..length) else {
        // What the family can tell already need not be waited for.
        return family_of(*family).map(|_| None);
    };
    let (source, destination, fields) = match family_of(*family)? {
        Family::V4 => v4(body),
        Family::V6 => v6(body),
    }
    .ok_or(InboundRefusal::Malformed)?;
    Ok(Some((Header { source, destination, identity: identity(fields)? }, FIXED + length)))
}

/// The families that have addresses.
enum Family {
    V4,
    V6,
}

fn family_of(byte: u8) -> Result<Family, InboundRefusal> {
    match byte {
        TCP4 => Ok(Family::V4),
        TCP6 => Ok(Family::V6),
        // ztunnel has no other way to tell of a client of one family that dialled an address of the other.
        other if other & FAMILY == UNSPECIFIED => Err(InboundRefusal::NoAddress),
        _ => Err(InboundRefusal::Malformed),
    }
}

/// Source, destination, and what follows.
type Addresses<'b> = (SocketAddr, SocketAddr, &'b [u8]);

fn v4(body: &[u8]) -> Option<Addresses<'_>> {
    let (source, rest) = body.split_first_chunk::<4>()?;
    let (destination, rest) = rest.split_first_chunk::<4>()?;
    let ([from, to], rest) = ports(rest)?;
    let address = |octets: &[u8; 4], port| SocketAddr::from((Ipv4Addr::from(*octets), port));
    Some((address(source, from), address(destination, to), rest))
}

fn v6(body: &[u8]) -> Option<Addresses<'_>> {
    let (source, rest) = body.split_first_chunk::<16>()?;
    let (destination, rest) = rest.split_first_chunk::<16>()?;
    let ([from, to], rest) = ports(rest)?;
    let address = |octets: &[u8; 16], port| SocketAddr::new(Ipv6Addr::from(*octets).to_canonical(), port);
    Some((address(source, from), address(destination, to), rest))
}

fn ports(bytes: &[u8]) -> Option<([u16; 2], &[u8])> {
    let (source, rest) = bytes.split_first_chunk::<2>()?;
    let (destination, rest) = rest.split_first_chunk::<2>()?;
    Some(([u16::from_be_bytes(*source), u16::from_be_bytes(*destination)], rest))
}

/// The identity among the fields (TLVs); others are passed over.
fn identity(mut fields: &[u8]) -> Result<Option<Identity>, InboundRefusal> {
    let mut found = None;
    while let [kind, high, low, rest @ ..] = fields {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, next) = rest.split_at_checked(length).ok_or(InboundRefusal::Malformed)?;
        // A second one would leave open which is meant.
        if *kind == IDENTITY && found.replace(Identity::parse(value).ok_or(InboundRefusal::Malformed)?).is_some() {
            return Err(InboundRefusal::Malformed);
        }
        fields = next;
    }
    if fields.is_empty() { Ok(found) } else { Err(InboundRefusal::Malformed) }
}

#[cfg(test)]
mod tests;
