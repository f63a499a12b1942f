//! What is left after all of it.

use crate::mesh::mark::escaped;
use crate::support::until;
use crate::world::World;

super::lines![nothing_left_a_pod_past_its_ztunnel, nothing_is_left_open_and_nothing_went_wrong_within];

async fn nothing_left_a_pod_past_its_ztunnel(world: &World) {
    for pod in [&world.waypoint, &world.replica, &world.web, &world.guest] {
        assert_eq!(escaped(pod).await, 0);
    }
}

async fn nothing_is_left_open_and_nothing_went_wrong_within(world: &World) {
    for protocol in ["tcp", "http1", "http2", "tls", "unknown"] {
        let series = format!("pingway_connections_open{{protocol=\"{protocol}\"}}");
        until(&series, async || (world.metric(&series).await == 0.0).then_some(())).await;
    }
    let log = world.proxy.log();
    let bad: Vec<_> = log.lines().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
