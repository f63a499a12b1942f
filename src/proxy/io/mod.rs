//! The stream that Pingora gets: plain or TLS, with bytes that were read ahead and writes that go out together.
//!
//! **Reading.** Bytes read ahead (a sniffed preface, a pipelined request) are given out first.
//!
//! **Writing.** The first write after something was read is the head of a message. It is held, and goes out in one system
//! call with the write that follows (the first piece of the body), or on its own:
//! - when the session flushes;
//! - when the session waits for input ([`AsyncRead::poll_read`] has nothing to give);
//! - when it shuts the stream down.
//!
//! Every other write goes straight through. So whoever writes a head and then waits for something else than this stream
//! has to poll its read side meanwhile, which watching for the client's abort does anyhow.
//!
//! Never here: deadlines, what is downstream or upstream, HTTP.

mod close;
mod parts;
#[cfg(test)]
mod tests;

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio_rustls::TlsStream;

/// Largest first write that is held, in bytes: more is worth a system call of its own.
const HOLD_LIMIT: usize = 8 * 1024;

/// Buffers of a write that can go out together with what is held.
const MOST_SLICES: usize = 8;

/// A connection as Pingora's sessions see it.
#[derive(Debug)]
pub(crate) struct Io {
    inner: Inner,
    /// Read ahead, not yet given out.
    ahead: BytesMut,
    /// Written, not yet sent.
    held: BytesMut,
    /// The next write is a head.
    hold: bool,
    /// Something was written since the last flush (TLS keeps records of its own).
    unflushed: bool,
    /// HTTP/2 is spoken: what Pingora asks ALPN for.
    http2: bool,
    fd: RawFd,
}

/// What a peer has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerEnd {
    /// It sends no more.
    Sending,
    /// It is gone: it takes no more either.
    Both,
}

/// What carries the bytes.
#[derive(Debug)]
enum Inner {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Shut down; the socket is closed elsewhere.
    Gone,
}

