//! A request's head, judged: what it is for, and whether it may be served at all.
//!
//! Pingora has refused what is not HTTP already: two Hosts, a Host that differs from an absolute target, user
//! information, ambiguous lengths. Here is what it lets pass.

use std::borrow::Cow;

use http::header::HOST;
use http::{Method, Version};
use pingora::http::RequestHeader;

use crate::table::path::normalise;
use crate::table::request::{RequestView, has_grpc_content};

/// What a request is for: borrowed from its head where nothing had to be changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'h> {
    /// Host, lower case, without port and trailing dot; empty for an HTTP/1.0 request without one.
    pub(crate) host: Cow<'h, str>,
    /// Path in normal form.
    pub(crate) path: Cow<'h, str>,
    /// Query without the question mark, as it came.
    pub(crate) query: Option<&'h str>,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHead {
    /// HTTP/1.1 without Host (RFC 9112, 3.2), or a Host that is none.
    Host,
    /// A target that has no normal form, is none of this proxy's (RFC 9112, 3.2), or `*` without OPTIONS.
    Path,
    /// CONNECT: a gateway is no tunnel.
    Connect,
}

/// Judges a head.
pub(crate) fn target(head: &RequestHeader) -> Result<Target<'_>, BadHead> {
    if head.method == Method::CONNECT {
        return Err(BadHead::Connect);
    }
    let host = match authority(head) {
        Some(authority) => host(authority).ok_or(BadHead::Host)?,
        None if head.version == Version::HTTP_10 => Cow::Borrowed(""),
        None => return Err(BadHead::Host),
    };
    if !head.raw_path_is_utf8() || !is_target_form(head.raw_path()) {
        return Err(BadHead::Path);
    }
    let path = match head.uri.path() {
        "*" if head.method != Method::OPTIONS => return Err(BadHead::Path),
        "" => Cow::Borrowed("/"),
        path => normalise(path).map_err(|_| BadHead::Path)?,
    };
    Ok(Target { host, path, query: head.uri.query() })
}

/// Whether a target is a path, `*`, or a whole URL of HTTP. A lone host is for CONNECT only, and a lone query or fragment
/// is nothing at all: what one reader takes for `/` another may not.
fn is_target_form(raw: &[u8]) -> bool {
    let begins_with = |scheme: &[u8]| raw.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    raw.starts_with(b"/") || raw == b"*" || begins_with(b"http://") || begins_with(b"https://")
}

/// `:authority` or Host, as it came. The two are equal where both are there.
pub(crate) fn authority(head: &RequestHeader) -> Option<&[u8]> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str().as_bytes()),
        None => head.headers.get(HOST).map(|value| value.as_bytes()),
    }
}

/// The host of `host:port`, in lower case and without a trailing dot. `None`: it is no host.
fn host(authority: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(authority).ok()?;
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end);
    let port_is_one = match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%');
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => literal.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(allowed),
    };
    if !port_is_one || !is_host {
        return None;
    }
    Some(match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    })
}

impl Target<'_> {
    /// What lookup sees.
    pub(crate) fn view<'v>(&'v self, head: &'v RequestHeader) -> RequestView<'v> {
        RequestView {
            host: &self.host,
            path: &self.path,
            query: self.query,
            method: &head.method,
            headers: &head.headers,
        }
    }
}

/// Whether a request is a gRPC call.
pub(crate) fn is_grpc(head: &RequestHeader, http2: bool) -> bool {
    http2 && has_grpc_content(&head.headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, target: &str, host: Option<&str>) -> RequestHeader {
        let mut head = RequestHeader::build(method, target.as_bytes(), None).unwrap();
        head.set_version(Version::HTTP_11);
        if let Some(host) = host {
            head.insert_header("Host", host).unwrap();
        }
        head
    }

    #[test]
    fn host_is_compared_without_port_case_and_trailing_dot() {
        for (spelled, wanted) in [
            ("a.test", "a.test"),
            ("A.Test:8082", "a.test"),
            ("a.test.", "a.test"),
            ("a.test.:80", "a.test"),
            ("[::1]:80", "[::1]"),
            ("10.0.0.1", "10.0.0.1"),
            ("a.test:", "a.test"),
        ] {
            assert_eq!(target(&head("GET", "/", Some(spelled))).unwrap().host, wanted, "{spelled}");
        }
        for wrong in ["", "a b", "a/b", "a:b", "[::1", "[::1]x", "[zz]", "a,b", "a\\b", "."] {
            assert_eq!(target(&head("GET", "/", Some(wrong))), Err(BadHead::Host), "{wrong}");
        }
    }

    #[test]
    fn only_http_1_0_may_go_without_host() {
        assert_eq!(target(&head("GET", "/", None)), Err(BadHead::Host));
        let mut old = head("GET", "/", None);
        old.set_version(Version::HTTP_10);
        assert_eq!(target(&old).unwrap().host, "");
    }

    #[test]
    fn absolute_targets_and_asterisks_have_their_path() {
        let absolute = head("GET", "http://a.test/x/../y?q=1", Some("a.test"));
        let judged = target(&absolute).unwrap();
        assert_eq!((&*judged.path, judged.query), ("/y", Some("q=1")));
        assert_eq!(target(&head("OPTIONS", "*", Some("a.test"))).unwrap().path, "*");
        assert_eq!(target(&head("GET", "*", Some("a.test"))), Err(BadHead::Path));
    }

    #[test]
    fn targets_of_no_form_that_a_gateway_serves_are_refused() {
        for wrong in ["a.test", "a.test:80", "?q=1", "ftp://a.test/"] {
            assert_eq!(target(&head("GET", wrong, Some("a.test"))), Err(BadHead::Path), "{wrong}");
        }
        assert_eq!(target(&head("GET", "http://a.test?q=1", Some("a.test"))).unwrap().path, "/");
    }

    #[test]
    fn paths_without_a_normal_form_and_connect_are_refused() {
        assert_eq!(target(&head("GET", "/pub%2F..%2Fadm", Some("a.test"))), Err(BadHead::Path));
        assert_eq!(target(&head("CONNECT", "a.test:443", Some("a.test:443"))), Err(BadHead::Connect));
    }

    #[test]
    fn grpc_is_told_by_its_content_type_on_http_2() {
        for (content_type, wanted) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x", true),
            ("application/grpc-web", false),
            ("text/plain", false),
        ] {
            let mut call = head("POST", "/s/m", Some("a.test"));
            call.insert_header("content-type", content_type).unwrap();
            assert_eq!(is_grpc(&call, true), wanted, "{content_type}");
            assert!(!is_grpc(&call, false));
        }
    }
}
