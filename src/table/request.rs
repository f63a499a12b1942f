//! A request as lookup sees it.

use std::net::Ipv6Addr;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

/// What lookup reads of a request: borrowed, normalised.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// Host, lower case, without port and trailing dot.
    pub host: &'a str,
    /// Path in normal form, without the query; begins with `/` (or is `*` for `OPTIONS *`).
    pub path: &'a str,
    /// Query without the question mark.
    pub query: Option<&'a str>,
    /// Method.
    pub method: &'a Method,
    /// Header fields.
    pub headers: &'a HeaderMap,
}

/// Whether fields are those of a gRPC call (gRPC over HTTP/2: content-type `application/grpc`, with a suffix or without).
pub fn has_grpc_content(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    content_type.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Longest host, in bytes: a DNS name without its trailing dot (RFC 1035, 2.3.4).
const LONGEST: usize = 253;

/// The host of a `Host` field or `:authority`: lower case, without port and trailing dot, on the stack. An IPv6 address
/// keeps its brackets.
#[derive(Clone, Copy)]
pub struct HostText {
    bytes: [u8; LONGEST],
    length: usize,
}

/// A text that is no authority of an HTTP request (RFC 9110, 7.2); the answer is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host with or without a port")]
pub struct BadAuthority;

impl HostText {
    /// Reads `host` or `host:port`. User information, an empty host and characters that no host name has are refused.
    pub fn parse(authority: &[u8]) -> Result<Self, BadAuthority> {
        let (host, port) = split(authority).ok_or(BadAuthority)?;
        let host = match host {
            [b'[', address @ .., b']'] => {
                let address = std::str::from_utf8(address).map_err(|_| BadAuthority)?;
                address.parse::<Ipv6Addr>().map_err(|_| BadAuthority)?;
                host
            }
            name => {
                let name = name.strip_suffix(b".").unwrap_or(name);
                let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
                if name.is_empty() || !name.iter().all(allowed) {
                    return Err(BadAuthority);
                }
                name
            }
        };
        // An empty port is none (RFC 3986, 3.2.3).
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u16>().ok();
        if !port.iter().all(u8::is_ascii_digit) || (!port.is_empty() && number(port).is_none()) {
            return Err(BadAuthority);
        }
        let mut bytes = [0; LONGEST];
        let room = bytes.get_mut(..host.len()).ok_or(BadAuthority)?;
        room.copy_from_slice(host);
        room.make_ascii_lowercase();
        Ok(Self { bytes, length: host.len() })
    }

    /// The host.
    pub fn as_str(&self) -> &str {
        // ASCII, as it was read.
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Host and port; the port is empty where there is none.
fn split(authority: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = match authority {
        [b'[', ..] => authority.iter().position(|&b| b == b']')? + 1,
        _ => authority.iter().position(|&b| b == b':').unwrap_or(authority.len()),
    };
    match authority.split_at_checked(end)? {
        (host, []) => Some((host, &[])),
        (host, [b':', port @ ..]) => Some((host, port)),
        _ => None,
    }
}

impl std::fmt::Debug for HostText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_lower_case_without_port_and_trailing_dot() {
        for (authority, wanted) in [
            ("h.test:8082", "h.test"),
            ("H.Test", "h.test"),
            ("h.test.", "h.test"),
            ("h.test.:80", "h.test"),
            ("h.test:", "h.test"),
            ("my_svc.ns", "my_svc.ns"),
            ("10.0.0.1:80", "10.0.0.1"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(HostText::parse(authority.as_bytes()).unwrap().as_str(), wanted, "{authority}");
        }
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        let long = "a".repeat(LONGEST + 1);
        for authority in [
            "",
            ".",
            ":80",
            "a@b",
            "a b",
            "a/b",
            "é.test",
            "a:b",
            "a:80:80",
            "a:+1",
            "a:65536",
            "[::1",
            "[::1]x",
            "[::g]",
            "[10.0.0.1]",
            "::1",
            "[fe80::1%eth0]",
            "a,b",
            &long,
        ] {
            assert!(HostText::parse(authority.as_bytes()).is_err(), "{authority}");
        }
        assert!(HostText::parse(&long.as_bytes()[1..]).is_ok());
    }
}
