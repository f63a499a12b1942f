//! Things that are counted while they live.

use std::sync::Arc;

use prometheus::IntGauge;

use super::Telemetry;
use super::label::ConnectionProtocol;

/// Counted in a gauge from its making to its drop.
#[derive(Debug)]
pub struct Counted(IntGauge);

impl Counted {
    pub(super) fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A client's connection, counted by what it speaks until its drop.
#[derive(Debug)]
pub struct OpenConnection {
    telemetry: Arc<Telemetry>,
    protocol: ConnectionProtocol,
}

impl OpenConnection {
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Self {
        let protocol = ConnectionProtocol::Unknown;
        telemetry.metrics.connections_open.of(protocol).inc();
        Self { telemetry, protocol }
    }

    /// It is now known to speak this.
    pub fn speaks(&mut self, protocol: ConnectionProtocol) {
        let open = &self.telemetry.metrics.connections_open;
        open.of(self.protocol).dec();
        open.of(protocol).inc();
        self.protocol = protocol;
    }

    /// What it speaks, as far as known.
    pub fn protocol(&self) -> ConnectionProtocol {
        self.protocol
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.telemetry.metrics.connections_open.of(self.protocol).dec();
    }
}
