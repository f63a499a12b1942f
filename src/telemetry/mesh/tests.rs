//! What is exported of the mesh, and for how long.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::collect::AllMesh;
use super::*;
use crate::telemetry::Telemetry;
use crate::telemetry::label::Direction;
use crate::telemetry::outcome::Reason;

fn workload(name: &str) -> Identified {
    let text = |text: &str| Arc::from(text);
    let (service, revision, account) = (text(&format!("{name}-app")), text("v1"), text(&format!("{name}-sa")));
    let workload = Workload { name: text(name), service, revision, account };
    Identified { principal: None, namespace: Some(text("shop")), workload: Some(workload) }
}

fn asked(endpoint: Option<&Arc<dyn Any + Send + Sync>>) -> Asked {
    let service = ServiceName { namespace: "shop".into(), name: "cart".into() };
    Asked { destination: workload("cart-v1"), service: Some(service), keeper: endpoint.map(Arc::downgrade) }
}

fn ended(status: u16) -> Ended {
    Ended { protocol: Protocol::Http, status, grpc_status: None, reason: None }
}

const ONE: Requested = Requested { duration: Duration::from_millis(3), request_bytes: 100, response_bytes: 2_000 };

/// The samples of a family, each as its labels by name, with its value.
fn samples(telemetry: &Telemetry, name: &str) -> Vec<String> {
    let text = telemetry.render().expect("rendered");
    text.lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')))
        .map(str::to_owned)
        .collect()
}

fn endpoint() -> Arc<dyn Any + Send + Sync> {
    Arc::new(())
}

#[test]
fn labels_are_those_of_istios_waypoint() {
    let telemetry = Telemetry::default();
    let principal = Some("spiffe://td/ns/web/sa/front".into());
    let source = telemetry.party(Identified { principal, namespace: Some("web".into()), ..workload("front") });
    let endpoint = endpoint();
    telemetry.mesh_series(&source, asked(Some(&endpoint)), ended(200)).requested(ONE);
    let [line] = &samples(&telemetry, "istio_requests_total")[..] else { panic!("one") };
    for label in [
        r#"reporter="waypoint""#,
        r#"source_workload="front""#,
        r#"source_workload_namespace="web""#,
        r#"source_principal="spiffe://td/ns/web/sa/front""#,
        r#"source_canonical_service="front-app""#,
        r#"source_canonical_revision="v1""#,
        r#"source_app="front-app""#,
        r#"source_version="v1""#,
        r#"source_cluster="Kubernetes""#,
        r#"destination_workload="cart-v1""#,
        r#"destination_workload_namespace="shop""#,
        r#"destination_principal="spiffe://td/ns/shop/sa/cart-v1-sa""#,
        r#"destination_canonical_service="cart-v1-app""#,
        r#"destination_service="cart.shop.svc.cluster.local""#,
        r#"destination_service_name="cart""#,
        r#"destination_service_namespace="shop""#,
        r#"request_protocol="http""#,
        r#"response_code="200""#,
        r#"grpc_response_status="""#,
        r#"response_flags="-""#,
        r#"connection_security_policy="mutual_tls""#,
    ] {
        assert!(line.contains(label), "{label} in {line}");
    }
    assert!(line.ends_with(" 1"), "{line}");
    let sum = |name: &str| samples(&telemetry, name).pop().expect("a sum");
    assert!(sum("istio_request_duration_milliseconds_sum").ends_with(" 3"));
    assert!(sum("istio_request_bytes_sum").ends_with(" 100"));
    assert!(sum("istio_response_bytes_sum").ends_with(" 2000"));
    assert_eq!(samples(&telemetry, "istio_tcp_connections_opened_total").len(), 0);
}

#[test]
fn what_is_not_seen_is_unknown_but_a_clients_revision() {
    let telemetry = Telemetry::default();
    let source = telemetry.party(Identified::default());
    let asked = Asked { destination: Identified::default(), service: None, keeper: None };
    let failed = Ended { reason: Some(Reason::NoRoute), grpc_status: Some(12), protocol: Protocol::Grpc, ..ended(404) };
    telemetry.mesh_series(&source, asked, failed).requested(ONE);
    let [line] = &samples(&telemetry, "istio_requests_total")[..] else { panic!("one") };
    for label in [
        r#"source_workload="unknown""#,
        r#"source_version="latest""#,
        r#"source_cluster="unknown""#,
        r#"destination_version="unknown""#,
        r#"destination_service="unknown""#,
        r#"request_protocol="grpc""#,
        r#"response_flags="NR""#,
        r#"grpc_response_status="12""#,
        r#"connection_security_policy="none""#,
    ] {
        assert!(line.contains(label), "{label} in {line}");
    }
}

