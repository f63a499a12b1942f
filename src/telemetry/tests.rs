//! What is counted, and that the table of families is what is exported.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Telemetry;
use super::access_log::Record;
use super::family::FAMILIES;
use super::label::{ConnectionProtocol, Direction, InboundRefusal, RetryDenied, TlsFailure, UpstreamProtocol};
use super::mesh::{Asked, Cluster, Ended, Identified, Protocol, Requested};
use super::outcome::{Outcome, Reason};
use super::series::RuleLabels;

fn labels(name: &str) -> RuleLabels {
    RuleLabels { kind: "HTTPRoute", namespace: "default".into(), name: name.into(), rule: "0".into() }
}

fn ok() -> Outcome {
    Outcome { status: 200, attempts: 1, upstream_head: Some(Duration::from_millis(3)), ..Outcome::default() }
}

/// A record that nobody asks for.
fn no_log() -> Record<'static> {
    panic!("there is no access log")
}

fn rendered(telemetry: &Telemetry) -> String {
    telemetry.render().expect("rendered")
}

/// A request, a connection and a message behind ztunnel.
fn pass_the_mesh(telemetry: &Telemetry) {
    let source = telemetry.party(Identified::default());
    let asked = || Asked { destination: Identified::default(), service: None, keeper: None };
    let http = Ended { protocol: Protocol::Http, ..Ended::TCP };
    let one = Requested { duration: Duration::from_millis(1), request_bytes: 1, response_bytes: 1 };
    telemetry.mesh_series(&source, asked(), http).requested(one);
    telemetry.mesh_series(&source, asked(), Ended::TCP).opened();
    telemetry.mesh_series(&source, asked(), Ended::MESSAGES).messages(Direction::Request, 1);
}

#[test]
fn what_is_exported_is_the_table_of_families() {
    let telemetry = Arc::new(Telemetry::default());
    let rule = telemetry.rule_series(labels("a"));
    telemetry.request_ended(&rule, &ok(), no_log);
    pass_the_mesh(&telemetry);
    telemetry.endpoints("default", "web", 80, Some(2));
    telemetry.published(1, Duration::from_millis(1));
    let text = rendered(&telemetry);
    let exported: BTreeSet<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let table: BTreeSet<(&str, &str)> = FAMILIES.iter().map(|family| (family.name, family.kind.as_str())).collect();
    assert_eq!(exported, table);
}

#[test]
fn exported_labels_are_those_of_the_table() {
    let telemetry = Arc::new(Telemetry::default());
    let rule = telemetry.rule_series(labels("a"));
    telemetry.request_ended(&rule, &ok(), no_log);
    pass_the_mesh(&telemetry);
    telemetry.endpoints("default", "web", 80, Some(2));
    for family in telemetry.metrics.gather() {
        let table = FAMILIES.iter().find(|f| f.name == family.name()).expect("in the table");
        for metric in family.get_metric() {
            let mut names: Vec<_> = metric.get_label().iter().map(prometheus::proto::LabelPair::name).collect();
            let mut expected = table.labels.to_vec();
            names.sort_unstable();
            expected.sort_unstable();
            assert_eq!(names, expected, "{}", family.name());
        }
    }
}

#[test]
fn requests_are_counted_by_class_and_reason() {
    let telemetry = Telemetry::default();
    let rule = telemetry.rule_series(labels("a"));
    telemetry.request_ended(&rule, &ok(), no_log);
    telemetry.request_ended(&rule, &ok(), no_log);
    let failed = Outcome {
        status: 504,
        reason: Some(Reason::RequestTimeout),
        attempts: 3,
        request_bytes: 7,
        ..Outcome::default()
    };
    telemetry.request_ended(&rule, &failed, no_log);
    telemetry.request_ended(telemetry.unrouted(), &Outcome { status: 404, ..failed }, no_log);
    let text = rendered(&telemetry);
    let of_a = "route_kind=\"HTTPRoute\",route_namespace=\"default\",route_name=\"a\",rule=\"0\"";
    for line in [
        format!("pingway_requests_total{{{of_a},status_class=\"2xx\",reason=\"\"}} 2"),
        format!("pingway_requests_total{{{of_a},status_class=\"5xx\",reason=\"request_timeout\"}} 1"),
        format!("pingway_upstream_head_seconds_count{{{of_a}}} 2"),
        format!("pingway_request_duration_seconds_count{{{of_a}}} 3"),
        format!("pingway_retries_total{{{of_a}}} 2"),
        format!("pingway_request_bytes_total{{{of_a}}} 7"),
    ] {
        assert!(text.contains(&line), "{line} in\n{text}");
    }
    assert!(text.contains("route_name=\"\",rule=\"\",status_class=\"4xx\",reason=\"request_timeout\"} 1"), "{text}");
}

