//! The stream of an HTTP/1 connection to an endpoint: shared by Pingora's session and the exchange that drives it.
//!
//! A session's writes and flushes never wait here: what the socket does not take at once is kept, and sent by
//! [`Wire::poll_drain`]. So a request's body can be on its way while the response is read, a cancelled future loses nothing,
//! and a head goes out in one system call with the first piece of the body. Whoever writes bounds what is kept: see
//! [`Wire::poll_room`].
//!
//! Never here: HTTP, deadlines.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::unconstrained;

use super::connect;
use crate::proxy::io::Io;

/// What may wait to be sent while more is taken, in bytes: a head waits for the first piece of its body.
const LOW_WATER: usize = 8 * 1024;

/// A write this large goes out at once where it can, and is copied only where the socket is full.
const DIRECT: usize = 16 * 1024;

/// What an endpoint can be sent before it reads, in bytes, since every system takes this much of a connection by itself. Who
/// sends more in one exchange may have to wait until it is read, which does not mean that the endpoint is gone.
const UNREAD: u64 = 32 * 1024;

/// One connection to an endpoint.
#[derive(Debug)]
pub(super) struct Wire(Mutex<State>);

/// What Pingora's session holds of a [`Wire`].
#[derive(Debug)]
pub(super) struct WireStream(pub(super) Arc<Wire>);

#[derive(Debug)]
struct State {
    io: Io,
    /// Written by the session, not yet sent.
    out: BytesMut,
    /// The write side ends once `out` is sent.
    ending: bool,
    /// Sending failed: nothing more can be sent, there may be something to read.
    failed: Option<io::ErrorKind>,
    /// Bytes sent and received since [`Wire::start`].
    sent: u64,
    received: u64,
    /// More than [`UNREAD`] was sent.
    waits: bool,
}

impl Wire {
    /// A connection that is not used yet.
    pub(super) fn new(io: Io) -> Arc<Self> {
        let (out, ending, failed, waits) = (BytesMut::new(), false, None, false);
        Arc::new(Self(Mutex::new(State { io, out, ending, failed, sent: 0, received: 0, waits })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from zero: a new exchange begins.
    pub(super) fn start(&self) {
        let mut state = self.state();
        (state.sent, state.received) = (0, 0);
        state.tolerate(false);
    }

    /// Whether anything was sent since [`Wire::start`].
    pub(super) fn has_sent(&self) -> bool {
        self.state().sent > 0
    }

    /// Whether anything was received since [`Wire::start`].
    pub(super) fn has_received(&self) -> bool {
        self.state().received > 0
    }

    /// Whether nothing waits to be sent, and nothing has come: no stray bytes, no end, no error. Only such a connection
    /// may lie in a pool or leave it.
    pub(super) fn is_idle(&self) -> bool {
        let mut state = self.state();
        if !state.out.is_empty() || state.ending || state.failed.is_some() || !state.io.ahead().is_empty() {
            return false;
        }
        let mut cx = Context::from_waker(Waker::noop());
        // Unconstrained: the runtime's budget must not make a closed connection look alive.
        let mut read = unconstrained(std::future::poll_fn(|cx| state.io.poll_read_ahead(cx)));
        Pin::new(&mut read).poll(&mut cx).is_pending()
    }

    /// Gives back what buffers took.
    pub(super) fn slim(&self) {
        let mut state = self.state();
        state.io.slim();
        state.out = BytesMut::new();
    }

    /// Ends the write side once everything is sent.
    pub(super) fn end(&self) {
        self.state().ending = true;
    }

    /// Sends what is kept. Once it has failed, it fails for ever.
    pub(super) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_drain(cx)
    }

    /// Waits until more may be written.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        match state.failed {
            None if state.out.len() <= LOW_WATER => Poll::Ready(Ok(())),
            _ => state.poll_drain(cx),
        }
    }
}

impl State {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(kind) = self.failed {
            return Poll::Ready(Err(kind.into()));
        }
        if self.out.is_empty() && !self.ending {
            return Poll::Ready(Ok(()));
        }
        let drained = ready!(self.poll_send_all(cx));
        if let Err(error) = &drained {
            self.fail(error);
        }
        Poll::Ready(drained)
    }

    fn poll_send_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let sent = ready!(Pin::new(&mut self.io).poll_write(cx, &self.out))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.count(sent);
            self.out.advance(sent);
        }
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        if self.ending {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.ending = false;
        }
        Poll::Ready(Ok(()))
    }

    fn count(&mut self, sent: usize) {
        self.sent += sent as u64;
        if self.sent > UNREAD {
            self.tolerate(true);
        }
    }

    fn tolerate(&mut self, waits: bool) {
        if self.waits != waits {
            self.waits = waits;
            self.io.socket().inspect(|socket| connect::tolerate_unread(socket, waits));
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.failed = Some(error.kind());
        self.out.clear();
    }

    /// Sends what is kept and the buffers, as far as the socket takes them now, and keeps the rest.
    fn write(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        let total = bufs.iter().map(|buf| buf.len()).sum::<usize>();
        let mut skip = 0;
        if total >= DIRECT && self.poll_drain(cx)?.is_ready() {
            match Pin::new(&mut self.io).poll_write_vectored(cx, bufs) {
                Poll::Ready(Ok(sent)) => {
                    self.count(sent);
                    skip = sent;
                }
                Poll::Ready(Err(error)) => {
                    self.fail(&error);
                    return Err(error);
                }
                Poll::Pending => {}
            }
        }
        for buf in bufs {
            self.out.extend_from_slice(buf.get(skip..).unwrap_or_default());
            skip = skip.saturating_sub(buf.len());
        }
        Ok(total)
    }
}

impl WireStream {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

impl AsyncRead for WireStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let mut state = self.state();
        ready!(Pin::new(&mut state.io).poll_read(cx, buf))?;
        state.received += (buf.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.state().write(cx, &[IoSlice::new(buf)]))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.state().write(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// [`Wire::poll_drain`] sends.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().ending = true;
        Poll::Ready(Ok(()))
    }
}

/// A session that does not keep its connection lets it go: dropping it closes it.
#[async_trait]
impl Shutdown for WireStream {
    async fn shutdown(&mut self) {}
}

impl UniqueID for WireStream {
    fn id(&self) -> UniqueIDType {
        self.state().io.id()
    }
}

impl Ssl for WireStream {}

impl Peek for WireStream {}

impl GetTimingDigest for WireStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for WireStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for WireStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_endpoint_may_take_its_time_to_read_what_no_system_takes_by_itself() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = connect::tcp(listener.local_addr().unwrap(), Duration::from_secs(20)).await.unwrap();
        let (mut endpoint, _) = listener.accept().await.unwrap();
        tokio::spawn(async move { tokio::io::copy(&mut endpoint, &mut tokio::io::sink()).await });
        let wire = Wire::new(Io::tcp(socket));
        let mut stream = WireStream(wire.clone());
        let limited = || {
            let state = wire.state();
            socket2::SockRef::from(state.io.socket().unwrap()).tcp_user_timeout().unwrap().is_some()
        };
        for piece in [&[b'x'; 64 * 1024][..], &[b'x'; 12 * 1024]] {
            wire.start();
            assert!(limited(), "a small request that nobody acknowledges is for a node that is gone");
            for i in 0..3 {
                stream.write_all(piece).await.unwrap();
                std::future::poll_fn(|cx| wire.poll_drain(cx)).await.unwrap();
                assert_eq!(limited(), (i + 1) * piece.len() <= 32 * 1024);
            }
        }
    }
}
