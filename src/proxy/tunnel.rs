//! After a 101: raw bytes both ways, each direction until its own end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::deadline::Clock;
use super::engine::{ClientError, Upstream};
use super::failure::Broken;
use super::io::Io;
use super::upload::poll_now;

/// Bytes taken from the client at once.
const PIECE: usize = 16 * 1024;

/// A client's connection and an endpoint's, joined.
pub(crate) struct Tunnel {
    client: Stream,
    upstream: Upstream,
    clock: Clock,
    /// From the client, not yet with the endpoint.
    up: Bytes,
    /// From the endpoint, not yet with the client.
    down: Bytes,
    up_state: Flow,
    down_state: Flow,
    /// Bytes from the client.
    pub(crate) sent: u64,
    /// Bytes to the client.
    pub(crate) received: u64,
}

/// How far one direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Bytes may come.
    Open,
    /// Its source has ended; its sink is to be told.
    Ending,
    /// Its sink knows.
    Ended,
}

impl Tunnel {
    /// Joins a client's connection (with bytes that came early) and an endpoint that has answered 101.
    pub(crate) fn new(client: Stream, early: Option<BytesMut>, upstream: Upstream, clock: Clock) -> Self {
        let up = early.map(BytesMut::freeze).unwrap_or_default();
        let (up_state, down_state) = (Flow::Open, Flow::Open);
        let sent = up.len() as u64;
        Self { client, upstream, clock, up, down: Bytes::new(), up_state, down_state, sent, received: 0 }
    }

    /// Carries bytes until both directions have ended, or one breaks.
    pub(crate) async fn run(&mut self) -> Result<(), Broken> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Ends it so that both sides know it was cut, or closes it after its end.
    pub(crate) fn close(self, cut: bool) {
        if cut && let Some(io) = Io::reclaim(self.client, None) {
            io.reset();
        }
    }

    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Broken>> {
        let before = self.sent + self.received;
        let up = self.poll_up(cx)?;
        let down = self.poll_down(cx)?;
        if self.sent + self.received > before {
            self.clock.touch();
        }
        if up.is_ready() && down.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.clock.poll(cx).map(|expired| Err(Broken::Expired(expired)))
    }

    fn poll_up(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Broken>> {
        while self.up_state != Flow::Ended {
            if self.up.is_empty() && self.up_state == Flow::Open {
                ready!(self.poll_read(cx))?;
                continue;
            }
            let room = match self.up.len() {
                0 => 0,
                _ => ready!(poll_now(cx, self.upstream.ready())).map_err(Broken::Upstream)?,
            };
            if room == 0 && !self.up.is_empty() {
                // The endpoint takes no more: what the client still sends goes nowhere.
                self.up_state = Flow::Ended;
                break;
            }
            let piece = self.up.split_to(room.min(self.up.len()));
            let end = self.up.is_empty() && self.up_state == Flow::Ending;
            let taken = ready!(poll_now(cx, self.upstream.send_body(piece, end))).map_err(Broken::Upstream)?;
            if end || !taken {
                self.up_state = Flow::Ended;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes bytes from the client. Nothing is kept while none are there.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Broken>> {
        let mut space = [0; PIECE];
        let mut buf = ReadBuf::new(&mut space);
        let gone = |_| Broken::Client(ClientError::Gone);
        ready!(Pin::new(&mut self.client).poll_read(cx, &mut buf)).map_err(gone)?;
        if buf.filled().is_empty() {
            self.up_state = Flow::Ending;
        }
        self.sent += buf.filled().len() as u64;
        self.up = Bytes::copy_from_slice(buf.filled());
        Poll::Ready(Ok(()))
    }

    fn poll_down(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Broken>> {
        let gone = |_| Broken::Client(ClientError::Gone);
        loop {
            while !self.down.is_empty() {
                let written = ready!(Pin::new(&mut self.client).poll_write(cx, &self.down)).map_err(gone)?;
                if written == 0 {
                    return Poll::Ready(Err(Broken::Client(ClientError::Gone)));
                }
                self.down.advance(written);
                self.received += written as u64;
            }
            match self.down_state {
                Flow::Ended => return Poll::Ready(Ok(())),
                Flow::Ending => {
                    ready!(Pin::new(&mut self.client).poll_shutdown(cx)).map_err(gone)?;
                    self.down_state = Flow::Ended;
                }
                Flow::Open => match poll_now(cx, self.upstream.next_body()) {
                    Poll::Ready(Ok(Some(piece))) => self.down = piece,
                    Poll::Ready(Ok(None)) => self.down_state = Flow::Ending,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Broken::Upstream(error))),
                    Poll::Pending => {
                        ready!(Pin::new(&mut self.client).poll_flush(cx)).map_err(gone)?;
                        return Poll::Pending;
                    }
                },
            }
        }
    }
}
