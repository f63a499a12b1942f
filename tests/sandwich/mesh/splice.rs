//! A TCP connection and a stream of HTTP/2, joined: each direction until its own end, and what one side breaks off, the other
//! sees broken off.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// As much as is read at once.
const PIECE: usize = 64 * 1024;

/// Both directions of a CONNECT.
pub(crate) struct Stream {
    /// Towards the peer.
    pub(crate) send: SendStream<Bytes>,
    /// From the peer.
    pub(crate) receive: RecvStream,
}

/// Joins them, until both directions have ended or one broke off.
pub(crate) async fn splice(mut tcp: TcpStream, stream: Stream) {
    let Stream { mut send, receive } = stream;
    let joined = {
        let (read, write) = tcp.split();
        tokio::try_join!(outwards(read, &mut send), inwards(receive, write))
    };
    if joined.is_err() {
        send.send_reset(Reason::CANCEL);
        reset(tcp);
    }
}

/// Joins two TCP connections likewise.
pub(crate) async fn splice_tcp(mut one: TcpStream, mut other: TcpStream) {
    if tokio::io::copy_bidirectional(&mut one, &mut other).await.is_err() {
        reset(one);
        reset(other);
    }
}

/// Closes a connection by a reset.
pub(crate) fn reset(tcp: TcpStream) {
    let _ = SockRef::from(&tcp).set_linger(Some(Duration::ZERO));
}

async fn outwards(mut from: impl AsyncRead + Unpin, to: &mut SendStream<Bytes>) -> io::Result<()> {
    loop {
        let mut read = BytesMut::with_capacity(PIECE);
        if from.read_buf(&mut read).await? == 0 {
            return to.send_data(Bytes::new(), true).map_err(io::Error::other);
        }
        let mut rest = read.freeze();
        while !rest.is_empty() {
            to.reserve_capacity(rest.len());
            let capacity = poll_fn(|cx| to.poll_capacity(cx)).await;
            let room = capacity.ok_or(io::ErrorKind::BrokenPipe)?.map_err(io::Error::other)?;
            to.send_data(rest.split_to(room.min(rest.len())), false).map_err(io::Error::other)?;
        }
    }
}

async fn inwards(mut from: RecvStream, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(piece) = from.data().await {
        let piece = piece.map_err(io::Error::other)?;
        to.write_all(&piece).await?;
        from.flow_control().release_capacity(piece.len()).map_err(io::Error::other)?;
    }
    to.shutdown().await
}