impl Io {
    /// A plain connection.
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        let fd = stream.as_raw_fd();
        Self::new(Inner::Tcp(stream), fd)
    }

    /// A connection in TLS, after its handshake.
    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        let fd = stream.get_ref().0.as_raw_fd();
        Self::new(Inner::Tls(Box::new(stream)), fd)
    }

    fn new(inner: Inner, fd: RawFd) -> Self {
        let (ahead, held) = (BytesMut::new(), BytesMut::new());
        Self { inner, ahead, held, hold: false, unflushed: false, http2: false, fd }
    }

    /// Takes a connection back from a session that is done with it; `ahead` was read and not used (the start of a
    /// pipelined request). `None`: the stream is not one of ours.
    pub(crate) fn reclaim(stream: Stream, ahead: Option<BytesMut>) -> Option<Box<Self>> {
        let mut io = stream.into_any().downcast::<Self>().ok()?;
        if let Some(ahead) = ahead {
            io.unread(ahead);
        }
        Some(io)
    }

    /// Marks HTTP/2 as spoken.
    pub(crate) fn set_http2(&mut self) {
        self.http2 = true;
    }

    /// Puts bytes back: they are read before anything else.
    pub(crate) fn unread(&mut self, bytes: BytesMut) {
        let rest = std::mem::replace(&mut self.ahead, bytes);
        self.ahead.extend_from_slice(&rest);
    }

    /// The bytes that were read ahead.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Forgets the first bytes that were read ahead.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.ahead.advance(bytes.min(self.ahead.len()));
    }

    /// Reads more ahead. Answers how many bytes came; 0 is the end of the input.
    pub(crate) fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [const { MaybeUninit::uninit() }; 4096];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(self.poll_receive(cx, &mut buf))?;
        self.ahead.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Waits for input, and takes no memory meanwhile; answers whether there is any, or its end.
    ///
    /// It reads: readiness alone can be out of date, and in TLS says nothing about application data.
    pub(crate) fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.ahead.is_empty() {
            return Poll::Ready(Ok(true));
        }
        self.poll_read_ahead(cx).map_ok(|n| n > 0)
    }

    /// The socket; `None`: it is closed elsewhere.
    pub(crate) fn socket(&self) -> Option<&TcpStream> {
        match &self.inner {
            Inner::Tcp(stream) => Some(stream),
            Inner::Tls(stream) => Some(stream.get_ref().0),
            Inner::Gone => None,
        }
    }

    /// What the peer has ended, as far as the system knows: an end is known before the bytes in front of it are read, if all
    /// of them have come.
    pub(crate) fn peer_end(&self) -> Option<PeerEnd> {
        let Some(socket) = self.socket() else { return Some(PeerEnd::Both) };
        let mut ready = pin!(unconstrained(socket.ready(Interest::READABLE | Interest::WRITABLE)));
        match ready.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(ready)) if ready.is_write_closed() => Some(PeerEnd::Both),
            Poll::Ready(Ok(ready)) if ready.is_read_closed() => Some(PeerEnd::Sending),
            _ => None,
        }
    }

    /// Gives back what buffers took, before a long wait.
    pub(crate) fn slim(&mut self) {
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
    }

    /// Reads from the socket, past what was read ahead. The session waits where nothing is there: then whatever it wrote
    /// must go.
    fn poll_receive(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.inner.poll_read(cx, buf);
        if read.is_pending() && self.unflushed {
            // A failure shows at the next write or flush.
            let _ = self.poll_flush_all(cx);
        }
        read
    }

    /// Sends what is held, then the buffers; answers how much of the buffers went out.
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let total = bufs.iter().map(|b| b.len()).sum::<usize>();
        self.unflushed = true;
        loop {
            if self.held.is_empty() {
                return self.inner.poll_write(cx, bufs);
            }
            let mut slices = [IoSlice::new(&[]); MOST_SLICES];
            for (slice, buf) in slices.iter_mut().zip(std::iter::once(&self.held[..]).chain(bufs.iter().map(|b| &**b)))
            {
                *slice = IoSlice::new(buf);
            }
            let sent = ready!(self.inner.poll_write(cx, &slices))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let beyond = sent.saturating_sub(self.held.len());
            self.held.advance(sent - beyond);
            if self.held.is_empty() && (beyond > 0 || total == 0) {
                return Poll::Ready(Ok(beyond));
            }
        }
    }

    fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            ready!(self.poll_send(cx, &[]))?;
        }
        ready!(self.inner.poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.ahead.is_empty() {
            ready!(this.poll_receive(cx, buf))?;
        } else {
            let n = buf.remaining().min(this.ahead.len());
            buf.put_slice(&this.ahead[..n]);
            this.ahead.advance(n);
        }
        // A new message was read, so an answer will begin with a head. One byte is a probe for the end of the input, and
        // after the end nothing would poll the read side while the answer is made.
        this.hold = buf.filled().len() - before > 1;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let total = bufs.iter().map(|b| b.len()).sum::<usize>();
        if total == 0 {
            return Poll::Ready(Ok(0));
        }
        if std::mem::take(&mut this.hold) && this.held.is_empty() && total <= HOLD_LIMIT {
            bufs.iter().for_each(|b| this.held.extend_from_slice(b));
            this.unflushed = true;
            return Poll::Ready(Ok(total));
        }
        this.poll_send(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush_all(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_flush_all(cx))?;
        match &mut this.inner {
            Inner::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl Inner {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match (self, bufs) {
            (Self::Tcp(stream), [one]) => Pin::new(stream).poll_write(cx, one),
            (Self::Tcp(stream), _) => Pin::new(stream).poll_write_vectored(cx, bufs),
            (Self::Tls(stream), [one]) => Pin::new(stream).poll_write(cx, one),
            (Self::Tls(stream), _) => Pin::new(stream).poll_write_vectored(cx, bufs),
            (Self::Gone, _) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}
