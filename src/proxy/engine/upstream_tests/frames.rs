//! HTTP/2 by hand: an endpoint's side of a connection, frame by frame (RFC 9113, 4.1).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const GOAWAY: u8 = 7;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) const NO_ERROR: u32 = 0;
pub(super) const INTERNAL_ERROR: u32 = 2;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const CANCEL: u32 = 8;

/// `:status: 200`, of HPACK's static table.
pub(super) const STATUS_200: &[u8] = &[0x88];

/// A frame as it came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// An endpoint that writes frames itself.
pub(super) struct Frames(TcpStream);

impl Frames {
    /// Reads the client's preface and sends SETTINGS: pairs of identifier and value.
    pub(super) async fn greet(mut socket: TcpStream, settings: &[(u16, u32)]) -> Self {
        let mut preface = [0; 24];
        socket.read_exact(&mut preface).await.expect("a preface");
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut this = Self(socket);
        let pairs = settings.iter().map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        this.send(SETTINGS, 0, 0, &pairs.collect::<Vec<_>>().concat()).await;
        this
    }

    pub(super) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        let _ = self.0.write_all(&[&head, payload].concat()).await;
    }

    /// Answers 200 with this body, whole.
    pub(super) async fn answer(&mut self, stream: u32, body: &[u8]) {
        self.send(HEADERS, END_HEADERS, stream, STATUS_200).await;
        self.send(DATA, END_STREAM, stream, body).await;
    }

    pub(super) async fn rst_stream(&mut self, stream: u32, code: u32) {
        self.send(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    pub(super) async fn goaway(&mut self, last: u32, code: u32) {
        self.send(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat()).await;
    }

    /// The next frame; `None` at the end of the input.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, _flags, s, t, u, v] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, stream: u32::from_be_bytes([s & 0x7f, t, u, v]), payload })
    }

    /// The next frame of a kind; others are passed over. `None` at the end of the input.
    pub(super) async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// The stream of the next request.
    pub(super) async fn request(&mut self) -> Option<u32> {
        self.next_of(HEADERS).await.map(|frame| frame.stream)
    }

    pub(super) fn into_socket(self) -> TcpStream {
        self.0
    }
}
