//! The binary over real sockets.

mod smoke;
mod support;
