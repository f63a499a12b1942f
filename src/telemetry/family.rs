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

macro_rules! families {
    ($($name:ident: $kind:ident $text:literal $labels:expr, $help:literal;)+) => {
        $(pub(super) const $name: Family =
            Family { name: concat!("pingway_", $text), kind: Kind::$kind, labels: $labels, help: $help };)+

        /// Every family that is exported.
        pub const FAMILIES: &[Family] = &[$($name),+];
    };
}

families! {
    REQUESTS: Counter "requests_total"
        &["route_kind", "route_namespace", "route_name", "rule", "status_class", "reason"],
        "Requests ended. reason is empty unless the proxy answered itself or the exchange broke.";
    REQUEST_DURATION: Histogram "request_duration_seconds" RULE,
        "From a request's head to its response's last byte. Upgrades are not counted.";
    UPSTREAM_HEAD: Histogram "upstream_head_seconds" RULE,
        "From the sending of a request's head to the endpoint to the response's head.";
    REQUEST_BYTES: Counter "request_bytes_total" RULE,
        "Body bytes from clients; of upgrades all bytes.";
    RESPONSE_BYTES: Counter "response_bytes_total" RULE,
        "Body bytes to clients; of upgrades all bytes.";
    RETRIES: Counter "retries_total" RULE,
        "Tries beyond a request's first.";
    RETRIES_DENIED: Counter "retries_denied_total" &["why"],
        "Failed requests that were not tried again although their route or method lets them be.";
    IN_FLIGHT: Gauge "requests_in_flight" &[],
        "Requests that have begun and not ended, streams and upgrades included.";
    CONNECTIONS_OPEN: Gauge "connections_open" &["protocol"],
        "Clients' connections that are open.";
    CONNECTIONS: Counter "connections_total" &[],
        "Clients' connections accepted.";
    TLS_FAILURES: Counter "tls_handshake_failures_total" &["why"],
        "TLS handshakes with clients that did not come about.";
    INBOUND_REFUSED: Counter "inbound_connections_refused_total" &["why"],
        "Connections that ztunnel handed over and that were closed unserved.";
    UPSTREAM_CONNECTS: Counter "upstream_connects_total" &["protocol"],
        "Connections made to endpoints.";
    UPSTREAM_ERRORS: Counter "upstream_errors_total" &["reason"],
        "Tries that failed at an endpoint, those that were tried again and responses that broke off included.";
    TRAILERS_DROPPED: Counter "trailers_dropped_total" &["direction"],
        "Messages whose trailers could not be passed on, because the other side speaks HTTP/1.";
    DRAINED: Counter "connections_drained_total" &["protocol"],
        "Connections that ended by themselves while the proxy was draining.";
    CUT: Counter "connections_cut_total" &["protocol"],
        "Connections cut at the drain deadline.";
    WORKERS: Gauge "workers" &[],
        "Threads that serve requests. 0 on a controller.";
    GENERATION: Gauge "configuration_generation" &[],
        "Counts what was published to the workers, from 1; 0 until the first.";
    TABLES: Gauge "configuration_tables" &[],
        "Configurations in memory: the one that is served, and replaced ones that a worker has not let go yet.";
    COMPILE: Histogram "compile_seconds" &[],
        "Time of a compile; its count is the number of compiles.";
    LINK: Histogram "link_seconds" &[],
        "Time to bind a compiled table to live backends and to publish it.";
    PROBLEMS: Gauge "configuration_problems" &[],
        "What could not be read: broken files and objects that are not served as they stand. Listed on the admin page.";
    LISTENERS: Gauge "listener_sockets" &["state"],
        "Sockets that listeners want: bound, or failed and tried again.";
    ENDPOINTS: Gauge "endpoints" &["backend_namespace", "backend_name", "backend_port"],
        "Endpoints that take requests, by Service and port.";
    ENDPOINTS_NOT_DIALLED: Gauge "endpoints_not_dialled" &[],
        "Addresses of endpoints that are never dialled: loopback, the pod's own and the like. Listed on the admin page.";
    POLICIES_NOT_ENFORCED: Gauge "policies_not_enforced" &[],
        "Policies of Istio's at what is served that are not enforced. Listed on the admin page.";
    ACCESS_LOG_LINES: Counter "access_log_lines_total" &[],
        "Access log lines handed to the writer.";
    ACCESS_LOG_DROPPED: Counter "access_log_dropped_total" &[],
        "Access log lines dropped because the writer did not keep up, or its output is closed.";
    RULE_SERIES: Gauge "rule_series" &[],
        "Rules that have series of their own; beyond the limit they share one whose route_name is overflow.";
    LEADS: Gauge "controller_leads" &[],
        "Controller: 1 on the replica that writes, 0 on the others. 0 on a proxy.";
    WRITES: Counter "controller_writes_total" &["what", "result"],
        "Controller: writes to the API server of statuses and of what Gateways run on.";
    BUILD: Gauge "build_info" &["version"],
        "Always 1.";
}
