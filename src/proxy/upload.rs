//! A request's body on its way to the endpoint, as far as both sides let it.

use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::engine::{Client, Upstream};
use super::failure::Broken;
use super::messages::Messages;
use super::replay::Replay;

/// How far a request's body has come. Another try begins it anew, from what is kept.
#[derive(Debug)]
pub(crate) struct Upload {
    replay: Replay,
    keeping: bool,
    /// Next piece of the replay.
    next: usize,
    /// Taken from the client or the replay, not yet by the endpoint.
    pending: Bytes,
    /// The client has sent all.
    received: bool,
    /// The endpoint has all, or takes no more.
    finished: bool,
    /// Bytes from the client.
    bytes: u64,
    /// Of a gRPC call behind ztunnel: counts what comes from the client.
    pub(crate) messages: Option<Messages>,
}

impl Upload {
    /// A body that is to come, or none.
    pub(crate) fn new(empty: bool, replay_limit: usize) -> Self {
        let replay = Replay::new(replay_limit);
        let (received, finished) = (empty, empty);
        Self { replay, keeping: true, next: 0, pending: Bytes::new(), received, finished, bytes: 0, messages: None }
    }

    /// Begins anew, for another try. `false`: what was sent is not kept.
    pub(crate) fn restart(&mut self) -> bool {
        let whole = self.replay.is_whole();
        self.next = 0;
        self.pending = Bytes::new();
        self.finished = self.received && self.bytes == 0;
        whole
    }

    /// Whether a body is to be sent in this try at all: nothing has been sent yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.finished
    }

    /// Whether the endpoint has all, or takes no more.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the client has sent all.
    pub(crate) fn is_received(&self) -> bool {
        self.received
    }

    /// Whether all that came so far could be sent again.
    pub(crate) fn is_replayable(&self) -> bool {
        self.replay.is_whole()
    }

    /// No other try will be made: nothing more is kept.
    pub(crate) fn settle(&mut self) {
        self.keeping = false;
    }

    /// Bytes from the client.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sends as much as both sides let; ready when the endpoint has all, or takes no more. May be polled and dropped.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client,
        upstream: &mut Upstream,
    ) -> Poll<Result<(), Broken>> {
        while !self.finished {
            if self.pending.is_empty() && !self.is_at_end() {
                ready!(self.poll_piece(cx, client))?;
                continue;
            }
            let room = match self.pending.len() {
                0 => 0,
                _ => ready!(poll_now(cx, upstream.ready())).map_err(Broken::Upstream)?,
            };
            if room == 0 && !self.pending.is_empty() {
                self.finished = true;
                break;
            }
            let piece = self.pending.split_to(room.min(self.pending.len()));
            let end = self.pending.is_empty() && self.is_at_end();
            let taken = ready!(poll_now(cx, upstream.send_body(piece, end))).map_err(Broken::Upstream)?;
            self.finished = end || !taken;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether no piece follows the pending one.
    fn is_at_end(&self) -> bool {
        self.received && self.replay.piece(self.next).is_none()
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>, client: &mut Client) -> Poll<Result<(), Broken>> {
        if let Some(piece) = self.replay.piece(self.next) {
            self.pending = piece.clone();
            self.next += 1;
            return Poll::Ready(Ok(()));
        }
        match ready!(poll_now(cx, client.next_body())).map_err(Broken::Client)? {
            Some(piece) => {
                self.bytes += piece.len() as u64;
                if let Some(messages) = &mut self.messages {
                    messages.pass(&piece);
                }
                if self.keeping {
                    self.replay.keep(&piece);
                    self.next += 1;
                }
                self.pending = piece;
                self.received = client.body_done();
            }
            None => self.received = true,
        }
        Poll::Ready(Ok(()))
    }
}

/// Polls a future once and drops it: for those that can be.
pub(crate) fn poll_now<T>(cx: &mut Context<'_>, future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(cx)
}
