//! Answers of the pages.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::Full;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// Prometheus' text format.
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Text for people and scripts.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
/// A page.
pub(super) const HTML: &str = "text/html; charset=utf-8";
/// JSON.
const JSON: &str = "application/json";

/// An answer with a body.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The page has a style of its own and loads nothing.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer
}

/// Words.
pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Answer {
    answer(status, TEXT, format!("{}\n", body.into()))
}

/// A value, indented: it is read by people too.
pub(super) fn json(value: &serde_json::Value) -> Answer {
    answer(StatusCode::OK, JSON, format!("{value:#}\n"))
}

/// The method is not for this path.
pub(super) fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("allowed: {allowed}"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}
