//! What the tests of this target stand on: the proxy's process, backends, manifests and clients.
//!
//! Every port is the system's choice, every wait is for a condition and bounded, and whatever a test started ends with it.

#![allow(dead_code, unused_imports, reason = "each test uses the part that it needs")]

mod backend;
pub(crate) mod client;
mod edge;
pub(crate) mod h2_frames;
pub(crate) mod h2_wire;
mod manifests;
mod proxy;
mod tls;

use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use backend::{Backend, Body, Seen, text};
pub(crate) use edge::{Edge, TO_A, field, read_head, read_to_end, write};
pub(crate) use manifests::{Folder, gateway, http_route, https_listener, service, tls_secret};
pub(crate) use proxy::{Ended, Proxy, binary};
pub(crate) use tls::Certificate;

/// The longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again until there is an answer; fails with `what` when patience ends.
pub(crate) async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A future's answer; fails with `what` when patience ends.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(answer) => answer,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}
