//! Endpoints, which ztunnel accepts for before it dials: one that is not there is one that closes.

use std::net::SocketAddr;

use crate::apps::{CLOSED, HTTP};
use crate::clients::Answer;
use crate::manifests::{ABSENT, DEAD, ECHO, HALF, LATE, NOBODY, SIX};
use crate::pod::Name;
use crate::support::until;
use crate::world::World;

super::lines![
    an_endpoint_that_is_not_there_is_seen_by_no_client_that_gets,
    a_post_that_was_closed_unanswered_is_not_sent_again,
    by_http2_a_post_goes_on_to_an_endpoint_that_is_there,
    nothing_is_sent_by_http2_before_settings,
    an_address_that_nobody_has_is_seen_by_no_client_that_gets,
    endpoints_of_ipv6_are_dialled_by_it,
    what_ztunnel_broke_off_is_not_used_again,
];

const POST: [&str; 2] = ["-d", "order"];

fn closed() -> SocketAddr {
    (Name::Two.v4(), CLOSED).into()
}

async fn an_endpoint_that_is_not_there_is_seen_by_no_client_that_gets(world: &World) {
    world.came_to_backends();
    until("the endpoint was dialled", async || {
        let answer = Answer::of(&world.web, &[&HALF.url("/")]).await;
        assert_eq!(answer.status(), 200, "{}", answer.text);
        world.came_to_backends().iter().any(|(_, to)| *to == closed()).then_some(())
    })
    .await;
}

async fn a_post_that_was_closed_unanswered_is_not_sent_again(world: &World) {
    for (arguments, tries) in [(&[][..], 3), (&POST[..], 1)] {
        world.came_to_backends();
        let path = format!("/dead/{tries}");
        let answer = Answer::of(&world.web, &[arguments, &[&DEAD.url(&path)]].concat()).await;
        assert_eq!((answer.status(), answer.field("x-pingway-reason")), (502, "upstream_closed"), "{}", answer.text);
        let mut came: Vec<_> = world.came_to_backends().into_iter().map(|(_, to)| to).collect();
        came.sort_unstable();
        came.dedup();
        assert_eq!(came.len(), tries, "each on another endpoint");
        assert_eq!(world.logged(&path).await["attempts"], tries);
    }
}

async fn by_http2_a_post_goes_on_to_an_endpoint_that_is_there(world: &World) {
    world.came_to_backends();
    let url = format!("http://{}/", HALF.v4(84));
    until("the endpoint was dialled", async || {
        let answer = Answer::of(&world.web, &[&POST[..], &[&url]].concat()).await;
        assert_eq!((answer.status(), &answer.told()["body"]), (200, &"order".into()), "{}", answer.text);
        world.came_to_backends().iter().any(|(_, to)| *to == closed()).then_some(())
    })
    .await;
}

async fn nothing_is_sent_by_http2_before_settings(world: &World) {
    let answer = Answer::of(&world.web, &[&POST[..], &[&LATE.url("/")]].concat()).await;
    assert_eq!(answer.status(), 204, "{}", answer.text);
    assert_eq!(world.apps[0].record.early.load(std::sync::atomic::Ordering::Relaxed), 0, "requests before SETTINGS");
}

async fn an_address_that_nobody_has_is_seen_by_no_client_that_gets(world: &World) {
    world.waypoint.ztunnel.take_dialled();
    until("it was dialled", async || {
        let answer = Answer::of(&world.web, &[&ABSENT.url("/")]).await;
        assert_eq!(answer.status(), 200, "{}", answer.text);
        world.waypoint.ztunnel.take_dialled().contains(&(NOBODY, HTTP).into()).then_some(())
    })
    .await;
}

async fn endpoints_of_ipv6_are_dialled_by_it(world: &World) {
    world.waypoint.ztunnel.take_dialled();
    let answer = Answer::of(&world.web, &[&SIX.url("/")]).await;
    assert_eq!(answer.status(), 200, "{}", answer.text);
    let endpoints = [Name::One, Name::Two].map(|name| (name.v6(), HTTP).into());
    let dialled = world.waypoint.ztunnel.take_dialled();
    assert!(dialled.len() == 1 && endpoints.contains(&dialled[0]), "{dialled:?}");
}

async fn what_ztunnel_broke_off_is_not_used_again(world: &World) {
    for url in [ECHO.url("/"), format!("http://{}/", ECHO.v4(84))] {
        // Connections are kept open, to both endpoints.
        let printed = world.web.output("h2load", &["-n", "100", "-c", "4", "-m", "10", &url]).await;
        assert!(printed.contains("100 succeeded"), "{printed}");
        world.waypoint.ztunnel.take_dialled();
        world.waypoint.ztunnel.break_off().await;
        for _ in 0..20 {
            let answer = Answer::of(&world.web, &[&POST[..], &[&url]].concat()).await;
            assert_eq!(answer.status(), 200, "{}", answer.text);
        }
        assert!(!world.waypoint.ztunnel.take_dialled().is_empty(), "they are made anew");
    }
}
