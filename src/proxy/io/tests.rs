//! What goes out when, over real sockets.

use std::future::poll_fn;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{HOLD_LIMIT, Io};

async fn pair() -> (Io, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (Io::tcp(server), client)
}

/// The stream after it has read one message of the client's.
async fn asked() -> (Io, TcpStream) {
    let (mut io, mut client) = pair().await;
    client.write_all(b"question").await.unwrap();
    let mut buf = [0; 64];
    assert_eq!(io.read(&mut buf).await.unwrap(), 8);
    (io, client)
}

async fn take(client: &mut TcpStream, n: usize) -> Vec<u8> {
    let mut got = vec![0; n];
    tokio::time::timeout(Duration::from_secs(10), client.read_exact(&mut got)).await.expect("in time").unwrap();
    got
}

#[tokio::test]
async fn head_goes_out_with_the_first_piece_of_the_body() {
    let (mut io, mut client) = asked().await;
    io.write_all(b"head").await.unwrap();
    assert_eq!(&io.held[..], b"head");
    assert_eq!(io.write(b"body").await.unwrap(), 4);
    assert!(io.held.is_empty());
    assert_eq!(take(&mut client, 8).await, b"headbody");
}

#[tokio::test]
async fn pieces_behind_the_first_go_straight_through() {
    let (mut io, mut client) = asked().await;
    io.write_all(b"head").await.unwrap();
    for _ in 0..3 {
        io.write_all(b"piece").await.unwrap();
        assert!(io.held.is_empty());
    }
    assert_eq!(take(&mut client, 19).await, b"headpiecepiecepiece");
}

#[tokio::test]
async fn flush_sends_what_is_held() {
    let (mut io, mut client) = asked().await;
    io.write_all(b"head").await.unwrap();
    io.flush().await.unwrap();
    assert_eq!(take(&mut client, 4).await, b"head");
}

#[tokio::test]
async fn waiting_for_input_sends_what_is_held() {
    let (mut io, mut client) = asked().await;
    io.write_all(b"head").await.unwrap();
    let waits = tokio::spawn(async move { io.read(&mut [0; 1]).await.map(|n| (n, io)) });
    assert_eq!(take(&mut client, 4).await, b"head");
    drop(client);
    assert_eq!(waits.await.unwrap().unwrap().0, 0);
}

#[tokio::test]
async fn nothing_is_held_once_the_client_has_ended_its_input() {
    let (mut io, mut client) = asked().await;
    client.shutdown().await.unwrap();
    assert_eq!(io.read(&mut [0; 1]).await.unwrap(), 0);
    io.write_all(b"head").await.unwrap();
    assert_eq!(take(&mut client, 4).await, b"head");
}

#[tokio::test]
async fn large_first_write_is_not_held() {
    let (mut io, mut client) = asked().await;
    let large = vec![b'x'; HOLD_LIMIT + 1];
    let wanted = large.clone();
    let writes = tokio::spawn(async move { io.write_all(&large).await.map(|()| io) });
    assert_eq!(take(&mut client, wanted.len()).await, wanted);
    assert!(writes.await.unwrap().unwrap().held.is_empty());
}

#[tokio::test]
async fn slow_peer_gets_head_and_body_in_order() {
    let (mut io, mut client) = asked().await;
    let body = (0..4_000_000_u32).map(|i| (i % 251) as u8).collect::<Vec<_>>();
    let wanted = body.clone();
    let writes = tokio::spawn(async move {
        io.write_all(b"head").await.unwrap();
        io.write_all(&body).await.unwrap();
        io.close().await;
    });
    assert_eq!(take(&mut client, 4).await, b"head");
    assert_eq!(take(&mut client, wanted.len()).await, wanted);
    writes.await.unwrap();
}

#[tokio::test]
async fn bytes_put_back_are_read_first() {
    let (mut io, mut client) = pair().await;
    client.write_all(b"c").await.unwrap();
    io.unread(BytesMut::from("b"));
    io.unread(BytesMut::from("a"));
    let mut got = [0; 3];
    io.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"abc");
}

#[tokio::test]
async fn bytes_read_ahead_stay_readable() {
    let (mut io, mut client) = pair().await;
    client.write_all(b"GET").await.unwrap();
    assert_eq!(poll_fn(|cx| io.poll_read_ahead(cx)).await.unwrap(), 3);
    assert_eq!(io.ahead(), b"GET");
    assert!(poll_fn(|cx| io.poll_input(cx)).await.unwrap());
    let mut got = [0; 3];
    io.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"GET");
}

#[tokio::test]
async fn reclaimed_stream_begins_with_the_pipelined_bytes() {
    let (io, mut client) = pair().await;
    client.write_all(b" / HTTP/1.1").await.unwrap();
    let mut io = Io::reclaim(Box::new(io), Some(BytesMut::from("GET"))).expect("ours");
    let mut got = [0; 14];
    io.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"GET / HTTP/1.1");
}

#[tokio::test]
async fn close_with_unread_input_still_delivers_the_answer() {
    let (mut io, mut client) = asked().await;
    client.write_all(&[b'u'; 10_000]).await.unwrap();
    io.write_all(b"answer").await.unwrap();
    io.close().await;
    drop(io);
    client.write_all(&[b'u'; 10_000]).await.unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.expect("no reset");
    assert_eq!(got, b"answer");
}

#[tokio::test]
async fn end_of_input_is_told_from_input() {
    let (mut io, client) = pair().await;
    drop(client);
    assert!(!poll_fn(|cx| io.poll_input(cx)).await.unwrap());
}
