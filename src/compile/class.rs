//! GatewayClasses and XMeshes: which are ours, and whether they are accepted.
//!
//! `SupportedVersion` needs the installed CRDs, which only the controller sees: elsewhere it is not said.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bundle::supported_version;
use super::parameters::judge_class;
use super::verdict::{Refusal, fails, holds};
use super::{CONTROLLER_NAME, Options};
use crate::api::{ObjectName, XMesh};
use crate::snapshot::Snapshot;
use crate::status::{ClassStatus, ConditionType, Reason};

/// Our classes by name, and why one is refused.
pub(super) type Classes = BTreeMap<ObjectName, Result<(), Refusal>>;

/// The classes whose controller we are.
pub(super) fn resolve(snapshot: &Snapshot, options: &Options) -> Classes {
    let ours = snapshot.classes.iter().filter(|(_, class)| class.spec.controller_name == CONTROLLER_NAME);
    ours.map(|(name, class)| (name.clone(), judge_class(snapshot, class, options))).collect()
}

/// Their statuses.
pub(super) fn statuses(snapshot: &Snapshot, classes: &Classes) -> BTreeMap<ObjectName, ClassStatus> {
    let version = supported_version(&snapshot.observed.bundles);
    classes
        .iter()
        .map(|(name, verdict)| {
            let accepted = match verdict {
                Ok(()) => holds(ConditionType::Accepted, Reason::Accepted, "The class is served by Pingway"),
                Err(refusal) => fails(ConditionType::Accepted, refusal.reason, &refusal.message),
            };
            let observed_generation = snapshot.classes.get(name).map_or(0, |class| class.meta.generation);
            let conditions = std::iter::once(accepted).chain(version.clone()).collect();
            (name.clone(), ClassStatus { observed_generation, conditions })
        })
        .collect()
}

/// The statuses of the XMeshes whose controller we are. There are no parameters for them.
pub(super) fn mesh_statuses(snapshot: &Snapshot) -> BTreeMap<ObjectName, ClassStatus> {
    let ours = snapshot.meshes.iter().filter(|(_, mesh)| mesh.spec.controller_name == CONTROLLER_NAME);
    let status = |(name, mesh): (&ObjectName, &Arc<XMesh>)| {
        let accepted = match &mesh.spec.parameters_ref {
            None => holds(ConditionType::Accepted, Reason::Accepted, "The mesh's waypoints may be Pingway's"),
            Some(_) => {
                let message = "spec.parametersRef: there are no parameters for a mesh";
                fails(ConditionType::Accepted, Reason::InvalidParameters, message)
            }
        };
        (name.clone(), ClassStatus { observed_generation: mesh.meta.generation, conditions: vec![accepted] })
    };
    ours.map(status).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::snapshot::testing::snapshot_of;

    fn accepted(spec: Value) -> Option<(bool, Reason)> {
        let metadata = json!({ "name": "mesh", "generation": 3 });
        let mesh = json!({
            "apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": "XMesh", "metadata": metadata, "spec": spec,
        });
        let status = mesh_statuses(&snapshot_of(&[mesh])).into_values().next()?;
        assert_eq!(status.observed_generation, 3);
        status.conditions.first().map(|condition| (condition.holds, condition.reason))
    }

    #[test]
    fn a_mesh_of_ours_is_accepted_and_has_no_parameters() {
        assert_eq!(accepted(json!({ "controllerName": CONTROLLER_NAME })), Some((true, Reason::Accepted)));
        let parameters = json!({ "group": "pingway.dev", "kind": "PingwayParameters", "name": "x", "namespace": "y" });
        let with = json!({ "controllerName": CONTROLLER_NAME, "parametersRef": parameters });
        assert_eq!(accepted(with), Some((false, Reason::InvalidParameters)));
        assert_eq!(accepted(json!({ "controllerName": "acme.test/mesh" })), None);
    }
}
