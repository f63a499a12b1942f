//! The binary over real sockets.

mod abort;
mod filters;
mod grpc;
mod http1;
mod http2;
mod retry;
mod smoke;
mod support;
mod timeouts;
mod upgrade;
