//! What comes back: configuration that has the waypoint dial what leads to it again.

use tokio::net::TcpStream;

use super::spoken;
use crate::clients::Answer;
use crate::manifests::{ECHO, LOOP, SELF, waypoint_service};
use crate::world::World;

super::lines![
    a_request_that_comes_back_is_answered_508_in_its_second_round,
    bytes_that_come_back_are_closed_and_counted,
    the_waypoints_own_addresses_are_never_dialled,
    a_route_to_the_waypoints_own_service_ends_at_its_replica,
    the_waypoints_own_requests_to_its_own_service_are_loops,
];

async fn a_request_that_comes_back_is_answered_508_in_its_second_round(world: &World) {
    for flags in [&[][..], &["--http2-prior-knowledge"], &["-d", "order"]] {
        world.waypoint.ztunnel.take_dialled();
        let answer = Answer::of(&world.web, &[flags, &[&LOOP.url("/")]].concat()).await;
        assert_eq!((answer.status(), answer.field("x-pingway-reason")), (508, "loop"), "{}", answer.text);
        assert!(world.waypoint.ztunnel.take_dialled().iter().all(|to| *to == ECHO.v4(80)), "and no further");
    }
}

async fn bytes_that_come_back_are_closed_and_counted(world: &World) {
    let before = world.refused("loop").await;
    let stream = world.web.run(TcpStream::connect(LOOP.v4(1))).await.expect("it accepts");
    assert_eq!(spoken(stream, b"\x01\x02").await, "");
    assert_eq!(world.refused("loop").await, before + 1.0);
}

async fn the_waypoints_own_addresses_are_never_dialled(world: &World) {
    world.waypoint.ztunnel.take_dialled();
    let answer = Answer::of(&world.web, &[&SELF.url("/")]).await;
    assert_eq!(answer.status(), 503, "{}", answer.text);
    assert_eq!(world.waypoint.ztunnel.take_dialled(), []);
}

async fn a_route_to_the_waypoints_own_service_ends_at_its_replica(world: &World) {
    let _replica = world.start_replica().await;
    let answer = Answer::of(&world.web, &["-H", "host: edge.test", &format!("http://{}/", SELF.v4(81))]).await;
    assert_eq!((answer.status(), answer.field("x-pingway-reason")), (508, "loop"), "{}", answer.text);
}

async fn the_waypoints_own_requests_to_its_own_service_are_loops(world: &World) {
    let own = waypoint_service()[0];
    for (what, url) in [("its own Service", format!("http://{own}/")), ("one that uses it", ECHO.url("/"))] {
        let answer = Answer::of(&world.waypoint, &[&url]).await;
        assert_eq!((answer.status(), answer.field("x-pingway-reason")), (508, "loop"), "{what}: {}", answer.text);
    }
    let answer = Answer::of(&world.waypoint, &[&format!("http://{own}:15020/metrics")]).await;
    assert_eq!(answer.status(), 200, "but for its metrics: {}", answer.text);
}
