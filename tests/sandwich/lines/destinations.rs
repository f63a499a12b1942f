//! What may be dialled: ztunnel passes on whatever its client asks for, and the waypoint is no open relay.

use std::net::SocketAddr;

use crate::apps::HTTP;
use crate::clients::{Answer, tunnel};
use crate::manifests::{ECHO, STRANGER, waypoint_service};
use crate::pod::Name;
use crate::world::World;

super::lines![
    what_is_not_enrolled_is_closed_and_counted_and_nothing_is_dialled,
    ztunnels_own_ports_are_refused_by_it,
    an_address_of_another_family_than_the_clients_is_closed_and_counted,
    the_waypoints_own_service_and_pod_address_are_its_listener,
    metrics_are_for_who_scrapes_within_the_mesh,
];

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: edge.test\r\nconnection: close\r\n\r\n";

async fn what_is_not_enrolled_is_closed_and_counted_and_nothing_is_dialled(world: &World) {
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let at = |name: Name, port| SocketAddr::new(name.v4(), port);
    let hostile = [
        STRANGER.v4(80),
        ECHO.v4(9),
        at(Name::One, HTTP),
        at(Name::Web, 80),
        at(Name::Waypoint, 15000),
        at(Name::Waypoint, 15088),
        (waypoint_service()[0], 15000).into(),
        loopback(80),
        loopback(15000),
        loopback(15020),
        loopback(15088),
        ([0, 0, 0, 0], 80).into(),
        ([169, 254, 169, 254], 80).into(),
        ([192, 0, 2, 1], 443).into(),
    ];
    world.waypoint.ztunnel.take_dialled();
    for (i, destination) in hostile.into_iter().enumerate() {
        let before = world.refused("not_served").await;
        // By who knows of HTTP, and by who does not.
        let bytes = if i % 2 == 0 { REQUEST } else { b"\0\x01\x02" };
        let answer = tunnel(&world.web, Name::Waypoint.v4(), destination, bytes.to_vec()).await.expect("accepted");
        assert_eq!(answer, "", "{destination}");
        assert_eq!(world.refused("not_served").await, before + 1.0, "{destination}");
    }
    for port in [80, 15000, 15088] {
        let destination = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
        let answer = tunnel(&world.web, Name::Waypoint.v6(), destination, REQUEST.to_vec()).await;
        assert_eq!(answer.expect("accepted"), "", "{destination}");
    }
    assert_eq!(world.waypoint.ztunnel.take_dialled(), []);
}

async fn ztunnels_own_ports_are_refused_by_it(world: &World) {
    for port in [15001, 15006, 15008] {
        let to = (Name::Waypoint.v4(), port).into();
        assert!(tunnel(&world.web, Name::Waypoint.v4(), to, Vec::new()).await.is_err(), "{port}");
    }
}

async fn an_address_of_another_family_than_the_clients_is_closed_and_counted(world: &World) {
    for (by, to) in [(Name::Waypoint.v4(), ECHO.v6(80)), (Name::Waypoint.v6(), ECHO.v4(80))] {
        let before = world.refused("no_address").await;
        assert_eq!(tunnel(&world.web, by, to, REQUEST.to_vec()).await.expect("accepted"), "");
        assert_eq!(world.refused("no_address").await, before + 1.0);
    }
}

async fn the_waypoints_own_service_and_pod_address_are_its_listener(world: &World) {
    for address in [waypoint_service(), Name::Waypoint.addresses()].concat() {
        let url = format!("http://{}/", SocketAddr::new(address, 80));
        let answer = Answer::of(&world.web, &["-H", "host: edge.test", &url]).await;
        assert_eq!((answer.status(), answer.field("x-route")), (200, "gateway"), "{url}: {}", answer.text);
        let answer = Answer::of(&world.web, &["-H", "host: other.test", &url]).await;
        assert_eq!(answer.status(), 404, "{url}: {}", answer.text);
    }
}

async fn metrics_are_for_who_scrapes_within_the_mesh(world: &World) {
    for address in [waypoint_service(), Name::Waypoint.addresses()].concat() {
        let url = format!("http://{}/metrics", SocketAddr::new(address, 15020));
        let answer = Answer::of(&world.web, &[&url]).await;
        assert!(answer.status() == 200 && answer.text.contains("pingway_build_info"), "{url}: {}", answer.text);
    }
}
