//! What is proven, line by line. Each is a sentence, and what holds it.

mod bytes;
mod changes;
mod conversation;
mod destinations;
mod drain;
mod headers;
mod identity;
mod load;
mod loops;
mod others;
mod outbound;
mod rest;
mod streams;
mod through;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::within;
use crate::world::World;

/// What holds a line: it panics where the line does not hold.
pub(crate) type Line = fn(Arc<World>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// All lines, in the order in which they are proven.
pub(crate) fn all() -> Vec<(&'static str, Line)> {
    [
        through::LINES,
        identity::LINES,
        headers::LINES,
        destinations::LINES,
        bytes::LINES,
        others::LINES,
        outbound::LINES,
        load::LINES,
        changes::LINES,
        streams::LINES,
        drain::LINES,
        rest::LINES,
        // What comes back is a client of the waypoint's that keeps its connection.
        loops::LINES,
    ]
    .concat()
}

/// The lines of a file: the name of each is that of its function.
macro_rules! lines {
    ($($name:ident),+ $(,)?) => {
        pub(super) const LINES: &[(&str, crate::lines::Line)] =
            &[$((stringify!($name), |world| Box::pin(async move { $name(&world).await }))),+];
    };
}
use lines;

/// What comes of a connection on which these bytes are sent, until the other side ends it. A reset ends it, too.
async fn spoken(mut stream: TcpStream, bytes: &[u8]) -> String {
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = within("an end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
