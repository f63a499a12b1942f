//! HTTP/2 connections in the pool: shared, limited, renewed, let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::http::Response;
use bytes::Bytes;
use h2::server;
use tokio::sync::{Notify, watch};

use super::super::{Speak, UpstreamPool};
use super::frames::{Frames, SETTINGS};
use super::http2::serve;
use super::scripts::{LIMITS, Scripted, body, fetch, get, until};

/// Answers `ok` to everything.
async fn endpoint() -> Scripted {
    Scripted::new(|socket, _| {
        serve(socket, |_, mut answer| async move {
            let mut sending = answer.send_response(Response::new(()), false).expect("sent");
            sending.send_data(Bytes::from_static(b"ok"), true).expect("sent");
        })
    })
    .await
}

#[tokio::test]
async fn one_connection_carries_many_streams() {
    let server = endpoint().await;
    let pool = UpstreamPool::default();
    let mut all = Vec::new();
    for i in 0..100 {
        let mut upstream = server.http2(&pool).await;
        assert_eq!(upstream.reused(), i > 0);
        upstream.send_head(get(), true).await.expect("sent");
        all.push(upstream);
    }
    for mut upstream in all {
        assert_eq!(upstream.head().await.expect("a head").status, 200);
        assert_eq!(body(&mut upstream).await.expect("a body"), b"ok");
        upstream.finish().await;
    }
    assert_eq!((server.connections(), pool.counts(&server.endpoint).1), (1, 1));
}

#[tokio::test]
async fn requests_that_race_share_one_connection() {
    let server = endpoint().await;
    let pool = Arc::new(UpstreamPool::default());
    let racing: Vec<_> = (0..50)
        .map(|_| {
            let (pool, endpoint) = (pool.clone(), server.endpoint.clone());
            tokio::spawn(async move {
                let mut upstream = pool.take(&endpoint, Speak::Http2, false, LIMITS).await.expect("a stream");
                fetch(&mut upstream, get()).await.expect("a response").0
            })
        })
        .collect();
    for request in racing {
        assert_eq!(request.await.expect("no panic"), 200);
    }
    assert_eq!(server.connections(), 1);
}

/// The first of those who wait gives up: the others get their connection all the same.
#[tokio::test]
async fn a_cancelled_request_takes_no_connection_from_others() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let server = Scripted::new(move |socket, _| {
        let gate = gate.clone();
        async move {
            gate.notified().await;
            serve(socket, |_, mut answer| async move {
                answer.send_response(Response::new(()), true).expect("sent");
            })
            .await;
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let mut first = Box::pin(server.http2(&pool));
    let second = server.http2(&pool);
    tokio::select! { biased;
        _ = &mut first => panic!("a stream before SETTINGS"),
        () = until("it is accepted", || server.connections() == 1) => {}
    }
    drop(first);
    go.notify_one();
    assert_eq!(fetch(&mut second.await, get()).await.expect("a response").0, 200);
    assert_eq!(server.connections(), 1);
}

/// reqwest#2081, envoy#20650: the endpoint allows 100 streams a connection, says so late, and answers none before all have come.
#[tokio::test]
async fn five_hundred_requests_at_once_meet_a_limit_of_a_hundred_without_an_error() {
    const REQUESTS: usize = 500;
    let (open, gate) = watch::channel(0_usize);
    let (open, waiting) = (Arc::new(open), Arc::new(AtomicUsize::new(0)));
    let (arrived, queued) = (open.clone(), waiting.clone());
    let server = Scripted::new(move |socket, _| {
        let (arrived, gate, queued) = (arrived.clone(), gate.clone(), queued.clone());
        async move {
            until("all wait", || queued.load(Ordering::SeqCst) == REQUESTS).await;
            let mut builder = server::Builder::new();
            let mut connection =
                builder.max_concurrent_streams(100).handshake::<_, Bytes>(socket).await.expect("a handshake");
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                arrived.send_modify(|arrived| *arrived += 1);
                let mut gate = gate.clone();
                tokio::spawn(async move {
                    gate.wait_for(|arrived| *arrived == REQUESTS).await.expect("a gate");
                    answer.send_response(Response::new(()), true).expect("sent");
                });
            }
        }
    })
    .await;
    let pool = Arc::new(UpstreamPool::default());
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let (pool, endpoint, waiting) = (pool.clone(), server.endpoint.clone(), waiting.clone());
            tokio::spawn(async move {
                waiting.fetch_add(1, Ordering::SeqCst);
                let mut upstream = pool.take(&endpoint, Speak::Http2, false, LIMITS).await.expect("a stream");
                fetch(&mut upstream, get()).await.expect("a response").0
            })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.expect("no panic"), 200);
    }
    assert_eq!((*open.borrow(), server.connections()), (REQUESTS, 5));
}

