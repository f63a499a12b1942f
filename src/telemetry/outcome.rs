//! How one request ended: what metrics and the access log are told.

use std::time::Duration;

use super::label::labels;

labels! {
    /// Why the proxy itself answered, or why an exchange broke: one short word each, the same in the access log, in the
    /// metrics and to the client. `docs/access-log.md` lists them; a test compares it with this list.
    Reason {
        /// No listener of the port serves the host, or no rule takes the request: 404.
        NoRoute = "no_route",
        /// The connection's TLS was opened for another listener than the one that serves the host: 421.
        Misdirected = "misdirected",
        /// A policy of Istio's would judge the request, is not enforced, and is not to be passed over: 403, to gRPC
        /// PERMISSION_DENIED.
        PolicyNotEnforced = "policy_not_enforced",
        /// The request is malformed, or its path has no safe normal form: 400.
        BadRequest = "bad_request",
        /// The request's header section is larger than the limit: 431.
        HeadersTooLarge = "headers_too_large",
        /// The method is CONNECT, which a gateway does not serve: 405.
        MethodRefused = "method_refused",
        /// The waypoint itself sent the request, by its identity or its address: it would go round and round: 508.
        Loop = "loop",
        /// The client sent no whole request head, or no more of its body, in time: 408.
        ClientTimeout = "client_timeout",
        /// The client went away before the response's end: no status.
        ClientAborted = "client_aborted",
        /// The rule cannot be served (its status tells why): 500.
        RuleInvalid = "rule_invalid",
        /// The backendRef that was picked leads nowhere or may not be followed: 500, to gRPC UNAVAILABLE.
        BackendInvalid = "backend_invalid",
        /// The rule has no backend with a share above zero: 500.
        NoBackend = "no_backend",
        /// The backend has no endpoint that takes requests: 503.
        NoEndpoint = "no_endpoint",
        /// No connection to an endpoint: refused, unreachable, or over before HTTP/2 began on it: 503.
        ConnectFailed = "connect_failed",
        /// No connection to an endpoint in time: 503.
        ConnectTimeout = "connect_timeout",
        /// The endpoint closed or reset before the first byte of a response: 502.
        UpstreamClosed = "upstream_closed",
        /// The endpoint refused the stream, by REFUSED_STREAM or by GOAWAY before it: 503.
        UpstreamRefused = "upstream_refused",
        /// What the endpoint sent is not a valid HTTP response, or not one to this request: 502.
        UpstreamProtocol = "upstream_protocol",
        /// The endpoint's response broke off: the status already sent, and the client's breaks off too; within its head: 502.
        UpstreamTruncated = "upstream_truncated",
        /// The request's time limit of the route has passed: 504, to gRPC DEADLINE_EXCEEDED.
        RequestTimeout = "request_timeout",
        /// The time limit for a backend's answer has passed, in the last try: 504, to gRPC DEADLINE_EXCEEDED.
        BackendTimeout = "backend_timeout",
        /// No byte either way for too long on a stream or an upgraded connection: the status already sent.
        StreamIdle = "stream_idle",
        /// The proxy is ending and its deadline has passed: what is left is cut.
        Shutdown = "shutdown",
    }
}

impl Reason {
    /// gRPC's status code for it (the protocol's own mapping knows only HTTP's codes, and calls too much UNKNOWN).
    pub fn grpc_status(self) -> u16 {
        match self {
            Self::RequestTimeout | Self::BackendTimeout | Self::ClientTimeout | Self::StreamIdle => 4,
            Self::PolicyNotEnforced => 7,
            Self::HeadersTooLarge => 8,
            Self::NoRoute | Self::Misdirected | Self::MethodRefused => 12,
            Self::BadRequest | Self::Loop => 13,
            _ => 14,
        }
    }
}

/// How one request ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Status that the client got; 0 if none was sent.
    pub status: u16,
    /// `grpc-status` that the client got, of a gRPC request.
    pub grpc_status: Option<u16>,
    /// Set when the proxy answered itself or the exchange broke.
    pub reason: Option<Reason>,
    /// From the request's head to the response's last byte.
    pub duration: Duration,
    /// From the sending of the answered try's head to the response's head; `None`: no response came.
    pub upstream_head: Option<Duration>,
    /// Time to connect to the endpoint; `None`: a pooled connection, or none.
    pub connect: Option<Duration>,
    /// Tries; 0 where no endpoint was asked.
    pub attempts: u32,
    /// Body bytes from the client (of an upgrade: all bytes).
    pub request_bytes: u64,
    /// Body bytes to the client (of an upgrade: all bytes).
    pub response_bytes: u64,
}
