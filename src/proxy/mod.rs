//! The request path: from an accepted connection to an endpoint and back.
//!
//! Workers are threads, each with a current-thread runtime and pools of its own; a connection stays on the worker that
//! accepted it. Only `engine` names Pingora's sessions.
//!
//! ```text
//! listener ─► bind                       wanted sockets against bound ones, one task
//!    └──────► worker ─► accept ─► connections      a thread each; the crew shares connections out
//!                                  └─► connection ─► tls, sniff ─► io ─► engine ─► http      a connection, a request
//! ```
//!
//! Never here: compile, watching, a lock that configuration holds.

mod accept;
mod attempt;
mod bind;
mod connection;
mod connections;
mod context;
mod crew;
mod deadline;
mod drain;
mod ending;
mod engine;
mod exchange;
mod failure;
mod forward;
mod forwarded;
mod head_edit;
mod hop_by_hop;
mod http;
mod inbound;
mod io;
mod listener;
mod mesh_metrics;
mod messages;
mod metered;
mod outbound;
mod policy;
mod relay;
mod replay;
mod request_head;
mod respond;
mod response_head;
mod retry;
mod route;
mod sniff;
mod start;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod tunnel;
mod upload;
mod worker;

pub(crate) use inbound::Identity;
pub use listener::Addresses;
pub use start::{Running, start};
pub use worker::Phase;
