//! A response's head as the client gets it, and how its body is framed.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, Method, StatusCode, Version};
use pingora::http::ResponseHeader;

use super::hop_by_hop::{Asked, strip_response, tokens};
use crate::table::filter::HeadEdit;

/// Whether a response has a body to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HasBody {
    /// It may have.
    Yes,
    /// Never: to HEAD, 204, 304, or Content-Length 0.
    No,
}

/// Frames a response's head for its client, who speaks this version.
///
/// HTTP/2 frames by itself. HTTP/1.1 gets Content-Length where it is known, else chunks. HTTP/1.0 knows no chunks: where the
/// length is not known, the body ends with the connection.
pub(crate) fn frame(head: &mut ResponseHeader, client: Version, method: &Method) -> HasBody {
    let chunked = head.headers.contains_key(TRANSFER_ENCODING);
    strip_response(head);
    if chunked && head.headers.contains_key(CONTENT_LENGTH) {
        // The chunks count, not what Content-Length claims (RFC 9112, 6.3).
        head.remove_header(&CONTENT_LENGTH);
    }
    if client != Version::HTTP_2 {
        head.set_version(Version::HTTP_11);
    }
    if head.status == StatusCode::NO_CONTENT {
        head.remove_header(&CONTENT_LENGTH);
        return HasBody::No;
    }
    if *method == Method::HEAD || head.status == StatusCode::NOT_MODIFIED {
        return HasBody::No;
    }
    match head.headers.get(CONTENT_LENGTH) {
        Some(length) if length.as_bytes() == b"0" => HasBody::No,
        Some(_) => HasBody::Yes,
        None => {
            if client == Version::HTTP_11 {
                head.set(&TRANSFER_ENCODING, &HeaderValue::from_static("chunked"));
            }
            HasBody::Yes
        }
    }
}

/// Whether an informational response goes on: HTTP/1.0 has none, and Pingora's HTTP/2 sessions can send none.
pub(crate) fn relays_informational(client: Version) -> bool {
    client == Version::HTTP_11
}

/// Whether a 101 answers what was asked: an unasked one, or one for another protocol, is no HTTP.
pub(crate) fn upgrade_fits(head: &ResponseHeader, asked: &Asked) -> bool {
    let (Some(asked), Some(answer)) = (&asked.upgrade, head.headers.get(UPGRADE)) else { return false };
    tokens(answer).next().is_some()
        && tokens(answer).all(|answer| tokens(asked).any(|asked| asked.eq_ignore_ascii_case(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, fields: &[(&'static str, &'static str)]) -> ResponseHeader {
        let mut head = ResponseHeader::build(status, None).unwrap();
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    fn framed(
        status: u16,
        fields: &[(&'static str, &'static str)],
        client: Version,
        method: Method,
    ) -> (HasBody, Option<String>, Option<String>) {
        let mut head = response(status, fields);
        let body = frame(&mut head, client, &method);
        let field = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (body, field("content-length"), field("transfer-encoding"))
    }

    #[test]
    fn length_is_kept_and_its_absence_made_good_by_chunks_on_http_1_1_only() {
        let length = [("Content-Length", "3")];
        let chunks = [("Transfer-Encoding", "chunked")];
        let both = [("Content-Length", "3"), ("Transfer-Encoding", "chunked")];
        let (yes, three, chunked) = (HasBody::Yes, Some("3".to_owned()), Some("chunked".to_owned()));
        for (fields, version, wanted) in [
            (&length[..], Version::HTTP_11, (yes, three.clone(), None)),
            (&length[..], Version::HTTP_10, (yes, three.clone(), None)),
            (&length[..], Version::HTTP_2, (yes, three.clone(), None)),
            (&chunks[..], Version::HTTP_11, (yes, None, chunked.clone())),
            (&chunks[..], Version::HTTP_10, (yes, None, None)),
            (&chunks[..], Version::HTTP_2, (yes, None, None)),
            (&both[..], Version::HTTP_11, (yes, None, chunked.clone())),
            (&[], Version::HTTP_11, (yes, None, chunked.clone())),
            (&[], Version::HTTP_10, (yes, None, None)),
        ] {
            assert_eq!(framed(200, fields, version, Method::GET), wanted, "{fields:?} {version:?}");
        }
    }

    #[test]
    fn what_has_no_body_is_not_framed_as_if_it_had() {
        let length = [("Content-Length", "3")];
        let three = Some("3".to_owned());
        assert_eq!(framed(200, &length, Version::HTTP_11, Method::HEAD), (HasBody::No, three.clone(), None));
        assert_eq!(framed(200, &[], Version::HTTP_11, Method::HEAD), (HasBody::No, None, None));
        assert_eq!(framed(304, &length, Version::HTTP_11, Method::GET), (HasBody::No, three, None));
        assert_eq!(framed(204, &length, Version::HTTP_11, Method::GET), (HasBody::No, None, None));
        let none = [("Content-Length", "0")];
        assert_eq!(framed(200, &none, Version::HTTP_11, Method::GET), (HasBody::No, Some("0".to_owned()), None));
    }

    #[test]
    fn a_101_fits_only_what_was_asked() {
        let asked = Asked { upgrade: Some(HeaderValue::from_static("websocket, other")), ..Asked::default() };
        assert!(upgrade_fits(&response(101, &[("Upgrade", "WebSocket")]), &asked));
        assert!(!upgrade_fits(&response(101, &[("Upgrade", "raw")]), &asked));
        assert!(!upgrade_fits(&response(101, &[]), &asked));
        assert!(!upgrade_fits(&response(101, &[("Upgrade", "websocket")]), &Asked::default()));
    }
}
