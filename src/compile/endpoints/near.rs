//! Which endpoints are near: `internalTrafficPolicy`, and the hints that `trafficDistribution` comes to.
//!
//! As kube-proxy has it (Kubernetes documentation, "Virtual IPs and Service Proxies": "Internal traffic policy", "Traffic
//! distribution"; KEP-3015), so that a waypoint before a Service does not change where its requests go. Like kube-proxy it
//! goes by the hints of the EndpointSlices, never by `trafficDistribution`: that field asks the control plane for hints, as
//! an annotation does, and who writes slices by hand gives them without either.

use k8s_openapi::api::core::v1::ServiceSpec;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints};

use super::tiers::Candidate;
use crate::api::EndpointSlice;
use crate::compile::Options;

/// Where the proxy runs, as far as that is known.
pub(super) struct Here<'o> {
    node: Option<&'o str>,
    zone: Option<&'o str>,
}

impl<'o> Here<'o> {
    /// As the options have it.
    pub(super) fn new(options: &'o Options) -> Self {
        Self { node: options.node.as_deref(), zone: options.zone.as_deref() }
    }

    /// Whether a Service lets an endpoint have requests from here.
    pub(super) fn may_serve(&self, spec: &ServiceSpec, endpoint: &Endpoint) -> bool {
        self.only_node(spec).is_none_or(|node| endpoint.node_name.as_deref() == Some(node))
    }

    /// The node that a Service keeps requests on (`internalTrafficPolicy: Local`). Where the node is not known, none.
    pub(super) fn only_node(&self, spec: &ServiceSpec) -> Option<&'o str> {
        self.node.filter(|_| keeps_to_node(spec))
    }

    /// Of these, those that are hinted for this node; where there is none, for this zone; where there is none, all.
    pub(super) fn nearest<'a>(&self, ready: Vec<Candidate<'a>>) -> Vec<Candidate<'a>> {
        let nodes = |hints: &'a EndpointHints| hints.for_nodes.iter().flatten().map(|node| &*node.name).collect();
        let zones = |hints: &'a EndpointHints| hints.for_zones.iter().flatten().map(|zone| &*zone.name).collect();
        let near = hinted(&ready, self.node, nodes).or_else(|| hinted(&ready, self.zone, zones));
        near.unwrap_or(ready)
    }
}

/// Whether requests to a Service are to stay on the node that they come from.
pub(super) fn keeps_to_node(spec: &ServiceSpec) -> bool {
    spec.internal_traffic_policy.as_deref() == Some("Local")
}

/// Whether some endpoint of a slice is hinted for zones.
pub(super) fn hints_zones(slice: &EndpointSlice) -> bool {
    let mut hints = slice.endpoints.iter().flatten().filter_map(|endpoint| endpoint.hints.as_ref());
    hints.any(|hints| hints.for_zones.as_ref().is_some_and(|zones| !zones.is_empty()))
}

/// The endpoints that are hinted for a place. `None` unless there are some, and every endpoint is hinted for some place: while
/// slices are being hinted, what bears hints already must not get it all.
fn hinted<'a>(
    ready: &[Candidate<'a>],
    place: Option<&str>,
    places: impl Fn(&'a EndpointHints) -> Vec<&'a str>,
) -> Option<Vec<Candidate<'a>>> {
    let place = place?;
    let mut near = Vec::new();
    for candidate in ready {
        let places = candidate.endpoint.hints.as_ref().map(&places).unwrap_or_default();
        if places.is_empty() {
            return None;
        }
        if places.contains(&place) {
            near.push(*candidate);
        }
    }
    (!near.is_empty()).then_some(near)
}
