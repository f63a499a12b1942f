//! Telemetry: metrics, the access log, trace context, log set-up. A leaf: it imports no other part of Pingway.

pub mod outcome;
pub mod series;

/// Everything that the request path tells: metric families and the access log's writer.
#[derive(Debug, Default)]
pub struct Telemetry {}
