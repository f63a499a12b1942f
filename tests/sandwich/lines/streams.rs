//! Streams that last, while everything else changes.

use std::time::{Duration, Instant};

use super::conversation::Conversation;
use crate::clients::Answer;
use crate::manifests::{ROUTED, routes};
use crate::support::within;
use crate::world::World;

super::lines![streams_last_while_configuration_changes];

/// How long they last; at full scale longer than the limits of time that the waypoint has for what is idle or begins.
fn lasting() -> Duration {
    Duration::from_secs(if crate::is_full() { 330 } else { 3 })
}

async fn streams_last_while_configuration_changes(world: &World) {
    let (mut conversations, begun, mut round) = (Conversation::all(world).await, Instant::now(), 0);
    // Bytes may rest for as long as they like.
    let [mut silent, ..] = Conversation::all(world).await;
    silent.say("first").await;
    while begun.elapsed() < lasting() {
        round += 1;
        let route = format!("edited-{round}");
        world.write("routes.yaml", &routes().replace("producer", &route));
        let served = async {
            loop {
                for conversation in &mut conversations {
                    conversation.say(&format!("while {route}")).await;
                }
                let answer = Answer::of(&world.web, &[&ROUTED.url("/")]).await;
                assert_eq!(answer.status(), 200, "{}", answer.text);
                if answer.field("x-route") == route {
                    break;
                }
            }
        };
        within("the edit is served", served).await;
    }
    world.write("routes.yaml", &routes());
    silent.say("last").await;
    for conversation in conversations {
        conversation.end().await;
    }
    assert!(round > 2, "{round} edits");
}
