//! The request path: from an accepted connection to an endpoint and back.
//!
//! Workers are threads, each with a current-thread runtime and pools of its own; a connection stays on the worker that
//! accepted it. Only `engine` names Pingora's sessions.
//!
//! Never here: compile, watching, a lock that configuration holds.

mod connection;
mod drain;
mod engine;
mod http;
mod io;
mod worker;

pub use worker::Phase;
