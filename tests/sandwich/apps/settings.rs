//! A server of HTTP/2 whose SETTINGS come late, and who looks whether anything is sent before.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use super::Record;

/// What a client of HTTP/2 says first (RFC 9113, 3.4), and the head of a frame.
const PREFACE: usize = 24;
const FRAME_HEAD: usize = 9;
const HEADERS: u8 = 1;

/// Serves a connection: 204 to all. Counts whether a request came before SETTINGS were said.
pub(super) async fn late(stream: TcpStream, record: Arc<Record>) -> io::Result<()> {
    let mut seen = [0; 4096];
    // The preface is all that must come by itself. A request that did not wait would be there soon after.
    while stream.peek(&mut seen).await.is_ok_and(|count| (1..PREFACE).contains(&count)) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let count = stream.peek(&mut seen).await.unwrap_or_default();
    let is_early = kinds(seen.get(PREFACE..count).unwrap_or_default()).contains(&HEADERS);
    record.early.fetch_add(usize::from(is_early), Ordering::Relaxed);
    let mut connection = h2::server::handshake(stream).await.map_err(io::Error::other)?;
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request.map_err(io::Error::other)?;
        let response = http::Response::builder().status(204).body(()).expect("a response");
        let _: h2::SendStream<Bytes> = respond.send_response(response, true).map_err(io::Error::other)?;
    }
    Ok(())
}

/// The kinds of these frames.
fn kinds(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let Some((&[high, middle, low, kind, ..], rest)) = bytes.split_first_chunk::<FRAME_HEAD>() {
        kinds.push(kind);
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        bytes = rest.get(length..).unwrap_or_default();
    }
    kinds
}
