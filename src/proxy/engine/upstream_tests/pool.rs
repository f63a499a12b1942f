//! The pool over time: idle connections, endpoints that go, memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::{Speak, UpstreamPool};
use super::scripts::{LIMITS, Scripted, fetch, get, until};
use crate::live::Endpoint;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn pooled(answer: &'static str) -> (Scripted, UpstreamPool) {
    let (server, pool) = (Scripted::answering(answer).await, UpstreamPool::new(Duration::from_secs(60)));
    let mut upstream = server.http1(&pool).await;
    fetch(&mut upstream, get()).await.expect("a response");
    upstream.finish().await;
    assert_eq!((pool.counts(&server.endpoint).0, pool.endpoints()), (1, 1));
    (server, pool)
}

#[tokio::test]
async fn idle_connections_are_closed_after_the_idle_time() {
    let (server, pool) = pooled(OK).await;
    let now = Instant::now();
    pool.sweep_at(now + Duration::from_secs(58));
    assert_eq!(pool.counts(&server.endpoint).0, 1);
    pool.sweep_at(now + Duration::from_secs(61));
    assert_eq!((pool.counts(&server.endpoint).0, pool.endpoints()), (0, 0));
}

#[tokio::test]
async fn the_endpoints_own_idle_time_counts_where_it_is_shorter() {
    let (server, pool) = pooled("HTTP/1.1 200 OK\r\nKeep-Alive: max=9, timeout=5\r\nContent-Length: 2\r\n\r\nok").await;
    let now = Instant::now();
    pool.sweep_at(now + Duration::from_secs(3));
    assert_eq!(pool.counts(&server.endpoint).0, 1);
    pool.sweep_at(now + Duration::from_secs(5));
    assert_eq!(pool.counts(&server.endpoint).0, 0);
    let (server, pool) = pooled("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=x\r\nContent-Length: 2\r\n\r\nok").await;
    pool.sweep_at(Instant::now() + Duration::from_secs(58));
    assert_eq!(pool.counts(&server.endpoint).0, 1);
}

#[tokio::test]
async fn no_connection_lives_for_ever() {
    let server = Scripted::answering(OK).await;
    let pool = UpstreamPool::new(Duration::from_secs(1_000_000));
    let mut upstream = server.http1(&pool).await;
    fetch(&mut upstream, get()).await.expect("a response");
    upstream.finish().await;
    let now = Instant::now();
    pool.sweep_at(now + Duration::from_secs(3_590));
    assert_eq!(pool.counts(&server.endpoint).0, 1);
    pool.sweep_at(now + Duration::from_secs(3_601));
    assert_eq!(pool.counts(&server.endpoint).0, 0);
}

#[tokio::test]
async fn connections_to_an_endpoint_that_is_gone_are_closed_and_none_comes_back() {
    let (server, pool) = pooled(OK).await;
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    server.endpoint.gone.store(true, Ordering::Relaxed);
    assert_eq!(upstream.head().await.expect("in flight, it goes on").status, 200);
    assert!(upstream.next_body().await.expect("a body").is_some());
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 0);
    let (server, pool) = pooled(OK).await;
    server.endpoint.gone.store(true, Ordering::Relaxed);
    pool.sweep_at(Instant::now());
    assert_eq!((pool.counts(&server.endpoint).0, pool.endpoints()), (0, 0));
}

/// pg#748
#[tokio::test]
async fn the_pool_stays_flat_over_many_endpoints() {
    let server = Scripted::answering(OK).await;
    let pool = UpstreamPool::default();
    let mut most = 0;
    for i in 0..2_000 {
        let endpoint = Arc::new(Endpoint::new(server.endpoint.address));
        let mut upstream = pool.take(&endpoint, Speak::Http1, false, LIMITS).await.expect("a connection");
        assert!(!upstream.reused(), "an endpoint is its id, not its address");
        fetch(&mut upstream, get()).await.expect("a response");
        upstream.finish().await;
        endpoint.gone.store(true, Ordering::Relaxed);
        if i % 20 == 0 {
            pool.sweep_at(Instant::now());
        }
        most = most.max(pool.endpoints());
    }
    assert!(most <= 20, "{most}");
    pool.sweep_at(Instant::now());
    assert_eq!(pool.endpoints(), 0);
}

#[tokio::test]
async fn the_sweep_runs_by_itself() {
    let (server, pool) = pooled(OK).await;
    server.endpoint.gone.store(true, Ordering::Relaxed);
    tokio::select! {
        never = pool.sweep() => match never {},
        () = until("swept", || pool.endpoints() == 0) => {}
    }
}
