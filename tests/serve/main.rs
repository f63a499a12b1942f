//! The binary over real sockets.
