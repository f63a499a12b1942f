//! HTTP/1 connections: keep-alive, pipelining, slow and idle clients.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::{Bed, GET, ask, connect, in_time, response, rest, settings};
use crate::settings::Settings;

#[tokio::test]
async fn connection_serves_one_request_after_the_other() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    for _ in 0..5 {
        let head = ask(&mut client, GET).await;
        assert!(head.starts_with("http/1.1 404") && head.contains("connection: keep-alive"), "{head}");
    }
}

#[tokio::test]
async fn request_shorter_than_the_http2_preface_is_answered() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    let head = ask(&mut client, b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(rest(&mut client).await, b"");
}

#[tokio::test]
async fn request_that_begins_like_the_preface_is_http1() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    client.write_all(b"PR").await.unwrap();
    assert!(ask(&mut client, b"OPFIND / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.starts_with("http/1.1 404"));
}

#[tokio::test]
async fn head_that_comes_byte_by_byte_is_answered() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    client.set_nodelay(true).unwrap();
    for _ in 0..2 {
        for byte in &GET[..GET.len() - 1] {
            client.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(ask(&mut client, b"\n").await.starts_with("http/1.1 404"));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    client
        .write_all(&[GET, GET, GET, b"GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n"].concat())
        .await
        .unwrap();
    for _ in 0..3 {
        assert!(in_time(response(&mut client)).await.contains("connection: keep-alive"));
    }
    assert!(in_time(response(&mut client)).await.contains("connection: close"));
    assert_eq!(rest(&mut client).await, b"");
}

/// A deadline over the whole head: a byte now and then does not extend it, on a reused connection neither.
#[tokio::test]
async fn slow_head_is_cut() {
    let bed = Bed::start(Settings { client_head_timeout: Duration::from_millis(300), ..settings() });
    let [address] = bed.listen([80]).await;
    for reused in [false, true] {
        let mut client = connect(address).await;
        if reused {
            ask(&mut client, GET).await;
        }
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let (mut reader, mut writer) = client.into_split();
        let drip = tokio::spawn(async move {
            while writer.write_all(b"x: y\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let last = String::from_utf8(rest(&mut reader).await).unwrap();
        assert!(last.is_empty() || last.starts_with("HTTP/1.1 408"), "{last}");
        drip.abort();
    }
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let bed = Bed::start(Settings { client_idle_timeout: Duration::from_millis(200), ..settings() });
    let [address] = bed.listen([80]).await;
    let mut silent = connect(address).await;
    let mut used = connect(address).await;
    ask(&mut used, GET).await;
    assert_eq!(rest(&mut silent).await, b"");
    assert_eq!(rest(&mut used).await, b"");
}

#[tokio::test]
async fn connection_in_use_is_not_idle() {
    let bed = Bed::start(Settings { client_idle_timeout: Duration::from_millis(400), ..settings() });
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    for _ in 0..10 {
        ask(&mut client, GET).await;
        tokio::time::sleep(Duration::from_millis(80)).await;
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_another_ends() {
    let bed = Bed::start(Settings { max_connections: 1, workers: 1, ..settings() });
    let [address] = bed.listen([80]).await;
    let mut first = connect(address).await;
    ask(&mut first, GET).await;
    let mut second = connect(address).await;
    second.write_all(GET).await.unwrap();
    for _ in 0..20 {
        ask(&mut first, GET).await;
    }
    assert!(second.try_read(&mut [0; 1]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock));
    drop(first);
    assert!(in_time(response(&mut second)).await.starts_with("http/1.1 404"));
}
