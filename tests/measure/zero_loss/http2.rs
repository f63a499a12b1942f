//! Clients of HTTP/2, with several streams at once on a connection.

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::client::{Answer, Asked, REQUESTS_OF_HANDSHAKE, Target};
use super::world::World;
use crate::support::within;

/// Streams at once.
const AT_ONCE: usize = 4;

/// One connection for all requests, with prior knowledge.
pub(super) async fn client(world: &World, client: usize, stopped: &impl Fn() -> bool) {
    let stream = TcpStream::connect(world.plain).await.expect("it accepts");
    let send = handshake(stream).await;
    let lane = async |lane: usize| {
        for request in (lane..).step_by(AT_ONCE).take_while(|_| !stopped()) {
            ask(&send, Asked::new(world, Target::of(request), client, request)).await;
        }
    };
    tokio::join!(lane(0), lane(1), lane(2), lane(3));
}

/// The same over TLS, with a new connection after some requests.
pub(super) async fn tls_client(world: &World, client: usize, stopped: &impl Fn() -> bool) {
    for connection in (0..).take_while(|_| !stopped()) {
        let send = handshake(world.open_tls(&[b"h2"]).await.expect("a handshake")).await;
        let first = connection * REQUESTS_OF_HANDSHAKE;
        let lane = async |lane: usize| {
            for request in (first + lane..first + REQUESTS_OF_HANDSHAKE).step_by(AT_ONCE) {
                ask(&send, Asked::new(world, Target::of(request), client, request)).await;
            }
        };
        tokio::join!(lane(0), lane(1), lane(2), lane(3));
    }
}

/// HTTP/2 on an open stream; it is closed when nobody can send any more.
pub(super) async fn handshake<S>(stream: S) -> SendRequest<Bytes>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (send, connection) = within("a handshake", h2::client::handshake(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    send
}

async fn ask(send: &SendRequest<Bytes>, asked: Asked<'_>) {
    let answer = within("an answer over HTTP/2", get(send, asked.host(), &asked.path)).await;
    asked.answered(answer);
}

async fn get(send: &SendRequest<Bytes>, host: &str, path: &str) -> Result<Answer, h2::Error> {
    let request = Request::get(format!("http://{host}{path}")).body(()).expect("valid");
    let (response, _) = send.clone().ready().await?.send_request(request, true)?;
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    let version = head.headers.get("x-version").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer { status: head.status.as_u16(), version, body, closes: false })
}
