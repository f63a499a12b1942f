//! What ztunnel does for a waypoint, as far as it can be tried on one's own machine: it takes CONNECT, as HBONE does but in plain
//! text, and hands the connection over with the PROXY protocol's header ahead (version 2), which says who called and what was
//! dialled. The caller picks its identity, by the user of proxy authorization: `NAMESPACE/SERVICEACCOUNT`.
//!
//! Never here: mTLS, and so any proof of an identity. It listens on loopback only.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// The port, as the mesh has it.
pub const ZTUNNEL_PORT: u16 = 15008;

/// Version 2 of the PROXY protocol: what each header begins with, of the command PROXY.
const SIGNATURE: &[u8; 13] = b"\r\n\r\n\0\r\nQUIT\n\x21";
/// The field in which ztunnel puts the client's identity.
const IDENTITY: u8 = 0xd0;

/// Listens, and hands over to `inbound` until the process ends. Answers the port.
///
/// # Errors
/// The port can't be opened.
pub async fn stand_in(port: u16, inbound: SocketAddr) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, source)) = listener.accept().await {
            let service = service_fn(move |request| answer(request, source, inbound));
            // A client that goes away in the middle is its own affair.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
        }
    });
    Ok(port)
}

async fn answer(
    mut request: Request<Incoming>,
    source: SocketAddr,
    inbound: SocketAddr,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let dialled = request.uri().authority().and_then(|authority| authority.as_str().parse::<SocketAddr>().ok());
    let (Some(dialled), true) = (dialled, request.method() == Method::CONNECT) else {
        let mut refused = Response::new("CONNECT ADDRESS:PORT, as a client's ztunnel does: curl -p -x\n".into());
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(refused);
    };
    let header = header(source, dialled, identity(request.headers()).as_deref());
    // It accepts before it dials, as ztunnel does.
    tokio::spawn(hand_over(hyper::upgrade::on(&mut request), header, inbound));
    Ok(Response::new(Full::default()))
}

async fn hand_over(client: OnUpgrade, header: Vec<u8>, inbound: SocketAddr) {
    let (Ok(client), Ok(mut waypoint)) = tokio::join!(client, TcpStream::connect(inbound)) else { return };
    if waypoint.write_all(&header).await.is_ok() {
        // Whoever ends it, both are told.
        let _ = copy_bidirectional(&mut TokioIo::new(client), &mut waypoint).await;
    }
}

/// The identity that the caller picks; `None`: it picks none, as a client from outside of the mesh has none.
fn identity(fields: &HeaderMap) -> Option<String> {
    let encoded = fields.get(PROXY_AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let ByteString(plain) = serde_json::from_value(encoded.into()).ok()?;
    let user = String::from_utf8(plain).ok()?;
    let (namespace, account) = user.split(':').next()?.split_once('/')?;
    Some(format!("spiffe://cluster.local/ns/{namespace}/sa/{account}"))
}

/// The header, by the families of what was dialled. An identity that is too long for it is left out.
fn header(source: SocketAddr, dialled: SocketAddr, identity: Option<&str>) -> Vec<u8> {
    let mut rest = Vec::new();
    let family = match dialled.ip() {
        IpAddr::V4(to) => {
            rest.extend(Ipv4Addr::LOCALHOST.octets());
            rest.extend(to.octets());
            0x11
        }
        IpAddr::V6(to) => {
            rest.extend(Ipv6Addr::LOCALHOST.octets());
            rest.extend(to.octets());
            0x21
        }
    };
    rest.extend(source.port().to_be_bytes());
    rest.extend(dialled.port().to_be_bytes());
    if let Some((identity, length)) = identity.and_then(|text| Some((text, u8::try_from(text.len()).ok()?))) {
        rest.extend([IDENTITY, 0, length]);
        rest.extend(identity.as_bytes());
    }
    // At most 36 bytes and the identity's 258.
    let length = u16::try_from(rest.len()).unwrap_or_default();
    [&SIGNATURE[..], &[family], &length.to_be_bytes(), &rest].concat()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_header_is_as_ztunnel_sends_it() {
        let (source, dialled) =
            ("127.0.0.1:48110".parse().expect("an address"), "10.96.77.77:80".parse().expect("an address"));
        let header = header(source, dialled, Some("spiffe://cluster.local/ns/my-ns/sa/default"));
        let (start, identity) = header.split_at(28);
        let expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x39\x7f\x00\x00\x01\x0a\x60\x4d\x4d\xbb\xee\x00\x50";
        assert_eq!(start, expected);
        assert_eq!(identity, b"\xd0\x00\x2aspiffe://cluster.local/ns/my-ns/sa/default");
    }

    #[test]
    fn the_caller_picks_its_identity_or_has_none() {
        let with = |value: &'static str| {
            identity(&HeaderMap::from_iter([(PROXY_AUTHORIZATION, HeaderValue::from_static(value))]))
        };
        // web/shopper:
        assert_eq!(with("Basic d2ViL3Nob3BwZXI6").as_deref(), Some("spiffe://cluster.local/ns/web/sa/shopper"));
        assert_eq!(with("Basic !"), None);
        assert_eq!(identity(&HeaderMap::new()), None);
    }
}
