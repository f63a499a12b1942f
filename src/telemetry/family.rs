//! The metric families: name, type, labels and help of each, in one table. `docs/metrics.md` is checked against it.

/// A Prometheus type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by bucket, with a sum and a count.
    Histogram,
}

impl Kind {
    /// As Prometheus spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const RULE: &[&str] = &["route_kind", "route_namespace", "route_name", "rule"];

const MESH_HTTP: &[&str] = &[
    "reporter",
    "source_workload",
    "source_workload_namespace",
    "source_principal",
    "source_canonical_service",
    "source_canonical_revision",
    "source_app",
    "source_version",
    "source_cluster",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_app",
    "destination_version",
    "destination_cluster",
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
    "request_protocol",
    "connection_security_policy",
    "response_flags",
    "response_code",
    "grpc_response_status",
];

/// The same without how a request ended, which of bytes nobody can say: the last two.
const MESH_TCP: &[&str] = MESH_HTTP.split_at(MESH_HTTP.len() - 2).0;

/// Of the two sides alone.
const MESH_MESSAGES: &[&str] = MESH_TCP.split_at(MESH_TCP.len() - 3).0;

macro_rules! families {
    ($($name:ident: $kind:ident $text:literal $labels:expr, $help:literal;)+) => {
        $(pub(super) const $name: Family =
            Family { name: $text, kind: Kind::$kind, labels: $labels, help: $help };)+

        /// Every family that is exported.
        pub const FAMILIES: &[Family] = &[$($name),+];
    };
}

families! {
    REQUESTS: Counter "pingway_requests_total"
        &["route_kind", "route_namespace", "route_name", "rule", "status_class", "reason"],
        "Requests ended. reason is empty unless the proxy answered itself or the exchange broke.";
    REQUEST_DURATION: Histogram "pingway_request_duration_seconds" RULE,
        "From a request's head to its response's last byte. Upgrades are not counted.";
    UPSTREAM_HEAD: Histogram "pingway_upstream_head_seconds" RULE,
        "From the sending of a request's head to the endpoint to the response's head.";
    REQUEST_BYTES: Counter "pingway_request_bytes_total" RULE,
        "Body bytes from clients; of upgrades all bytes.";
    RESPONSE_BYTES: Counter "pingway_response_bytes_total" RULE,
        "Body bytes to clients; of upgrades all bytes.";
    RETRIES: Counter "pingway_retries_total" RULE,
        "Tries beyond a request's first.";
    RETRIES_DENIED: Counter "pingway_retries_denied_total" &["why"],
        "Failed requests that were not tried again although their route or method lets them be.";
    IN_FLIGHT: Gauge "pingway_requests_in_flight" &[],
        "Requests that have begun and not ended, streams and upgrades included.";
    CONNECTIONS_OPEN: Gauge "pingway_connections_open" &["protocol"],
        "Clients' connections that are open.";
    CONNECTIONS: Counter "pingway_connections_total" &[],
        "Clients' connections accepted.";
    TLS_FAILURES: Counter "pingway_tls_handshake_failures_total" &["why"],
        "TLS handshakes with clients that did not come about.";
    INBOUND_REFUSED: Counter "pingway_inbound_connections_refused_total" &["why"],
        "Connections that ztunnel handed over and that were closed unserved.";
    UPSTREAM_CONNECTS: Counter "pingway_upstream_connects_total" &["protocol"],
        "Connections made to endpoints.";
    UPSTREAM_ERRORS: Counter "pingway_upstream_errors_total" &["reason"],
        "Tries that failed at an endpoint, those that were tried again and responses that broke off included.";
    TRAILERS_DROPPED: Counter "pingway_trailers_dropped_total" &["direction"],
        "Messages whose trailers could not be passed on, because the other side speaks HTTP/1.";
    DRAINED: Counter "pingway_connections_drained_total" &["protocol"],
        "Connections that ended by themselves while the proxy was draining.";
    CUT: Counter "pingway_connections_cut_total" &["protocol"],
        "Connections cut at the drain deadline.";
    WORKERS: Gauge "pingway_workers" &[],
        "Threads that serve requests. 0 on a controller.";
    GENERATION: Gauge "pingway_configuration_generation" &[],
        "Counts what was published to the workers, from 1; 0 until the first.";
    TABLES: Gauge "pingway_configuration_tables" &[],
        "Configurations in memory: the one that is served, and replaced ones that a worker has not let go yet.";
    COMPILE: Histogram "pingway_compile_seconds" &[],
        "Time of a compile; its count is the number of compiles.";
    LINK: Histogram "pingway_link_seconds" &[],
        "Time to bind a compiled table to live backends and to publish it.";
    PROBLEMS: Gauge "pingway_configuration_problems" &[],
        "What could not be read: broken files and objects that are not served as they stand. Listed on the admin page.";
    LISTENERS: Gauge "pingway_listener_sockets" &["state"],
        "Sockets that listeners want: bound, or failed and tried again.";
    ENDPOINTS: Gauge "pingway_endpoints" &["backend_namespace", "backend_name", "backend_port"],
        "Endpoints that take requests, by Service and port.";
    ENDPOINTS_NOT_DIALLED: Gauge "pingway_endpoints_not_dialled" &[],
        "Addresses of endpoints that are never dialled: loopback, the pod's own and the like. Listed on the admin page.";
    POLICIES_NOT_ENFORCED: Gauge "pingway_policies_not_enforced" &[],
        "Policies of Istio's at what is served that are not enforced. Listed on the admin page.";
    ACCESS_LOG_LINES: Counter "pingway_access_log_lines_total" &[],
        "Access log lines handed to the writer.";
    ACCESS_LOG_DROPPED: Counter "pingway_access_log_dropped_total" &[],
        "Access log lines dropped because the writer did not keep up, or its output is closed.";
    RULE_SERIES: Gauge "pingway_rule_series" &[],
        "Rules that have series of their own; beyond the limit they share one whose route_name is overflow.";
    LEADS: Gauge "pingway_controller_leads" &[],
        "Controller: 1 on the replica that writes, 0 on the others. 0 on a proxy.";
    WRITES: Counter "pingway_controller_writes_total" &["what", "result"],
        "Controller: writes to the API server of statuses and of what Gateways run on.";
    BUILD: Gauge "pingway_build_info" &["version"],
        "Always 1.";
    ISTIO_REQUESTS: Counter "istio_requests_total" MESH_HTTP,
        "Istio's: requests behind ztunnel that ended.";
    ISTIO_DURATION: Histogram "istio_request_duration_milliseconds" MESH_HTTP,
        "Istio's: from a request's head to its response's last byte, in milliseconds.";
    ISTIO_REQUEST_BYTES: Histogram "istio_request_bytes" MESH_HTTP,
        "Istio's: bytes of requests, their heads as HTTP/1.1 has them.";
    ISTIO_RESPONSE_BYTES: Histogram "istio_response_bytes" MESH_HTTP,
        "Istio's: bytes of responses, likewise.";
    ISTIO_REQUEST_MESSAGES: Counter "istio_request_messages_total" MESH_MESSAGES,
        "Istio's: messages of gRPC calls behind ztunnel that came from clients.";
    ISTIO_RESPONSE_MESSAGES: Counter "istio_response_messages_total" MESH_MESSAGES,
        "Istio's: messages that came from endpoints, likewise.";
    ISTIO_TCP_OPENED: Counter "istio_tcp_connections_opened_total" MESH_TCP,
        "Istio's: connections behind ztunnel that were passed on.";
    ISTIO_TCP_CLOSED: Counter "istio_tcp_connections_closed_total" MESH_TCP,
        "Istio's: those of them that have ended.";
    ISTIO_TCP_SENT: Counter "istio_tcp_sent_bytes_total" MESH_TCP,
        "Istio's: their bytes to clients.";
    ISTIO_TCP_RECEIVED: Counter "istio_tcp_received_bytes_total" MESH_TCP,
        "Istio's: their bytes from clients.";
}