#[tokio::test]
async fn an_endpoint_that_allows_one_stream_at_a_time_gets_one() {
    let server = Scripted::new(|socket, _| async move {
        let mut frames = Frames::greet(socket, &[(3, 1)]).await;
        while let Some(stream) = frames.request().await {
            frames.answer(stream, b"ok").await;
        }
    })
    .await;
    let pool = UpstreamPool::default();
    for _ in 0..3 {
        let mut upstream = server.http2(&pool).await;
        fetch(&mut upstream, get()).await.expect("a response");
        upstream.finish().await;
    }
    assert_eq!(server.connections(), 1);
    let (one, two) = (server.http2(&pool).await, server.http2(&pool).await);
    assert!(one.reused() && !two.reused());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_endpoint_that_allows_none_yet_is_waited_for() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let server = Scripted::new(move |socket, _| {
        let gate = gate.clone();
        async move {
            let mut frames = Frames::greet(socket, &[(3, 0)]).await;
            gate.notified().await;
            frames.send(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 5]).await;
            while let Some(stream) = frames.request().await {
                frames.answer(stream, b"ok").await;
            }
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let mut taking = Box::pin(server.http2(&pool));
    tokio::select! { biased;
        _ = &mut taking => panic!("a stream where none is allowed"),
        () = until("it is accepted", || server.connections() == 1) => {}
    }
    go.notify_one();
    assert_eq!(fetch(&mut taking.await, get()).await.expect("a response").1, b"ok");
}

#[tokio::test]
async fn fresh_is_a_connection_that_served_nobody() {
    let server = endpoint().await;
    let pool = UpstreamPool::default();
    fetch(&mut server.http2(&pool).await, get()).await.expect("a response");
    let take = || pool.take(&server.endpoint, Speak::Http2, true, LIMITS);
    let mut fresh = take().await.expect("a stream");
    assert!(!fresh.reused());
    assert_eq!(fetch(&mut fresh, get()).await.expect("a response").1, b"ok");
    assert_eq!((server.connections(), pool.counts(&server.endpoint).1), (2, 2));
}

#[tokio::test]
async fn a_connection_that_has_ended_is_forgotten() {
    let server = Scripted::new(|socket, _| async move {
        let mut frames = Frames::greet(socket, &[]).await;
        let stream = frames.request().await.expect("a request");
        frames.answer(stream, b"ok").await;
        // Its peer has read the answer when it asks again or goes; it closes anyhow.
        drop(frames.into_socket());
    })
    .await;
    let pool = UpstreamPool::default();
    fetch(&mut server.http2(&pool).await, get()).await.expect("a response");
    until("it is forgotten", || pool.counts(&server.endpoint).1 == 0).await;
    pool.sweep_at(Instant::now());
    assert_eq!(pool.endpoints(), 0);
    let mut upstream = server.http2(&pool).await;
    assert!(!upstream.reused());
    fetch(&mut upstream, get()).await.expect("a response");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let server = endpoint().await;
    let pool = UpstreamPool::new(Duration::from_secs(60));
    let mut upstream = server.http2(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    let now = Instant::now();
    pool.sweep_at(now);
    pool.sweep_at(now + Duration::from_secs(100));
    assert_eq!(pool.counts(&server.endpoint).1, 1, "busy");
    upstream.head().await.expect("a head");
    assert_eq!(body(&mut upstream).await.expect("a body"), b"ok");
    upstream.finish().await;
    pool.sweep_at(now + Duration::from_secs(200));
    assert_eq!(pool.counts(&server.endpoint).1, 1, "idle since just now");
    pool.sweep_at(now + Duration::from_secs(259));
    assert_eq!(pool.counts(&server.endpoint).1, 1);
    pool.sweep_at(now + Duration::from_secs(261));
    assert_eq!((pool.counts(&server.endpoint).1, pool.endpoints()), (0, 0));
}

#[tokio::test]
async fn a_connection_to_an_endpoint_that_is_gone_ends_with_its_last_stream() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    let server = Scripted::new(move |socket, _| {
        let count = count.clone();
        async move {
            let mut frames = Frames::greet(socket, &[]).await;
            while let Some(stream) = frames.request().await {
                frames.answer(stream, b"ok").await;
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http2(&pool).await;
    server.endpoint.gone.store(true, Ordering::Relaxed);
    pool.sweep_at(Instant::now());
    assert_eq!((pool.counts(&server.endpoint).1, pool.endpoints()), (0, 0));
    assert_eq!(fetch(&mut upstream, get()).await.expect("it goes on").1, b"ok");
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    upstream.finish().await;
    until("the connection has ended", || ended.load(Ordering::SeqCst) == 1).await;
}
