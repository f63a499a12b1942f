//! HTTP/2 connections with prior knowledge.

use std::time::Duration;

use h2::client::{SendRequest, handshake};
use http::{Request, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

use super::{Bed, connect, in_time, rest, settings};
use crate::settings::Settings;
use crate::shutdown::{Ended, Plan, end};

type Client = (SendRequest<bytes::Bytes>, JoinHandle<Result<(), h2::Error>>);

async fn client(address: std::net::SocketAddr) -> Client {
    let (sender, connection) = in_time(handshake(connect(address).await)).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn get(sender: &SendRequest<bytes::Bytes>) -> StatusCode {
    let mut sender = in_time(sender.clone().ready()).await.unwrap();
    let request = Request::get("http://a.test/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    in_time(response).await.unwrap().status()
}

#[tokio::test]
async fn prior_knowledge_is_seen_on_the_same_socket_as_http1() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let (sender, _connection) = client(address).await;
    for _ in 0..3 {
        assert_eq!(get(&sender).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn draining_sends_goaway_and_the_connection_ends() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let (sender, connection) = client(address).await;
    assert_eq!(get(&sender).await, StatusCode::NOT_FOUND);
    let ended = in_time(end(bed.running, Plan { delay: Duration::ZERO, deadline: super::PATIENCE })).await;
    assert_eq!(ended, Ended::Drained);
    in_time(connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let bed = Bed::start(Settings { client_idle_timeout: Duration::from_millis(200), ..settings() });
    let [address] = bed.listen([80]).await;
    let (sender, connection) = client(address).await;
    assert_eq!(get(&sender).await, StatusCode::NOT_FOUND);
    let _ = in_time(connection).await.unwrap();
}

#[tokio::test]
async fn half_a_preface_is_cut() {
    let bed = Bed::start(Settings { client_head_timeout: Duration::from_millis(200), ..settings() });
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    client.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    assert_eq!(rest(&mut client).await, b"");
}
