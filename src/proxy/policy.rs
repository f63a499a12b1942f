//! The place of policies: once it is known where a request goes, before anything is sent there. Identity, dialled address and
//! request are at hand where this is asked.
//!
//! None of Istio's policies is enforced yet. What one would judge is refused here where the Gateway's parameters say so, which by
//! default they do of those that decide which requests pass.

use http::StatusCode;

use super::failure::Failure;
use crate::table::backend::BackendKey;
use crate::table::policy::Denied;
use crate::telemetry::outcome::Reason;

/// Whether policies let a request pass to a Service: the one that was dialled, or a route's backend. `None`: to a listener of the
/// Gateway's.
pub(crate) fn judge(denied: Option<&Denied>, service: Option<&BackendKey>) -> Result<(), Failure> {
    match denied.and_then(|denied| denied.because_of(service.map(|port| &port.service))) {
        Some(_) => Err(Failure::new(StatusCode::FORBIDDEN, Reason::PolicyNotEnforced)),
        None => Ok(()),
    }
}
