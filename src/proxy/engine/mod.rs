//! The engine: the only files that name Pingora's sessions.
//!
//! Two enums, [`Downstream`] and [`Upstream`], HTTP/1 or HTTP/2 each, with static dispatch. Another codec would be one more
//! variant. Never here: routes, filters, telemetry.

mod connect;
mod downstream;
mod downstream_http1;
mod downstream_http2;
mod pool;
mod pool_http1;
mod pool_http2;
pub(crate) mod server;
mod upstream;
mod upstream_error;
mod upstream_http1;
mod upstream_http2;
#[cfg(test)]
mod upstream_tests;
mod wire;

pub(crate) use connect::tcp;
pub(crate) use downstream::{Client, ClientError, Downstream, Kept, Opening, Refusal};
pub(crate) use pool::UpstreamPool;
pub(crate) use upstream::{ConnectLimits, Speak, Upstream};
pub(crate) use upstream_error::{Cause, Processed, UpstreamError};
