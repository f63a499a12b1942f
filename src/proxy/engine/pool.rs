//! Upstream connections of one worker, by endpoint.

use std::sync::Arc;

use super::upstream::{ConnectLimits, Speak, Upstream, UpstreamError};
use crate::live::Endpoint;

/// Idle HTTP/1 connections (last in, first out) and open HTTP/2 connections, by endpoint.
#[derive(Debug, Default)]
pub(crate) struct UpstreamPool {}

impl UpstreamPool {
    /// A connection to an endpoint: pooled where one is alive, else new. `fresh`: never a pooled one.
    pub(crate) async fn take(
        &self,
        endpoint: &Arc<Endpoint>,
        speak: Speak,
        fresh: bool,
        limits: ConnectLimits,
    ) -> Result<Upstream, UpstreamError> {
        let _ = (endpoint, speak, fresh, limits);
        std::future::pending().await
    }
}
