//! What outlives a table, by key: endpoint sets, load statistics, TLS configurations, metric series.
//!
//! [`link()`] binds a plain table to live handles; the registry finds or makes them. The request path only reads here.
//!
//! Never here: verdicts, I/O.

pub mod backend;
pub mod balance;
mod endpoint;
pub mod link;
pub mod mesh;
mod retry_budget;
pub mod serving;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;
mod workloads;

pub use backend::{Backend, InFlight};
pub use endpoint::Endpoint;
pub use link::{Registry, link};
pub use mesh::{Dialled, LivePort, MeshServing};
pub use retry_budget::RetryPermit;
pub use serving::{Graveyard, LiveRule, Serving, SocketServing};
pub use workloads::Workloads;
