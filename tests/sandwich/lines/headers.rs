//! What comes to the port of the binding, as bytes: nothing is served that is not exactly a header of ztunnel's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

use super::spoken;
use crate::manifests::{ECHO, ROUTED};
use crate::mesh::mark::connect_marked;
use crate::mesh::proxy_header::{IDENTITY, SIGNATURE, header};
use crate::mesh::ztunnel::BINDING;
use crate::pod::Name;
use crate::world::World;

super::lines![
    the_stand_ins_header_is_what_a_real_ztunnel_sent,
    the_port_of_the_binding_is_on_both_loopbacks_and_nowhere_else,
    whoever_is_not_on_loopback_is_closed_and_counted,
    what_is_no_header_is_closed_and_counted_by_its_reason,
    a_header_without_an_identity_is_of_a_client_from_outside_of_the_mesh,
];

/// What was captured: source, dialled, identity, and the header in hexadecimal digits.
const CAPTURED: &str = include_str!("../../../src/proxy/inbound/header/captured.txt");

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

const LOOPBACKS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// What ztunnel sends of a client that dialled `ECHO`.
fn good() -> Vec<u8> {
    header((Name::Web.v4(), 48110).into(), ECHO.v4(80), Some(&Name::Web.identity()))
}

/// What comes of these bytes, sent within the waypoint's pod to a loopback's port of the binding.
async fn handed(world: &World, loopback: IpAddr, bytes: Vec<u8>) -> String {
    let sent = async move {
        let stream = TcpStream::connect((loopback, BINDING)).await.expect("it listens");
        spoken(stream, &bytes).await
    };
    world.waypoint.run(sent).await
}

async fn the_stand_ins_header_is_what_a_real_ztunnel_sent(_: &World) {
    let mut count = 0;
    for line in CAPTURED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<_> = line.split(' ').collect();
        let [source, dialled, identity, sent] = words[..] else { panic!("{line}") };
        let ours = header(source.parse().unwrap(), dialled.parse().unwrap(), Some(identity));
        assert_eq!(ours.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), sent);
        count += 1;
    }
    assert!(count > 0, "there is some");
}

async fn the_port_of_the_binding_is_on_both_loopbacks_and_nowhere_else(world: &World) {
    for loopback in LOOPBACKS {
        let answer = handed(world, loopback, [good(), REQUEST.to_vec()].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    for address in Name::Waypoint.addresses() {
        let to = SocketAddr::new(address, BINDING);
        for pod in [&world.one, &world.waypoint] {
            assert!(pod.run(connect_marked(to)).await.is_err(), "{to} is open");
        }
    }
}

async fn whoever_is_not_on_loopback_is_closed_and_counted(world: &World) {
    let before = world.refused("not_loopback").await;
    let answer = world.waypoint.run(async {
        // From the pod's own address to the loopback's: it stays within the pod.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Name::Waypoint.v4(), 0).into()).unwrap();
        let stream = socket.connect((Ipv4Addr::LOCALHOST, BINDING).into()).await.unwrap();
        spoken(stream, &[good(), REQUEST.to_vec()].concat()).await
    });
    assert_eq!(answer.await, "");
    assert_eq!(world.refused("not_loopback").await, before + 1.0);
}

async fn what_is_no_header_is_closed_and_counted_by_its_reason(world: &World) {
    let raw = |command: u8, family: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..12], &[command, family], &length, body].concat()
    };
    let addresses = [10, 244, 0, 11, 10, 96, 0, 1, 0, 1, 0, 80];
    let field =
        |kind: u8, value: &[u8]| [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat();
    let identity = field(IDENTITY, Name::Web.identity().as_bytes());
    let with = |fields: &[u8]| raw(0x21, 0x11, &[&addresses[..], fields].concat());
    for (why, bytes) in [
        ("no_header", REQUEST.to_vec()),
        ("no_header", b"PROXY TCP4 10.244.0.11 10.96.0.1 1 80\r\n".to_vec()),
        ("no_header", b"\0".to_vec()),
        ("malformed_header", raw(0x31, 0x11, &addresses)),
        ("malformed_header", raw(0x2f, 0x11, &addresses)),
        ("malformed_header", raw(0x21, 0x12, &addresses)),
        ("malformed_header", raw(0x21, 0x31, &[0; 216])),
        ("malformed_header", raw(0x21, 0x11, &addresses[..11])),
        ("malformed_header", raw(0x21, 0x21, &addresses)),
        ("malformed_header", with(&identity[..9])),
        ("malformed_header", with(&[identity.clone(), identity.clone()].concat())),
        ("malformed_header", with(&field(IDENTITY, b"admin"))),
        ("malformed_header", with(&field(IDENTITY, b"spiffe://cluster.local/ns/shop/sa/web;URI=spiffe://a"))),
        ("header_too_large", raw(0x21, 0x11, &[0; 5000])),
        ("local_command", raw(0x20, 0x00, &[])),
        ("no_address", raw(0x21, 0x00, &[])),
        ("header_timeout", good()[..20].to_vec()),
    ] {
        for loopback in LOOPBACKS {
            let before = world.refused(why).await;
            // What breaks off is told from what is slow by its end.
            let broken = why == "header_timeout";
            let all = if broken { bytes.clone() } else { [&bytes[..], REQUEST].concat() };
            let answer = world.waypoint.run(async move {
                let mut stream = TcpStream::connect((loopback, BINDING)).await.expect("it listens");
                if broken {
                    tokio::io::AsyncWriteExt::write_all(&mut stream, &all).await.unwrap();
                    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
                }
                spoken(stream, if broken { &[] } else { &all }).await
            });
            assert_eq!(answer.await, "", "{why}: {bytes:?}");
            assert_eq!(world.refused(why).await, before + 1.0, "{why}: {bytes:?}");
        }
    }
}

async fn a_header_without_an_identity_is_of_a_client_from_outside_of_the_mesh(world: &World) {
    let request = b"GET /outside HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let ahead = header(SocketAddr::from(([192, 0, 2, 1], 1)), ROUTED.v4(80), None);
    let answer = handed(world, LOOPBACKS[0], [&ahead[..], request].concat()).await;
    assert!(answer.contains("x-route: producer"), "consumers are known by their identity: {answer}");
    let line = world.logged("/outside").await;
    assert_eq!((line.get("source_principal"), &line["peer"]), (None, &"192.0.2.1:1".into()));
}
