//! Streams that stay open: WebSockets and gRPC streams, which exchange messages now and again.

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use super::http2::handshake;
use super::world::World;
use crate::support::h2_wire::{h2_backend, send};
use crate::support::{Backend, within};

/// gRPC streams of one connection.
const OF_CONNECTION: usize = 50;

/// Of each kind, one of so many exchanges a message at each change.
const SHARE: usize = 10;

/// A WebSocket server that gives back each message.
pub(crate) async fn socket_backend() -> Backend {
    Backend::raw(|stream| async move {
        let Ok(mut socket) = accept_async(stream).await else { return };
        while let Some(Ok(message)) = socket.next().await {
            if !message.is_close() && socket.send(message).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// A gRPC service that gives back each message, and ends with the client's stream.
pub(crate) async fn call_backend() -> Backend {
    h2_backend(1 << 16, |(request, mut respond)| async move {
        let mut up = request.into_body();
        let head = Response::builder().header("content-type", "application/grpc").body(()).expect("valid");
        let mut down = respond.send_response(head, false).expect("an open stream");
        while let Some(Ok(piece)) = up.data().await {
            let _ = up.flow_control().release_capacity(piece.len());
            if !send(&mut down, piece, false).await {
                return;
            }
        }
        let trailers = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), HeaderValue::from_static("0"))]);
        let _ = down.send_trailers(trailers);
    })
    .await
}

/// All open streams.
pub(crate) struct Streams {
    sockets: Vec<WebSocketStream<TcpStream>>,
    calls: Vec<Call>,
    messages: usize,
}

/// An open gRPC stream.
struct Call {
    up: SendStream<Bytes>,
    down: RecvStream,
}

impl Streams {
    /// Opens this many of each kind.
    pub(crate) async fn open(world: &World, count: usize) -> Self {
        let (mut sockets, mut calls) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let stream = TcpStream::connect(world.plain).await.expect("it accepts");
            let opened = within("a WebSocket", client_async("ws://sockets.test/", stream)).await;
            sockets.push(opened.expect("a WebSocket").0);
        }
        while calls.len() < count {
            let connection = handshake(TcpStream::connect(world.plain).await.expect("it accepts")).await;
            for _ in 0..OF_CONNECTION.min(count - calls.len()) {
                let request = Request::post("http://calls.test/measure.Echo/Stream").header("te", "trailers");
                let request = request.header("content-type", "application/grpc").body(()).expect("valid");
                let mut ready = within("a free stream", connection.clone().ready()).await.expect("open");
                let (response, up) = ready.send_request(request, false).expect("a stream");
                let response = within("a response's head", response).await.expect("an open stream");
                assert_eq!(response.status(), 200);
                calls.push(Call { up, down: response.into_body() });
            }
        }
        Self { sockets, calls, messages: 0 }
    }

    /// A message there and back on some streams: on each of them now and again.
    pub(crate) async fn exchange(&mut self, change: usize) {
        let due = |place: &usize| place % SHARE == change % SHARE;
        let sockets = self.sockets.iter_mut().enumerate().filter(|(place, _)| due(place));
        let calls = self.calls.iter_mut().enumerate().filter(|(place, _)| due(place));
        let sockets = join_all(sockets.map(async |(place, socket)| {
            exchange_on_socket(socket, &format!("message {change} of socket {place}")).await;
        }));
        let calls = join_all(calls.map(async |(place, call)| {
            call.exchange(&format!("message {change} of call {place}")).await;
        }));
        let (sockets, calls) = tokio::join!(sockets, calls);
        self.messages += sockets.len() + calls.len();
    }

    /// Ends every stream as it should end. Answers how many messages were exchanged.
    pub(crate) async fn close(self) -> usize {
        for mut socket in self.sockets {
            exchange_on_socket(&mut socket, "the last").await;
            within("a close frame sent", socket.close(None)).await.expect("an open socket");
            let answer = within("a close frame", socket.next()).await.expect("not cut").expect("not broken");
            assert!(answer.is_close(), "{answer}");
        }
        for mut call in self.calls {
            call.exchange("the last").await;
            call.up.send_data(Bytes::new(), true).expect("an open stream");
            assert!(within("the end", call.down.data()).await.is_none());
            let trailers = within("trailers", call.down.trailers()).await.expect("not reset").expect("trailers");
            assert_eq!(trailers["grpc-status"], "0");
        }
        self.messages
    }
}

async fn exchange_on_socket(socket: &mut WebSocketStream<TcpStream>, message: &str) {
    within("a message sent", socket.send(Message::text(message))).await.expect("an open socket");
    let answer = within("a message", socket.next()).await.expect("not cut").expect("not broken");
    assert_eq!(answer, Message::text(message));
}

impl Call {
    /// One message, in gRPC's framing: a byte for the compression, four for the length.
    async fn exchange(&mut self, message: &str) {
        let length = u32::try_from(message.len()).expect("short");
        let framed = [&[0], &length.to_be_bytes()[..], message.as_bytes()].concat();
        assert!(send(&mut self.up, framed.clone(), false).await, "an open stream");
        let mut answer = Vec::new();
        while answer.len() < framed.len() {
            let piece = within("a message", self.down.data()).await.expect("not cut").expect("not broken");
            self.down.flow_control().release_capacity(piece.len()).expect("an open stream");
            answer.extend_from_slice(&piece);
        }
        assert_eq!(answer, framed);
    }
}
