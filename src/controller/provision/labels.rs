//! Labels: ours, by which objects are found again, and the user's, which are copied down.

use std::collections::BTreeMap;

use crate::api::{GATEWAY_NAME, Gateway, label_value};

/// The name of the Gateway's class.
pub const GATEWAY_CLASS_NAME: &str = "gateway.networking.k8s.io/gateway-class-name";
/// The name that all objects of a Gateway have in its namespace; the only label that selects pods, as it never changes.
pub const GATEWAY: &str = "pingway.dev/gateway";
/// The Gateway's namespace.
pub const GATEWAY_NAMESPACE: &str = "pingway.dev/gateway-namespace";
/// Who made the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`] on all that is made for Gateways.
pub const PINGWAY: &str = "pingway";

/// What the Gateway's own labels must begin with to be copied down.
const ISTIO: &str = "istio.io/";

/// Our labels, on every object.
pub(super) fn ours(gateway: &Gateway, object_name: &str) -> BTreeMap<String, String> {
    let labels = [
        (GATEWAY_NAME, label_value(&gateway.meta.name.name)),
        (GATEWAY_CLASS_NAME, label_value(&gateway.spec.gateway_class_name)),
        (GATEWAY, object_name.to_owned()),
        (GATEWAY_NAMESPACE, gateway.meta.name.namespace.to_string()),
        (MANAGED_BY, PINGWAY.to_owned()),
        ("app.kubernetes.io/name", PINGWAY.to_owned()),
    ];
    labels.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()
}

/// The user's labels: the Gateway's own of `istio.io/`, and under the same key those of `spec.infrastructure` over them.
pub(super) fn copied(gateway: &Gateway) -> BTreeMap<String, String> {
    let istio = gateway.meta.labels.iter().filter(|(label, _)| label.starts_with(ISTIO));
    let infrastructure = gateway.spec.infrastructure.iter().flat_map(|given| &given.labels);
    istio.chain(infrastructure).map(|(label, value)| (label.clone(), value.clone())).collect()
}
