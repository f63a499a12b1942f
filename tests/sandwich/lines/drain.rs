//! A replica of the waypoint that ends: what it serves ends whole, and nobody is turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::net::TcpStream;

use super::conversation::Conversation;
use super::spoken;
use crate::manifests::ECHO;
use crate::mesh::ztunnel::BINDING;
use crate::pod::Name;
use crate::support::{Ended, client, until, within};
use crate::world::World;

super::lines![a_replica_that_ends_under_load_costs_no_request_and_ends_its_streams_whole];

async fn a_replica_that_ends_under_load_costs_no_request_and_ends_its_streams_whole(world: &World) {
    let replica = world.start_replica().await;
    let set_ready = |names: &[Name]| {
        *world.registry.ready.lock().expect("no panic") = names.iter().map(|name| name.addresses()).collect();
    };
    set_ready(&[Name::Replica]);
    let mut streams = Conversation::all(world).await;
    let held = tokio::spawn(get(world, "/hold/drain/2").await);
    set_ready(&[Name::Waypoint, Name::Replica]);
    let load = Load::start(world).await;
    load.grows("both serve").await;

    replica.terminate();
    let metrics = replica.metrics;
    let status = move || async move { client::get(metrics, "a", "/readyz").await.map(|answer| answer.status) };
    until("it is no longer ready", async || (world.replica.run(status()).await == Some(503)).then_some(())).await;
    load.grows("it serves on until the mesh knows").await;
    set_ready(&[Name::Waypoint]);
    until("it accepts no more", async || {
        let to = ([127, 0, 0, 1], BINDING).into();
        world.replica.run(async move { TcpStream::connect::<std::net::SocketAddr>(to).await.err() }).await
    })
    .await;
    load.grows("the other serves on").await;
    for stream in &mut streams {
        stream.say("still here").await;
    }
    world.held.come("drain");
    let answer = within("the answer that was held", held).await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for stream in streams {
        stream.end().await;
    }
    assert_eq!(world.replica.run(replica.ended()).await, Ended { code: Some(0) });
    load.end().await;
}

/// A request of `web`, on a connection of its own that is open already; its answer.
async fn get(world: &World, path: &str) -> impl Future<Output = String> + Send + 'static {
    let stream = world.web.run(TcpStream::connect(ECHO.v4(80))).await.expect("it accepts");
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    async move { spoken(stream, request.as_bytes()).await }
}

/// Requests one after the other, each on a connection of its own.
struct Load {
    answered: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Load {
    async fn start(world: &World) -> Self {
        let load = Self { answered: Arc::default(), failed: Arc::default(), stop: Arc::default() };
        for to in [ECHO.v4(80), ECHO.v6(80), ECHO.v4(81), ECHO.v4(84)] {
            let (answered, failed, stop) = (load.answered.clone(), load.failed.clone(), load.stop.clone());
            world.web.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let stream = TcpStream::connect(to).await.expect("it accepts");
                    let answer = spoken(stream, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
                    let of = if answer.starts_with("HTTP/1.1 200 ") { &answered } else { &failed };
                    of.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        load
    }

    /// Waits for more answers.
    async fn grows(&self, what: &str) {
        let before = self.answered.load(Ordering::Relaxed);
        until(what, async || (self.answered.load(Ordering::Relaxed) > before + 40).then_some(())).await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert_eq!(self.failed.load(Ordering::Relaxed), 0, "of {}", self.answered.load(Ordering::Relaxed));
    }
}
