//! Parameters: what `parametersRef` of a class or a Gateway leads to.

use std::sync::Arc;

use super::Options;
use super::verdict::Refusal;
use crate::api::parameters::{ParametersSpec, Unenforced};
use crate::api::{Gateway, GatewayClass, Kind, ObjectName, ParametersRef};
use crate::snapshot::Snapshot;
use crate::status::Reason;

/// Istio's root namespace, where none is named.
const ROOT_NAMESPACE: &str = "istio-system";

/// What a Gateway's parameters say, over those of its class. `None`: a reference does not resolve, so that the Gateway is not
/// accepted, and what it runs on is to stay as it is.
pub fn parameters(snapshot: &Snapshot, gateway: &Gateway) -> Option<ParametersSpec> {
    let class = snapshot.classes.get(&ObjectName::cluster(gateway.spec.gateway_class_name.as_str()))?;
    let of_class = of_class(snapshot, class).ok()?.cloned().unwrap_or_default();
    let own = of_gateway(snapshot, gateway).ok()?.cloned().unwrap_or_default();
    Some(own.over(of_class))
}

/// What a Gateway's parameters say of Istio's policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySettings {
    /// What is done about those that are not enforced; `None`: by their kind.
    pub unenforced: Option<Unenforced>,
    /// Istio's root namespace.
    pub root_namespace: Arc<str>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self { unenforced: None, root_namespace: ROOT_NAMESPACE.into() }
    }
}

/// What a Gateway's parameters say of Istio's policies, over those of its class. A pod, which sees no parameters, was told. What
/// does not resolve says nothing: the Gateway is not accepted then.
pub fn policy_settings(snapshot: &Snapshot, gateway: &Gateway, options: &Options) -> PolicySettings {
    if options.parameters_unseen {
        return options.policies.clone();
    }
    let class = snapshot.classes.get(&ObjectName::cluster(gateway.spec.gateway_class_name.as_str()));
    let of_class = class.and_then(|class| of_class(snapshot, class).ok()).flatten();
    let both = [of_gateway(snapshot, gateway).ok().flatten(), of_class];
    let root = both.iter().flatten().find_map(|spec| spec.istio_root_namespace.as_deref());
    PolicySettings {
        unenforced: both.iter().flatten().find_map(|spec| spec.unenforced_policies),
        root_namespace: root.unwrap_or(ROOT_NAMESPACE).into(),
    }
}

/// Whether a class's reference leads to parameters, where these are seen.
pub(super) fn judge_class(snapshot: &Snapshot, class: &GatewayClass, options: &Options) -> Result<(), Refusal> {
    if options.parameters_unseen { Ok(()) } else { of_class(snapshot, class).map(drop) }
}

/// Whether a Gateway's reference leads to parameters, where these are seen.
pub(super) fn judge_gateway(snapshot: &Snapshot, gateway: &Gateway, options: &Options) -> Result<(), Refusal> {
    if options.parameters_unseen { Ok(()) } else { of_gateway(snapshot, gateway).map(drop) }
}

fn of_class<'s>(snapshot: &'s Snapshot, class: &GatewayClass) -> Result<Option<&'s ParametersSpec>, Refusal> {
    let Some(reference) = &class.spec.parameters_ref else { return Ok(None) };
    let namespace = reference.namespace.as_deref();
    find(snapshot, "spec.parametersRef", reference, namespace).map(Some)
}

/// A Gateway's are in its own namespace.
fn of_gateway<'s>(snapshot: &'s Snapshot, gateway: &Gateway) -> Result<Option<&'s ParametersSpec>, Refusal> {
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let Some(reference) = infrastructure.and_then(|given| given.parameters_ref.as_ref()) else { return Ok(None) };
    let namespace = Some(&*gateway.meta.name.namespace);
    find(snapshot, "spec.infrastructure.parametersRef", reference, namespace).map(Some)
}

fn find<'s>(
    snapshot: &'s Snapshot,
    field: &str,
    reference: &ParametersRef,
    namespace: Option<&str>,
) -> Result<&'s ParametersSpec, Refusal> {
    let refused = |field: &str, why: String| Refusal::new(Reason::InvalidParameters, format!("{field}{why}"));
    let ours = Kind::PingwayParameters;
    if (reference.group.as_str(), reference.kind.as_str()) != (ours.group(), ours.as_str()) {
        let (kind, group) = (&reference.kind, &reference.group);
        return Err(refused(
            field,
            format!(": {kind} of group {group:?} is not supported; {ours} of {:?} is", ours.group()),
        ));
    }
    let Some(namespace) = namespace else {
        return Err(refused(field, format!(".namespace is missing: {ours} are in namespaces")));
    };
    let name = ObjectName::new(namespace, reference.name.as_str());
    match snapshot.parameters.get(&name).map(|parameters| &parameters.spec) {
        Some(Ok(spec)) => Ok(spec),
        Some(Err(error)) => Err(refused(field, format!(": {error}"))),
        None => Err(refused(field, format!(": {ours} {name} is not there"))),
    }
}
