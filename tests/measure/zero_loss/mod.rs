//! Nothing is lost while everything changes.
//!
//! Clients send requests without a pause while routes, endpoints, certificates and listeners change in turn, and a thousand
//! WebSockets and a thousand gRPC streams stay open and exchange messages. Each change waits until it is served and for a
//! fixed number of requests, so a slow machine takes longer and proves the same.

mod change;
mod client;
mod http1;
mod http2;
mod streams;
mod tls;
mod version;
mod world;

use std::sync::Arc;
use std::time::Instant;

use change::Changer;
use streams::Streams;
use world::World;

use crate::process::Ticks;
use crate::scale::scaled;
use crate::support::until;

/// Requests that go with each change, at least.
const REQUESTS: u64 = 200;

/// The rate to be reached, in requests a second.
const RATE: f64 = 2_000.0;

/// The rate says something about Pingway only where others took no more of the machine than this.
const IDLE: f64 = 0.05;

/// Streams of each kind that are open meanwhile.
const STREAMS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_everything_changes() {
    let changes = scaled(100, 1_000);
    let world = Arc::new(World::start().await);
    let mut streams = Streams::open(&world, STREAMS).await;
    let mut changer = Changer::new(&world).await;
    let clients = client::start(&world);
    until("requests", async || (world.tally.requests() > REQUESTS).then_some(())).await;
    let pids = [std::process::id(), world.proxy.id()];
    let (began, before, ticks) = (Instant::now(), world.tally.requests(), Ticks::now(&pids));
    for change in 0..changes {
        let enough = world.tally.requests() + REQUESTS;
        changer.change(change).await;
        streams.exchange(change).await;
        until("requests go on", async || (world.tally.requests() >= enough).then_some(())).await;
        world.tally.check();
    }
    let requests = world.tally.requests() - before;
    let rate = requests as f64 / began.elapsed().as_secs_f64();
    let others = Ticks::now(&pids).taken_by_others(ticks);
    clients.stop().await;
    let messages = streams.close().await;
    world.tally.check();
    println!(
        "{changes} changes, {requests} requests, {rate:.0} a second; {messages} messages on {} streams",
        2 * STREAMS
    );
    println!("others took {:.0} % of the machine", others * 100.0);
    world.nothing_failed().await;
    assert!(rate >= RATE || others > IDLE, "{rate:.0} requests a second on an idle machine");
}
