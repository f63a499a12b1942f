//! What the endpoint is told of the client: `x-forwarded-for`, `x-forwarded-proto`, `x-forwarded-client-cert`, and `x-request-id`.

use std::cell::RefCell;
use std::net::IpAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderValue;
use http::header::HeaderName;
use pingora::http::RequestHeader;

use super::inbound::Identity;
use crate::settings::ServiceAccount;
use crate::table::filter::headers::joined;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a client says of its own identity counts nothing: only mTLS tells it. Tells the endpoint that, where it is to be told.
pub(crate) fn set_identity(head: &mut RequestHeader, client_cert: Option<&HeaderValue>) {
    head.remove_header(&CLIENT_CERT);
    if let Some(client_cert) = client_cert {
        // Inserting a valid name and value cannot fail.
        let _ = head.insert_header(CLIENT_CERT, client_cert.clone());
    }
}

/// A client's identity as `x-forwarded-client-cert` has it (Envoy's format), and the waypoint's own where it is known: of the client's
/// trust domain, which is the mesh's. Once for a connection.
pub(crate) fn client_cert(client: &Identity, own: Option<&ServiceAccount>) -> Option<HeaderValue> {
    let by = own.map(|own| format!("By=spiffe://{}/ns/{}/sa/{};", client.domain(), own.namespace, own.name));
    HeaderValue::try_from(format!("{}URI={}", by.unwrap_or_default(), client.as_str())).ok()
}

/// Tells the endpoint of the client. Appends the peer to what the client says of those before it, and replaces what it
/// says of the scheme. Answers the request's id: the client's own, or a new one.
pub(crate) fn add(head: &mut RequestHeader, peer: &HeaderValue, tls: bool) -> HeaderValue {
    let forwarded_for = match head.headers.contains_key(&FORWARDED_FOR) {
        true => joined(head.headers.get_all(&FORWARDED_FOR).iter(), peer),
        false => peer.clone(),
    };
    let proto = HeaderValue::from_static(if tls { "https" } else { "http" });
    // Inserting a valid name and value cannot fail.
    let _ = head.insert_header(FORWARDED_FOR, forwarded_for);
    let _ = head.insert_header(FORWARDED_PROTO, proto);
    add_id(head)
}

/// Tells the endpoint the request's id and nothing of the client: in a mesh these fields pass as they are. Answers the id: the
/// client's own, or a new one.
pub(crate) fn add_id(head: &mut RequestHeader) -> HeaderValue {
    match head.headers.get(&REQUEST_ID) {
        Some(id) => id.clone(),
        None => {
            let id = new_request_id();
            let _ = head.insert_header(REQUEST_ID, id.clone());
            id
        }
    }
}

/// A peer's address as `x-forwarded-for` has it: once for a connection.
pub(crate) fn peer_value(ip: IpAddr) -> HeaderValue {
    let ip = ip.to_canonical();
    HeaderValue::from_str(&ip.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// Ids made at once: they share one allocation.
const BATCH: usize = 64;
const ID_LENGTH: usize = 32;

/// 128 random bits, as 32 hexadecimal digits.
pub(crate) fn new_request_id() -> HeaderValue {
    thread_local! {
        static IDS: RefCell<BytesMut> = RefCell::default();
    }
    let id: Bytes = IDS.with_borrow_mut(|ids| {
        if ids.is_empty() {
            *ids = BytesMut::with_capacity(BATCH * ID_LENGTH);
            for _ in 0..BATCH {
                put_hex(ids, fastrand::u128(..));
            }
        }
        ids.split_to(ID_LENGTH).freeze()
    });
    HeaderValue::from_maybe_shared(id).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

fn put_hex(out: &mut BytesMut, bits: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bits.to_be_bytes() {
        out.put_u8(DIGITS[usize::from(byte >> 4)]);
        out.put_u8(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_is_appended_and_scheme_replaced() {
        let mut head = RequestHeader::build("GET", b"/", None).unwrap();
        head.append_header("X-Forwarded-For", "1.1.1.1").unwrap();
        head.append_header("X-Forwarded-Proto", "https").unwrap();
        head.append_header("X-Request-Id", "mine").unwrap();
        let peer = peer_value("::ffff:10.0.0.9".parse().unwrap());
        assert_eq!(add(&mut head, &peer, false), "mine");
        assert_eq!(head.headers.get("x-forwarded-for").unwrap(), "1.1.1.1,10.0.0.9");
        assert_eq!(head.headers.get("x-forwarded-proto").unwrap(), "http");
    }

    #[test]
    fn request_ids_are_32_hexadecimal_digits_and_differ() {
        let ids: std::collections::BTreeSet<_> =
            (0..3 * BATCH).map(|_| new_request_id().to_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 3 * BATCH);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
