//! Draining: how the connections of one socket learn that they are to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether a socket's connections are to end: its listener is gone, or the process is leaving. One for each socket and
/// worker.
#[derive(Debug)]
pub(crate) struct Drain {
    begun: AtomicBool,
    /// For Pingora's HTTP/2 server, which sends GOAWAY by it.
    watch: watch::Sender<bool>,
}

impl Drain {
    /// For a connection whose socket is gone already.
    pub(crate) fn begun() -> Arc<Self> {
        let drain = Self::default();
        drain.begin();
        Arc::new(drain)
    }

    /// Begins: responses say `Connection: close`, HTTP/2 connections get GOAWAY.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
        self.watch.send_replace(true);
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Tells when it begins; at once, where it has.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        let mut receiver = self.watch.subscribe();
        if self.has_begun() {
            receiver.mark_changed();
        }
        receiver
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { begun: AtomicBool::new(false), watch: watch::channel(false).0 }
    }
}
