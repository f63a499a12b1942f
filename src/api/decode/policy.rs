//! Istio's objects: whom they are about.
//!
//! Their schemas are Istio's to hold, so that a field that is not known here is no oddity.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{DEFAULT_NAMESPACE, Kind, RawMeta, Violation, deserialize};
use crate::api::{Object, ObjectName, Policy, PolicyKind, PolicySpec, PolicyTarget};

/// The gateway of a VirtualService that stands for all of the mesh.
const MESH: &str = "mesh";

#[derive(Deserialize)]
struct Raw {
    metadata: RawMeta,
    #[serde(default)]
    spec: RawSpec,
}

/// The fields that tell whom an object is about, of whichever kind.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    target_ref: Option<RawTarget>,
    target_refs: Vec<RawTarget>,
    action: Option<Value>,
    host: Option<String>,
    hosts: Vec<String>,
    gateways: Vec<String>,
    export_to: Vec<String>,
}

#[derive(Deserialize)]
struct RawTarget {
    #[serde(default)]
    group: String,
    kind: String,
    name: String,
    namespace: Option<String>,
}

/// The object, with whom it is about.
pub(super) fn policy(kind: PolicyKind, value: &Value) -> Result<Arc<Policy>, Violation> {
    let Raw { metadata, spec } = deserialize(value, &mut Vec::new())?;
    let namespace = metadata.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let decides = match kind {
        // An audited request passes; the word may come as its number, too.
        PolicyKind::AuthorizationPolicy => {
            !spec.action.as_ref().is_some_and(|action| *action == "AUDIT" || *action == 2)
        }
        kind => kind == PolicyKind::RequestAuthentication,
    };
    let targets = match kind {
        PolicyKind::DestinationRule => spec.host.iter().map(|host| PolicyTarget::Host(host.clone())).collect(),
        PolicyKind::VirtualService if spec.gateways.is_empty() || spec.gateways.iter().any(|name| name == MESH) => {
            spec.hosts.iter().map(|host| PolicyTarget::Host(host.clone())).collect()
        }
        PolicyKind::VirtualService => Vec::new(),
        _ => spec.target_ref.iter().chain(&spec.target_refs).filter_map(|target| of(target, &namespace)).collect(),
    };
    let spec = PolicySpec { kind, targets, export_to: spec.export_to, decides };
    Ok(Arc::new(Object { meta: metadata.kept(Kind::Policy(kind)), spec }))
}

/// `None`: an object of a kind that no waypoint is for.
fn of(target: &RawTarget, own: &str) -> Option<PolicyTarget> {
    let name = || ObjectName::new(target.namespace.as_deref().unwrap_or(own), target.name.as_str());
    match (target.group.as_str(), target.kind.as_str()) {
        ("gateway.networking.k8s.io", "Gateway") => Some(PolicyTarget::Gateway(name())),
        ("gateway.networking.k8s.io", "GatewayClass") => Some(PolicyTarget::GatewayClass(target.name.as_str().into())),
        ("" | "core", "Service") => Some(PolicyTarget::Service(name())),
        ("networking.istio.io", "ServiceEntry") => Some(PolicyTarget::ServiceEntry(name())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Item;
    use crate::api::decode::{Decoded, decode};

    fn policy_of(api_version: &str, kind: &str, spec: Value) -> PolicySpec {
        let object = json!({
            "apiVersion": api_version, "kind": kind, "metadata": { "name": "p", "namespace": "shop", "uid": "u" }, "spec": spec,
        });
        match decode(object) {
            Ok(Decoded::Item(Item::Policy(policy))) => policy.spec.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn target_refs_tell_whom_a_policy_is_about() {
        let refs = json!([
            { "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint" },
            { "kind": "Service", "name": "cart" },
            { "group": "networking.istio.io", "kind": "ServiceEntry", "name": "pay" },
            { "group": "apps", "kind": "Deployment", "name": "cart" },
        ]);
        let spec = policy_of("security.istio.io/v1", "AuthorizationPolicy", json!({ "targetRefs": refs }));
        let name = |name: &str| ObjectName::new("shop", name);
        let expected = [
            PolicyTarget::Gateway(name("waypoint")),
            PolicyTarget::Service(name("cart")),
            PolicyTarget::ServiceEntry(name("pay")),
        ];
        assert_eq!((spec.targets.as_slice(), spec.decides), (&expected[..], true));
    }

    #[test]
    fn without_target_refs_a_policy_is_no_waypoints() {
        let spec = json!({ "selector": { "matchLabels": { "app": "cart" } }, "action": "DENY", "rules": [{}] });
        assert_eq!(policy_of("security.istio.io/v1beta1", "AuthorizationPolicy", spec).targets, []);
    }

    #[test]
    fn what_only_tells_does_not_decide() {
        let target = json!({ "group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "pingway" });
        let audit = json!({ "targetRef": target, "action": "AUDIT" });
        let audit = policy_of("security.istio.io/v1", "AuthorizationPolicy", audit);
        assert_eq!(audit.targets, [PolicyTarget::GatewayClass("pingway".into())]);
        let telemetry = policy_of("telemetry.istio.io/v1", "Telemetry", json!({ "targetRefs": [target] }));
        let authentication = json!({ "targetRefs": [target], "jwtRules": [] });
        let authentication = policy_of("security.istio.io/v1", "RequestAuthentication", authentication);
        assert_eq!([audit.decides, telemetry.decides, authentication.decides], [false, false, true]);
    }

    #[test]
    fn a_virtual_service_of_gateways_only_is_no_waypoints() {
        let hosts = |gateways: Value| {
            policy_of("networking.istio.io/v1", "VirtualService", json!({ "hosts": ["cart"], "gateways": gateways }))
                .targets
        };
        assert_eq!(hosts(json!(["edge"])), []);
        assert_eq!(hosts(json!(["edge", "mesh"])), [PolicyTarget::Host("cart".to_owned())]);
        assert_eq!(hosts(json!([])), [PolicyTarget::Host("cart".to_owned())]);
    }
}
