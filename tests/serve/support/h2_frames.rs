//! An HTTP/2 client that writes frames itself, right or wrong (RFC 9113, 4.1; RFC 7541, 6.2.2).

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A connection with prior knowledge.
pub(crate) struct Frames(pub(crate) TcpStream);

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// By a response of this status.
    Status(u16),
    /// By RST_STREAM.
    Reset(u32),
    /// With its connection.
    GoneAway,
}

impl Frames {
    /// Connects, and sends the preface and SETTINGS: pairs of identifier and value.
    pub(crate) async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("it accepts");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
        let mut this = Self(stream);
        let pairs = settings.iter().map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        this.send(SETTINGS, 0, 0, &pairs.collect::<Vec<_>>().concat()).await;
        this
    }

    /// Sends a frame; whether anyone reads it, is not told.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        let _ = self.0.write_all(&[&head, payload].concat()).await;
    }

    /// The next frame; `None` at the end of the input.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        within("a frame", async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, flags, s, t, u, v] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame { kind, flags, stream: u32::from_be_bytes([s & 0x7f, t, u, v]), payload })
        })
        .await
    }

    /// Waits for the end of a stream.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        let mut status = None;
        while let Some(frame) = self.next().await {
            match frame.kind {
                GOAWAY if frame.payload[4..8] != [0; 4] => return Outcome::GoneAway,
                RST_STREAM if frame.stream == stream => {
                    let code: [u8; 4] = frame.payload[..].try_into().expect("four bytes");
                    return status.map_or(Outcome::Reset(u32::from_be_bytes(code)), Outcome::Status);
                }
                HEADERS if frame.stream == stream && status.is_none() => status = Some(status_of(&frame.payload)),
                _ => {}
            }
            let ends = frame.stream == stream && matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
            if let Some(status) = status.filter(|_| ends) {
                return Outcome::Status(status);
            }
        }
        Outcome::GoneAway
    }
}

/// The status that begins a header block, where it has an index of its own (RFC 7541, appendix A); else 0.
fn status_of(block: &[u8]) -> u16 {
    match block.first() {
        Some(0x88) => 200,
        Some(0x8c) => 400,
        Some(0x8d) => 404,
        Some(0x8e) => 500,
        _ => 0,
    }
}

/// A header block of these fields: literal, not indexed, not coded.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}
