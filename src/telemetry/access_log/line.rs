//! One line: what it holds, and its JSON.

use std::borrow::Cow;
use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use serde::{Serialize, Serializer};

use crate::telemetry::outcome::{Outcome, Reason};
use crate::telemetry::series::RuleLabels;
use crate::telemetry::trace::trace_id;

/// How much of a path a line has, in bytes.
pub const LONGEST_PATH: usize = 1_024;

/// The fields of a line, in order, with their meaning. Those that have nothing to say are left out.
pub const FIELDS: &[(&str, &str)] = &[
    ("time", "when the request ended, RFC 3339 in UTC"),
    ("request_id", "the request's id, as in `x-request-id`"),
    ("method", "method"),
    ("host", "`Host` or `:authority`, as the client sent it"),
    ("path", "path and query as the client sent them, the first 1,024 bytes"),
    ("protocol", "`HTTP/1.0`, `HTTP/1.1` or `HTTP/2`"),
    ("peer", "who opened the connection; behind ztunnel, the client's pod"),
    ("dialled", "the address of the Service or pod that the client dialled, where ztunnel handed it over"),
    ("port", "else the port of the Gateway's listener that it came to"),
    ("server_name", "the server name that TLS was opened with, empty where the client sent none"),
    ("source_principal", "the client's identity by mTLS, as ztunnel tells it"),
    ("source_workload", "the client's workload as `NAMESPACE/NAME`, where its pod is seen"),
    ("status", "status that the client got, 0 if none"),
    ("grpc_status", "`grpc-status` that the client got"),
    ("reason", "the reason word, see below"),
    ("route", "the route as `KIND NAMESPACE/NAME`"),
    ("rule", "the rule's name, or its place in `spec.rules` from 0"),
    ("backend", "the Service as `NAMESPACE/NAME:PORT`"),
    ("endpoint", "the address that answered, or was asked last"),
    ("destination_workload", "the workload of that endpoint, likewise"),
    ("attempts", "tries"),
    ("duration_ms", "from the request's head to the response's last byte"),
    ("connect_ms", "time to connect, where no pooled connection was taken"),
    ("upstream_head_ms", "from the sending of the request's head to the endpoint to the response's head"),
    ("bytes_in", "body bytes from the client"),
    ("bytes_out", "body bytes to the client"),
    ("user_agent", "`user-agent`, the first 256 bytes"),
    ("trace_id", "trace id of a valid `traceparent`"),
];

/// Where a client sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SentTo {
    /// To a Service or a pod, by way of ztunnel.
    #[serde(rename = "dialled")]
    Dialled(SocketAddr),
    /// To this port of the Gateway's listeners.
    #[serde(rename = "port")]
    Listener(u16),
}

/// What a line says beside the outcome and the rule.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// Method.
    pub method: &'a str,
    /// `Host` or `:authority`, as the client sent it.
    pub host: &'a str,
    /// Path and query as the client sent them.
    pub path: &'a str,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'a str,
    /// Who opened the connection.
    pub peer: SocketAddr,
    /// Where it was sent.
    pub to: SentTo,
    /// The server name that TLS was opened with; `None` without TLS.
    pub server_name: Option<&'a str>,
    /// The client's identity by mTLS.
    pub source_principal: Option<&'a str>,
    /// The client's workload.
    pub source_workload: Option<&'a dyn Display>,
    /// The Service and port.
    pub backend: Option<&'a dyn Display>,
    /// The address that answered, or was asked last.
    pub endpoint: Option<SocketAddr>,
    /// Its workload.
    pub destination_workload: Option<&'a dyn Display>,
    /// `user-agent`
    pub user_agent: Option<&'a HeaderValue>,
    /// `traceparent`
    pub traceparent: Option<&'a HeaderValue>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "display")]
    time: jiff::Timestamp,
    request_id: &'a str,
    method: &'a str,
    host: &'a str,
    path: Cow<'a, str>,
    protocol: &'a str,
    peer: SocketAddr,
    #[serde(flatten)]
    to: SentTo,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_workload: Option<Shown<'a>>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<Route<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_workload: Option<Shown<'a>>,
    attempts: u32,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_head_ms: Option<f64>,
    bytes_in: u64,
    bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

struct Route<'a>(&'a RuleLabels);

impl Serialize for Route<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {}/{}", self.0.kind, self.0.namespace, self.0.name))
    }
}

struct Shown<'a>(&'a dyn Display);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

fn display<S: Serializer>(time: &jiff::Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

/// The line, with its line feed.
pub(super) fn json(time: jiff::Timestamp, rule: &RuleLabels, outcome: &Outcome, record: &Record<'_>) -> Vec<u8> {
    let routed = !rule.kind.is_empty();
    let line = Line {
        time,
        request_id: record.request_id,
        method: record.method,
        host: record.host,
        path: clipped(record.path.as_bytes(), LONGEST_PATH),
        protocol: record.protocol,
        peer: record.peer,
        to: record.to,
        server_name: record.server_name,
        source_principal: record.source_principal,
        source_workload: record.source_workload.map(Shown),
        status: outcome.status,
        grpc_status: outcome.grpc_status,
        reason: outcome.reason.map(Reason::as_str),
        route: routed.then_some(Route(rule)),
        rule: routed.then_some(&rule.rule),
        backend: record.backend.map(Shown),
        endpoint: record.endpoint,
        destination_workload: record.destination_workload.map(Shown),
        attempts: outcome.attempts,
        duration_ms: milliseconds(outcome.duration),
        connect_ms: outcome.connect.map(milliseconds),
        upstream_head_ms: outcome.upstream_head.map(milliseconds),
        bytes_in: outcome.request_bytes,
        bytes_out: outcome.response_bytes,
        user_agent: record.user_agent.map(|value| clipped(value.as_bytes(), 256)),
        trace_id: record.traceparent.and_then(|value| value.to_str().ok()).and_then(trace_id),
    };
    let mut bytes = Vec::with_capacity(512);
    // Writing to memory cannot fail, and every key is a string.
    let _ = serde_json::to_writer(&mut bytes, &line);
    bytes.push(b'\n');
    bytes
}

/// The first bytes as text; what is no UTF-8, or was cut in the middle, is replaced.
fn clipped(bytes: &[u8], longest: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.get(..longest).unwrap_or(bytes))
}

/// Milliseconds with three decimals.
#[allow(clippy::cast_precision_loss, reason = "a float holds 285 years of microseconds exactly")]
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
