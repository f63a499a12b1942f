//! Fields that belong to one connection only, and never go on (RFC 9110, 7.6.1).

use http::header::{CONNECTION, EXPECT, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Version};
use pingora::http::{RequestHeader, ResponseHeader};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// What a request's fields asked of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Another protocol: the value of a real upgrade's `Upgrade`.
    pub(crate) upgrade: Option<HeaderValue>,
    /// `TE: trailers`
    pub(crate) trailers: bool,
    /// `Expect: 100-continue`, with a body (RFC 9110, 10.1.1).
    pub(crate) expects_continue: bool,
}

/// Takes them out of a request. `body`: whether one is to come; a request with a body is never upgraded.
pub(crate) fn strip_request(head: &mut RequestHeader, body: bool) -> Asked {
    let mut asked = Asked::default();
    if let Some(value) = head.headers.get(TE) {
        asked.trailers = tokens(value).any(|token| token.eq_ignore_ascii_case("trailers"));
        head.remove_header(&TE);
    }
    if let Some(value) = head.headers.get(EXPECT) {
        asked.expects_continue =
            body && head.version == Version::HTTP_11 && value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    }
    if head.headers.contains_key(UPGRADE) {
        asked.upgrade = upgrade(head, body);
        head.remove_header(&UPGRADE);
        head.remove_header(&HTTP2_SETTINGS);
    }
    for name in nominated(&head.headers) {
        head.remove_header(&name);
    }
    for name in [CONNECTION, TRANSFER_ENCODING, KEEP_ALIVE, PROXY_CONNECTION] {
        if head.headers.contains_key(&name) {
            head.remove_header(&name);
        }
    }
    asked
}

/// Takes them out of a response.
pub(crate) fn strip_response(head: &mut ResponseHeader) {
    for name in nominated(&head.headers) {
        head.remove_header(&name);
    }
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, KEEP_ALIVE, PROXY_CONNECTION] {
        if head.headers.contains_key(&name) {
            head.remove_header(&name);
        }
    }
}

/// The protocol that a request really asks for: `Upgrade`, nominated by `Connection`, on HTTP/1.1, without a body.
/// HTTP/2 begins with prior knowledge only; whoever offers `h2c` is answered in HTTP/1.1 (RFC 9110, 7.8).
fn upgrade(head: &RequestHeader, body: bool) -> Option<HeaderValue> {
    let nominated = head.headers.get_all(CONNECTION).iter().flat_map(tokens);
    let real = nominated.into_iter().any(|token| token.eq_ignore_ascii_case("upgrade"));
    let value = head.headers.get(UPGRADE)?;
    let h2c = tokens(value).any(|token| token.eq_ignore_ascii_case("h2c"));
    let allowed = real && !h2c && !body && head.version == Version::HTTP_11 && head.method != Method::CONNECT;
    allowed.then(|| value.clone())
}

/// Fields that `Connection` names, but for those that are not a connection's to name: without them the message would be
/// another one.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    const NEVER: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "te", "upgrade"];
    const PLAIN: [&str; 3] = ["keep-alive", "close", "upgrade"];
    let mut names = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in tokens(value) {
            let known = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(token));
            if !known(&PLAIN) && !known(&NEVER) {
                names.extend(HeaderName::from_bytes(token.as_bytes()).ok());
            }
        }
    }
    names
}

/// The comma-separated tokens of a value.
pub(crate) fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    text.split(',').map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&'static str, &'static str)]) -> RequestHeader {
        let mut head = RequestHeader::build("GET", b"/", None).unwrap();
        head.set_version(Version::HTTP_11);
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    fn names(head: &RequestHeader) -> Vec<&str> {
        let mut names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn hop_by_hop_and_nominated_fields_go_no_further() {
        let mut head = request(&[
            ("Host", "a.test"),
            ("Connection", "close, X-Mine"),
            ("Connection", "x-other,Host,content-length"),
            ("X-Mine", "1"),
            ("X-Other", "1"),
            ("X-Kept", "1"),
            ("Content-Length", "3"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "keep-alive"),
            ("TE", "gzip, trailers"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "websocket"),
        ]);
        let asked = strip_request(&mut head, false);
        assert_eq!(names(&head), ["content-length", "host", "x-kept"]);
        assert_eq!(asked, Asked { trailers: true, ..Asked::default() });
    }

    #[test]
    fn only_a_real_upgrade_is_one() {
        let websocket = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket")];
        assert_eq!(strip_request(&mut request(&websocket), false).upgrade.unwrap(), "websocket");
        assert_eq!(strip_request(&mut request(&websocket), true).upgrade, None);
        let mut old = request(&websocket);
        old.set_version(Version::HTTP_10);
        assert_eq!(strip_request(&mut old, false).upgrade, None);
        let h2c = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")];
        let mut head = request(&h2c);
        assert_eq!(strip_request(&mut head, false).upgrade, None);
        assert_eq!(names(&head), Vec::<&str>::new());
    }

    #[test]
    fn responses_lose_theirs_too() {
        let mut head = ResponseHeader::build(200, None).unwrap();
        for (name, value) in
            [("Connection", "X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "5"), ("Transfer-Encoding", "chunked")]
        {
            head.append_header(name, value).unwrap();
        }
        strip_response(&mut head);
        assert!(head.headers.is_empty());
    }
}