#[test]
fn a_rule_that_is_replaced_by_one_of_the_same_labels_keeps_its_counters() {
    let telemetry = Telemetry::default();
    let old = telemetry.rule_series(labels("a"));
    telemetry.request_ended(&old, &ok(), no_log);
    let new = telemetry.rule_series(labels("a"));
    drop(old);
    telemetry.request_ended(&new, &ok(), no_log);
    assert!(rendered(&telemetry).contains("reason=\"\"} 2"));
}

#[test]
fn series_go_with_their_rule() {
    let telemetry = Telemetry::default();
    let rule = telemetry.rule_series(labels("gone"));
    telemetry.request_ended(&rule, &ok(), no_log);
    assert!(rendered(&telemetry).contains("gone"));
    drop(rule);
    assert!(!rendered(&telemetry).contains("gone"));
    assert!(rendered(&telemetry).contains("pingway_rule_series 0"));
}

#[test]
fn rules_beyond_the_limit_share_one_series_until_others_go() {
    let telemetry = Telemetry::with_series_limit(Cluster::default(), 2);
    let mut held: Vec<_> = (0..6).map(|i| telemetry.rule_series(labels(&format!("r{i}")))).collect();
    for series in &held {
        telemetry.request_ended(series, &ok(), no_log);
    }
    let text = rendered(&telemetry);
    assert!(text.contains("route_name=\"overflow\",rule=\"\",status_class=\"2xx\",reason=\"\"} 4"), "{text}");
    assert!(text.contains("pingway_rule_series 2"));
    held.clear();
    let _ = rendered(&telemetry);
    assert_eq!(&*telemetry.rule_series(labels("late")).labels().name, "late");
}

#[test]
fn gauges_follow_what_lives() {
    let telemetry = Arc::new(Telemetry::default());
    let request = telemetry.request_started();
    let mut connection = telemetry.connection_opened();
    connection.speaks(ConnectionProtocol::Http2);
    let text = rendered(&telemetry);
    for line in [
        "pingway_requests_in_flight 1",
        "pingway_connections_open{protocol=\"http2\"} 1",
        "pingway_connections_open{protocol=\"unknown\"} 0",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    drop((request, connection));
    let text = rendered(&telemetry);
    for line in [
        "pingway_requests_in_flight 0",
        "pingway_connections_open{protocol=\"http2\"} 0",
        "pingway_connections_total 1",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn events_are_counted_by_their_word() {
    let telemetry = Telemetry::default();
    telemetry.tls_handshake_failed(TlsFailure::NoCertificate);
    telemetry.inbound_refused(InboundRefusal::NotServed);
    telemetry.upstream_connected(UpstreamProtocol::Http1);
    telemetry.upstream_failed(Reason::ConnectFailed);
    telemetry.retry_denied(RetryDenied::Budget);
    telemetry.trailers_dropped(Direction::Request);
    telemetry.connection_drained(ConnectionProtocol::Http1);
    telemetry.connection_cut(ConnectionProtocol::Upgrade);
    let text = rendered(&telemetry);
    for line in [
        "pingway_tls_handshake_failures_total{why=\"no_certificate\"} 1",
        "pingway_inbound_connections_refused_total{why=\"not_served\"} 1",
        "pingway_upstream_connects_total{protocol=\"http1\"} 1",
        "pingway_upstream_errors_total{reason=\"connect_failed\"} 1",
        "pingway_retries_denied_total{why=\"budget\"} 1",
        "pingway_trailers_dropped_total{direction=\"request\"} 1",
        "pingway_connections_drained_total{protocol=\"http1\"} 1",
        "pingway_connections_cut_total{protocol=\"upgrade\"} 1",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn a_backend_that_is_gone_has_no_endpoint_gauge() {
    let telemetry = Telemetry::default();
    telemetry.endpoints("default", "web", 80, Some(2));
    assert!(rendered(&telemetry).contains("backend_port=\"80\"} 2"));
    telemetry.endpoints("default", "web", 80, None);
    assert!(!rendered(&telemetry).contains("backend_port=\"80\""));
}
