//! The binary over real sockets.

mod abort;
mod http1;
mod smoke;
mod support;
mod timeouts;
