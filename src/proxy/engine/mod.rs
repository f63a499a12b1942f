//! The engine: the only files that name Pingora's sessions.
//!
//! Two enums, [`Downstream`] and [`Upstream`], HTTP/1 or HTTP/2 each, with static dispatch. Another codec would be one more
//! variant. Never here: routes, filters, telemetry.

mod downstream;
mod downstream_http1;
mod downstream_http2;
mod pool;
pub(crate) mod server;
mod upstream;

pub(crate) use downstream::{Client, ClientError, Downstream, Kept, Opening, Refusal};
pub(crate) use pool::UpstreamPool;
pub(crate) use upstream::{Cause, ConnectLimits, Processed, Speak, Upstream, UpstreamError};
