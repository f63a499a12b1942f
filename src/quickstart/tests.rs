//! Backends and ports of the quickstart; `tests/serve/quickstart.rs` runs the whole of it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::json;

use super::{MANIFESTS, Ports, StartError, redirects, start, what_to_try};
use crate::api::EndpointSlice;
use crate::snapshot::{Change, Item};
use crate::source::manifests::read_texts;

fn slice(name: &str, address: &str, port: u16) -> Change {
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"addresses": [address]}],
        "ports": [{"port": port}],
    });
    let slice: EndpointSlice = serde_json::from_value(slice).expect("a slice");
    Change::Put(Item::EndpointSlice(Arc::new(slice)))
}

fn port(change: &Change) -> Option<i32> {
    match change {
        Change::Put(Item::EndpointSlice(slice)) => slice.ports.as_ref()?.first()?.port,
        _ => None,
    }
}

#[test]
fn a_backend_answers_at_each_loopback_endpoint_and_the_endpoint_says_where() {
    let mut changes = [slice("echo-v1", "127.0.0.1", 9101), slice("elsewhere", "192.0.2.1", 9102)];
    let running = start(&mut changes, &BTreeMap::from([(9101, 0)])).expect("started");
    assert_eq!(running.backends.len(), 1);
    let backend = &running.backends[0];
    assert_eq!(backend.name, "echo-v1");
    assert_eq!(port(&changes[0]), Some(i32::from(backend.address.port())));
    assert_eq!(port(&changes[1]), Some(9102));

    let mut stream = TcpStream::connect(backend.address).expect("it listens");
    write!(stream, "GET /a?b=c HTTP/1.1\r\nhost: a.test\r\nx-y: z\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    for text in [r#""backend": "echo-v1""#, r#""path": "/a?b=c""#, r#""host": "a.test""#, r#""x-y": "z""#] {
        assert!(answer.contains(text), "{text} in {answer}");
    }
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken_port = taken.local_addr().expect("an address").port();
    let mut changes = [slice("echo-v1", "127.0.0.1", 9101)];
    let error = start(&mut changes, &BTreeMap::from([(9101, taken_port)])).expect_err("taken");
    assert!(matches!(error, StartError::Bind { .. }));
    let message = error.to_string();
    assert!(message.contains(&format!("port {taken_port} cannot be opened")), "{message}");
    assert!(message.contains("--port-map 9101=PORT"), "{message}");
}

#[test]
fn redirects_name_the_ports_as_they_are() {
    let objects = read_texts(MANIFESTS).changes;
    assert_eq!(redirects(&objects, |port| port), []);
    let moved = redirects(&objects, |port| if port == 8443 { 1234 } else { port });
    let [Change::Put(Item::HttpRoute(route))] = moved.as_slice() else { panic!("{moved:?}") };
    let rules = route.spec.rules.as_deref().expect("rules");
    assert_eq!(rules[0].filters[0].request_redirect.as_ref().and_then(|redirect| redirect.port), Some(1234));
}

#[test]
fn what_to_try_names_the_ports_as_they_are() {
    let text = what_to_try(Ports { http: 18080, https: 18443, ztunnel: 15009, metrics: 15021, admin: Some(15001) });
    for part in [
        "localhost:18080/",
        "https://localhost:18443/",
        "-x localhost:15009",
        "localhost:15021/metrics",
        "http://localhost:15001/",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let without = what_to_try(Ports { http: 1, https: 2, ztunnel: 4, metrics: 3, admin: None });
    assert!(!without.contains("What is served"));
}
