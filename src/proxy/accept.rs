//! Accepting connections of one socket on one worker, and emptying the accept queue before the socket closes.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tracing::warn;

use super::connections::Connections;
use super::drain::Drain;
use crate::snapshot::Socket;

/// First and longest wait after a failure that lies with this machine (no file descriptors, no memory).
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Accepts until told to stop, then empties the accept queue: who is connected already gets served.
pub(crate) async fn run(
    listener: TcpListener,
    socket: Socket,
    drain: Arc<Drain>,
    connections: Arc<Connections>,
    mut stop: oneshot::Receiver<()>,
) {
    let mut backoff = BACKOFF.0;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                backoff = BACKOFF.0;
                // At the limit this one waits, and all others in the queue.
                let (permit, stopped) = tokio::select! {
                    permit = connections.permit() => (permit, false),
                    _ = &mut stop => (None, true),
                };
                connections.take(stream, peer, socket, &drain, permit);
                if stopped {
                    break;
                }
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                if backoff == BACKOFF.0 {
                    warn!(port = socket.port, %error, "cannot accept connections for now");
                }
                tokio::select! {
                    _ = &mut stop => break,
                    () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(BACKOFF.1),
                }
            }
        }
    }
    if let Ok(listener) = listener.into_std() {
        for (stream, peer) in queued(&listener) {
            let Ok(stream) = TcpStream::from_std(stream) else { continue };
            connections.take(stream, peer, socket, &drain, None);
        }
    }
}

/// The connections that wait in a listening socket's accept queue, ready for a runtime.
pub(crate) fn queued(listener: &StdListener) -> impl Iterator<Item = (StdStream, SocketAddr)> {
    std::iter::from_fn(|| {
        loop {
            match listener.accept() {
                Ok((stream, peer)) if stream.set_nonblocking(true).is_ok() => return Some((stream, peer)),
                Ok(_) => {}
                Err(error) if is_the_clients(&error) => {}
                Err(_) => return None,
            }
        }
    })
}

/// Whether the failure concerns one connection only, which was gone before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn queue_yields_every_connection_once() {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let clients = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect::<Vec<_>>();
        assert_eq!(queued(&listener).count(), 5);
        assert_eq!(queued(&listener).count(), 0);
        for mut client in clients {
            client.write_all(b"x").unwrap();
        }
    }
}
