//! What a change touches, and what it leaves alone.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Change, Snapshot, Touched};
use crate::api::decode::{Decoded, decode};
use crate::api::{Item, Kind, ObjectName, ObjectRef, Pod};

fn item(value: Value) -> Item {
    match decode(value) {
        Ok(Decoded::Item(item)) => item,
        other => panic!("no item: {other:?}"),
    }
}

fn slice(name: &str, service: &str, address: &str) -> Item {
    item(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": [{"addresses": [address]}]}))
}

fn service(name: &str, port: u16) -> Item {
    item(
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": port}]}}),
    )
}

fn route(host: &str, generation: i64) -> Item {
    item(json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "shop", "generation": generation}, "spec": {"hostnames": [host]}}))
}

fn name(name: &str) -> ObjectName {
    ObjectName::new("default", name)
}

fn put(snapshot: &mut Snapshot, item: Item) -> Touched {
    snapshot.apply([Change::Put(item)])
}

fn remove(snapshot: &mut Snapshot, kind: Kind, object: &str) -> Touched {
    snapshot.apply([Change::Remove(ObjectRef { kind, name: name(object) })])
}

#[test]
fn equal_content_keeps_the_old_arc_and_touches_nothing() {
    let mut snapshot = Snapshot::default();
    assert!(put(&mut snapshot, route("a.test", 1)).configuration);
    let before = snapshot.http_routes[&name("shop")].clone();
    assert_eq!(put(&mut snapshot, route("a.test", 1)), Touched::default());
    assert!(Arc::ptr_eq(&before, &snapshot.http_routes[&name("shop")]));
    assert!(put(&mut snapshot, route("b.test", 2)).configuration);
    assert!(!Arc::ptr_eq(&before, &snapshot.http_routes[&name("shop")]));
}

#[test]
fn a_slice_touches_only_its_service() {
    let mut snapshot = Snapshot::default();
    let only_shop = Touched { configuration: false, services: vec![name("shop")], ..Touched::default() };
    assert_eq!(put(&mut snapshot, slice("shop-1", "shop", "10.0.0.1")), only_shop);
    assert_eq!(put(&mut snapshot, slice("shop-1", "shop", "10.0.0.1")), Touched::default());
    assert_eq!(put(&mut snapshot, slice("shop-1", "shop", "10.0.0.2")), only_shop);
    assert_eq!(remove(&mut snapshot, Kind::EndpointSlice, "shop-1"), only_shop);
    assert!(snapshot.slices.is_empty());
    assert_eq!(remove(&mut snapshot, Kind::EndpointSlice, "shop-1"), Touched::default());
}

#[test]
fn a_slice_that_changes_its_label_leaves_the_old_service() {
    let mut snapshot = Snapshot::default();
    put(&mut snapshot, slice("one", "cart", "10.0.0.1"));
    let touched = put(&mut snapshot, slice("one", "shop", "10.0.0.1"));
    assert_eq!(
        touched,
        Touched { configuration: false, services: vec![name("cart"), name("shop")], ..Touched::default() }
    );
    assert_eq!(snapshot.slices.keys().collect::<Vec<_>>(), [&name("shop")]);
}

#[test]
fn a_service_touches_configuration_and_itself() {
    let mut snapshot = Snapshot::default();
    let both = Touched { configuration: true, services: vec![name("shop")], ..Touched::default() };
    assert_eq!(put(&mut snapshot, service("shop", 80)), both);
    assert_eq!(put(&mut snapshot, service("shop", 80)), Touched::default());
    assert_eq!(remove(&mut snapshot, Kind::Service, "shop"), both);
}

#[test]
fn removing_what_is_not_there_touches_nothing() {
    assert_eq!(remove(&mut Snapshot::default(), Kind::HttpRoute, "shop"), Touched::default());
}

#[test]
fn a_pod_touches_no_configuration_and_only_where_what_is_kept_of_it_differs() {
    let mut snapshot = Snapshot::default();
    let pod = |ip: &str, restarts: u8| {
        item(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop-0"},
            "status": {"podIP": ip, "containerStatuses": [{"restartCount": restarts}]}}))
    };
    let changed = |touched: Touched| {
        assert!(!touched.configuration && touched.services.is_empty());
        let ip = |pod: Option<Arc<Pod>>| pod.map(|pod| pod.ips[0].to_string()).unwrap_or_default();
        touched.pods.into_iter().map(|change| (ip(change.before), ip(change.now))).collect::<Vec<_>>()
    };
    let pair = |before: &str, now: &str| (before.to_owned(), now.to_owned());
    assert_eq!(changed(put(&mut snapshot, pod("10.0.0.1", 0))), [pair("", "10.0.0.1")]);
    assert_eq!(changed(put(&mut snapshot, pod("10.0.0.1", 1))), []);
    assert_eq!(changed(put(&mut snapshot, pod("10.0.0.2", 1))), [pair("10.0.0.1", "10.0.0.2")]);
    let gone = Change::Remove(ObjectRef { kind: Kind::Pod, name: name("shop-0") });
    assert_eq!(changed(snapshot.apply([gone.clone()])), [pair("10.0.0.2", "")]);
    assert_eq!(changed(snapshot.apply([gone])), []);
}
