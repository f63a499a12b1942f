//! The ground that a Gateway stands on: what came back from where it is served.

use super::Placement;
use crate::api::Gateway;
use crate::snapshot::{GatewayFacts, Observed};

/// What is known of where a Gateway is served.
#[derive(Clone, Copy)]
pub(super) enum Ground<'s> {
    /// This process: what is not known to have failed is programmed.
    Process(&'s Observed),
    /// Pods of its own: nothing is programmed before a replica says so.
    Pods(Option<&'s GatewayFacts>),
}

impl<'s> Ground<'s> {
    /// The ground of a Gateway.
    pub(super) fn of(gateway: &Gateway, placement: Placement, observed: &'s Observed) -> Self {
        match placement {
            Placement::Process => Self::Process(observed),
            Placement::Pods => Self::Pods(observed.gateway(gateway)),
        }
    }

    /// What came back from its pods; `None`: nothing yet, or it has none.
    pub(super) fn facts(self) -> Option<&'s GatewayFacts> {
        match self {
            Self::Process(_) => None,
            Self::Pods(facts) => facts,
        }
    }
}