#[test]
fn connections_have_no_response_code() {
    let telemetry = Telemetry::default();
    let source = telemetry.party(workload("front"));
    let series = telemetry.mesh_series(&source, asked(None), Ended::TCP);
    series.opened();
    series.received(10);
    series.sent(20);
    let value = |name: &str| samples(&telemetry, name).pop().expect("a sample");
    assert!(value("istio_tcp_connections_closed_total").ends_with(" 0"));
    series.closed();
    assert!(value("istio_tcp_connections_closed_total").ends_with(" 1"));
    assert!(value("istio_tcp_received_bytes_total").ends_with(" 10"));
    let sent = value("istio_tcp_sent_bytes_total");
    assert!(sent.ends_with(" 20") && !sent.contains("response_code") && sent.contains(r#"request_protocol="tcp""#));
    assert_eq!(samples(&telemetry, "istio_requests_total").len(), 0);
}

#[test]
fn clusters_have_the_names_that_they_are_given() {
    let telemetry = Telemetry::of(Cluster { name: "east".to_owned(), domain: "corp.test".to_owned() });
    let source = telemetry.party(workload("front"));
    telemetry.mesh_series(&source, asked(None), ended(200)).requested(ONE);
    let [line] = &samples(&telemetry, "istio_requests_total")[..] else { panic!("one") };
    for label in [
        r#"source_cluster="east""#,
        r#"destination_cluster="east""#,
        r#"destination_service="cart.shop.svc.corp.test""#,
        r#"destination_principal="spiffe://cluster.local/ns/shop/sa/cart-v1-sa""#,
    ] {
        assert!(line.contains(label), "{label} in {line}");
    }
}

#[test]
fn messages_are_told_apart_by_both_sides_alone() {
    let telemetry = Telemetry::default();
    let source = telemetry.party(workload("front"));
    telemetry.mesh_series(&source, asked(None), Ended::MESSAGES).messages(Direction::Response, 3);
    let value = |name: &str| samples(&telemetry, name).pop().expect("a sample");
    assert!(value("istio_request_messages_total").ends_with(" 0"));
    let line = value("istio_response_messages_total");
    assert!(line.ends_with(" 3") && line.contains(r#"destination_service_name="cart""#), "{line}");
    for absent in ["request_protocol", "response_code", "response_flags", "connection_security_policy"] {
        assert!(!line.contains(absent), "{absent} in {line}");
    }
    assert_eq!(samples(&telemetry, "istio_requests_total").len(), 0);
}

#[test]
fn series_are_exported_once_more_when_the_last_of_their_endpoints_has_gone() {
    let telemetry = Telemetry::default();
    let source = telemetry.party(workload("front"));
    let (first, second) = (endpoint(), endpoint());
    for endpoint in [&first, &second] {
        telemetry.mesh_series(&source, asked(Some(endpoint)), ended(200)).requested(ONE);
    }
    let exported = || samples(&telemetry, "istio_requests_total");
    drop(first);
    assert!(exported()[0].ends_with(" 2"));
    assert!(exported()[0].ends_with(" 2"), "another endpoint of the workload is there");
    drop(second);
    assert_eq!(exported().len(), 1, "the last word");
    assert_eq!(exported().len(), 0);
}

#[test]
fn what_goes_beyond_the_limit_shares_one_series() {
    let mesh = AllMesh::new(Cluster::default(), 1);
    let source = mesh.party(workload("front"));
    let [a, b, c, again] = [200, 201, 202, 200].map(|status| mesh.series(&source, asked(None), ended(status)));
    assert!(Arc::ptr_eq(&a, &again) && !Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&b, &c));
    let tcp = mesh.series(&source, asked(None), Ended::TCP);
    let messages = mesh.series(&source, asked(None), Ended::MESSAGES);
    assert!(!Arc::ptr_eq(&b, &tcp) && !Arc::ptr_eq(&b, &messages) && !Arc::ptr_eq(&tcp, &messages));
}

#[test]
fn a_worker_asks_once_for_what_it_has_met_until_pods_change() {
    let cache = Cache::default();
    let asked = std::cell::Cell::new(0);
    let find = |endpoint: u64, version: u64| {
        let make = || {
            asked.set(asked.get() + 1);
            Arc::default()
        };
        cache.find(Met { source: 1, endpoint, ended: ended(200) }, version, make);
        asked.get()
    };
    assert_eq!([find(1, 0), find(1, 0), find(2, 0), find(1, 0)], [1, 1, 2, 2]);
    assert_eq!([find(1, 1), find(1, 1), find(2, 1)], [3, 3, 4]);
}
