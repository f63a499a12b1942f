//! A request's head as the endpoint gets it.

use std::borrow::Cow;

use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use pingora::http::RequestHeader;

use crate::proxy::engine::Speak;
use crate::proxy::hop_by_hop::{Asked, tokens};
use crate::proxy::request_head::{Target, authority};
use crate::table::backend::AppProtocol;
use crate::table::filter::{Filters, HeadEdit};
use crate::table::matches::PathMatched;

/// How long a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is none.
    Empty,
    /// As Content-Length says.
    Known,
    /// Its end tells.
    Unknown,
}

impl BodyLength {
    /// Of a head as it came, and whether a body is to come at all.
    pub(crate) fn of(headers: &HeaderMap, done: bool) -> Self {
        match done {
            true => Self::Empty,
            false if headers.contains_key(CONTENT_LENGTH) => Self::Known,
            false => Self::Unknown,
        }
    }
}

/// How an endpoint is spoken to. Where its port declares nothing, as the client speaks: gRPC in HTTP/2, the only HTTP that
/// it has. Other requests go in HTTP/1.1 whatever the client speaks: with HTTP/2 a browser only asks for a faster way to
/// this proxy, and most servers that declare nothing speak HTTP/1.1 alone.
pub(crate) fn speak(protocol: AppProtocol, grpc: bool) -> Speak {
    match protocol {
        AppProtocol::H2c => Speak::Http2,
        AppProtocol::WebSocket => Speak::Http1,
        AppProtocol::Http | AppProtocol::Undeclared if grpc => Speak::Http2,
        AppProtocol::Http | AppProtocol::Undeclared => Speak::Http1,
    }
}

/// The path and query for the endpoint; `None`: as they are in the head. A backendRef's own rewrite goes before its rule's.
pub(crate) fn path_and_query(
    head: &RequestHeader,
    target: &Target<'_>,
    matched: PathMatched,
    filters: [&Filters; 2],
) -> Option<String> {
    let rewrites = filters.iter().rev().filter_map(|filters| filters.rewrite.as_ref());
    let path = match rewrites.into_iter().find(|rewrite| rewrite.path.is_some()) {
        Some(rewrite) => rewrite.path(&target.path, matched),
        None => Cow::Borrowed(&*target.path),
    };
    if *path == *head.uri.path() {
        return None;
    }
    Some(match target.query {
        Some(query) => [&path, "?", query].concat(),
        None => path.into_owned(),
    })
}

/// Applies filters, in order: edits of fields, and the host of a rewrite.
pub(crate) fn filter(head: &mut RequestHeader, filters: [&Filters; 2]) {
    for filters in filters {
        if let Some(edits) = &filters.request_headers {
            edits.apply(head);
        }
    }
    let rewrites = filters.iter().rev().filter_map(|filters| filters.rewrite.as_ref());
    if let Some(host) = rewrites.into_iter().find_map(|rewrite| rewrite.hostname.as_ref())
        && let Ok(value) = HeaderValue::from_str(host)
    {
        set_host(head, value);
    }
}

/// Host, and no authority in the target that could differ.
fn set_host(head: &mut RequestHeader, value: HeaderValue) {
    if head.uri.authority().is_some() {
        let path = head.uri.path_and_query().cloned();
        head.set_uri(path.map(Uri::from).unwrap_or_default());
    }
    head.set(&HOST, &value);
}

/// Frames a head for its endpoint: version, target, authority, body, upgrade. `fallback`: the authority of an HTTP/1.0
/// request that names none. `None`: its parts make no target.
pub(crate) fn frame(
    head: &mut RequestHeader,
    path_and_query: Option<String>,
    (speak, body): (Speak, BodyLength),
    asked: &Asked,
    fallback: impl FnOnce() -> String,
) -> Option<()> {
    let path = match path_and_query {
        Some(text) => PathAndQuery::try_from(text).ok()?,
        None => head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
    };
    let host = match authority(head) {
        Some(host) => HeaderValue::from_bytes(host).ok()?,
        None => HeaderValue::try_from(fallback()).ok()?,
    };
    settle_length(head);
    match speak {
        Speak::Http1 => frame_http1(head, path, &host, body, asked),
        Speak::Http2 => frame_http2(head, path, &host, asked)?,
    }
    Some(())
}

fn frame_http1(head: &mut RequestHeader, path: PathAndQuery, host: &HeaderValue, body: BodyLength, asked: &Asked) {
    if head.version == Version::HTTP_2 {
        join_cookies(head);
    }
    head.set_version(Version::HTTP_11);
    head.set_uri(Uri::from(path));
    if !head.headers.contains_key(HOST) {
        head.set(&HOST, host);
    }
    match body {
        BodyLength::Known => {}
        BodyLength::Unknown => head.set(&TRANSFER_ENCODING, &HeaderValue::from_static("chunked")),
        // Says that no body follows, where one would be expected (RFC 9110, 8.6).
        BodyLength::Empty if expects_body(&head.method) && !head.headers.contains_key(CONTENT_LENGTH) => {
            head.set(&CONTENT_LENGTH, &HeaderValue::from_static("0"));
        }
        BodyLength::Empty => {}
    }
    if let Some(protocol) = &asked.upgrade {
        head.set(&CONNECTION, &HeaderValue::from_static("upgrade"));
        head.set(&UPGRADE, protocol);
    }
}

fn frame_http2(head: &mut RequestHeader, path: PathAndQuery, host: &HeaderValue, asked: &Asked) -> Option<()> {
    head.set_version(Version::HTTP_2);
    let authority = Authority::try_from(host.as_bytes()).ok()?;
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path).build().ok()?;
    head.set_uri(uri);
    head.remove_header(&HOST);
    // We send the 100 ourselves: Pingora's HTTP/2 client reads none.
    if head.headers.contains_key(EXPECT) {
        head.remove_header(&EXPECT);
    }
    if asked.trailers {
        head.set(&TE, &HeaderValue::from_static("trailers"));
    }
    Some(())
}

/// One Content-Length where there are several, or a list of them: Pingora has seen to it that they are equal (RFC 9110, 8.6).
fn settle_length(head: &mut RequestHeader) {
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let (Some(first), second) = (lengths.next(), lengths.next()) else { return };
    if second.is_none() && !first.as_bytes().contains(&b',') {
        return;
    }
    let one = tokens(first).next().and_then(|length| HeaderValue::from_str(length).ok());
    if let Some(length) = one {
        head.set(&CONTENT_LENGTH, &length);
    }
}

fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// HTTP/2 may split `cookie`; HTTP/1 has it in one field (RFC 9113, 8.2.3).
fn join_cookies(head: &mut RequestHeader) {
    let mut cookies = head.headers.get_all(COOKIE).iter();
    if cookies.next().is_none() || cookies.next().is_none() {
        return;
    }
    let mut joined = Vec::new();
    for cookie in head.headers.get_all(COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(cookie.as_bytes());
    }
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        head.set(&COOKIE, &value);
    }
}

#[cfg(test)]
mod tests;
