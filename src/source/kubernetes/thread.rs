//! The thread of the source: decoding a cluster's objects must not keep connections waiting.

use std::sync::mpsc;

use tokio::runtime::Builder;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

use super::client::{ConnectError, connect};
use super::follow;
use crate::snapshot::Scope;
use crate::source::SourceEvent;

/// The running source. Its watches end when it is dropped.
#[derive(Debug)]
pub struct Source {
    _stop: oneshot::Sender<()>,
}

/// Starts to follow what the API server has of a scope: events as [`super`] promises them.
///
/// # Errors
/// There is no configuration of an API server, or none that can be used. That it is away is no error: it is asked again.
pub fn start(scope: watch::Receiver<Scope>, events: UnboundedSender<SourceEvent>) -> Result<Source, ConnectError> {
    let (stop, stopped) = oneshot::channel();
    let (tell, connected) = mpsc::channel();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(ConnectError::Thread)?;
    let run = move || {
        runtime.block_on(async {
            match connect().await {
                Ok(client) => {
                    let _ = tell.send(Ok(()));
                    let _follower = follow(client, scope, events);
                    let _ = stopped.await;
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        });
    };
    std::thread::Builder::new().name("source".into()).spawn(run).map_err(ConnectError::Thread)?;
    match connected.recv() {
        Ok(connected) => connected.map(|()| Source { _stop: stop }),
        Err(_) => Err(ConnectError::Thread(std::io::Error::other("it ended at once"))),
    }
}
