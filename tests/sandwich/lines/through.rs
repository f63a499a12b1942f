//! Requests on their way: straight through, by the Service's routes, by the Gateway's.

use crate::apps::HTTP;
use crate::clients::Answer;
use crate::manifests::{ECHO, GENERAL, ROUTED};
use crate::pod::Name;
use crate::world::World;

super::lines![
    a_request_goes_straight_through_whatever_host_it_names,
    ipv6_comes_by_the_loopback_of_its_own_family,
    http2_with_prior_knowledge_goes_through,
    routes_of_a_service_are_found_by_what_was_dialled,
    consumer_routes_are_for_clients_of_their_namespace,
    routes_of_the_gateway_are_for_their_hosts_and_all_others_go_through,
    it_leaves_to_endpoints_under_the_waypoints_identity,
];

async fn a_request_goes_straight_through_whatever_host_it_names(world: &World) {
    for host in ["echo.apps", "echo.apps.svc.cluster.local", "unheard.of"] {
        let url = ECHO.url("/a?b=c");
        let answer = Answer::of(&world.web, &["-H", &format!("host: {host}"), &url]).await;
        assert_eq!(answer.status(), 200, "{}", answer.text);
        let told = answer.told();
        assert_eq!((&told["path"], &told["headers"]["host"]), (&"/a".into(), &host.into()));
        assert_eq!(told["headers"]["x-request-id"].as_str().map(str::len), Some(32), "made where it is missing");
    }
    let answer = Answer::of(&world.web, &["-H", "x-request-id: mine", &ECHO.url("/")]).await;
    assert_eq!(answer.told()["headers"]["x-request-id"], "mine");
}

async fn ipv6_comes_by_the_loopback_of_its_own_family(world: &World) {
    let answer = Answer::of(&world.web, &[&format!("http://{}/ipv6", ECHO.v6(80))]).await;
    assert_eq!(answer.status(), 200, "{}", answer.text);
    let line = world.logged("/ipv6").await;
    assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with(&format!("[{}]:", Name::Web.v6()))), "{line}");
}

async fn http2_with_prior_knowledge_goes_through(world: &World) {
    for port in [80, 81, 84] {
        let url = format!("http://{}/", ECHO.v4(port));
        let answer = Answer::of(&world.web, &["--http2-prior-knowledge", &url]).await;
        assert!(answer.text.starts_with("HTTP/2 200"), "{}", answer.text);
        let version = if port == 84 { "HTTP/2.0" } else { "HTTP/1.1" };
        assert_eq!(answer.told()["version"], version, "what the port says of its endpoints");
    }
}

async fn routes_of_a_service_are_found_by_what_was_dialled(world: &World) {
    let answer = Answer::of(&world.web, &["-H", "host: edge.test", &ROUTED.url("/")]).await;
    assert_eq!((answer.status(), answer.field("x-route")), (200, "producer"), "{}", answer.text);
}

async fn consumer_routes_are_for_clients_of_their_namespace(world: &World) {
    let answer = Answer::of(&world.guest, &[&ROUTED.url("/consumer")]).await;
    assert_eq!((answer.status(), answer.field("x-route")), (200, "consumer"), "{}", answer.text);
    assert_eq!(world.logged("/consumer").await["source_principal"], Name::Guest.identity());
}

async fn routes_of_the_gateway_are_for_their_hosts_and_all_others_go_through(world: &World) {
    for (host, route) in [("edge.test", "gateway"), ("other.test", "")] {
        let answer = Answer::of(&world.web, &["-H", &format!("host: {host}"), &GENERAL.url("/")]).await;
        assert_eq!((answer.status(), answer.field("x-route")), (200, route), "{}", answer.text);
    }
}

async fn it_leaves_to_endpoints_under_the_waypoints_identity(world: &World) {
    // Since the beginning: what is kept open may serve a request without that anything is dialled.
    let (dialled, came) = (world.waypoint.ztunnel.take_dialled(), world.came_to_backends());
    assert!(!dialled.is_empty() && !came.is_empty(), "it leaves through ztunnel");
    let endpoints = [Name::One, Name::Two].map(|name| (name.v4(), HTTP).into());
    for to in dialled {
        assert!(endpoints.contains(&to), "{to} is no endpoint");
    }
    for (caller, to) in came {
        assert_eq!(caller, Name::Waypoint.identity());
        assert!(endpoints.contains(&to), "{to}");
    }
}
