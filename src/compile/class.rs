//! GatewayClasses: which are ours, and whether they are accepted.
//!
//! `SupportedVersion` needs the installed CRDs, which only the controller sees: elsewhere it is not said.

use std::collections::BTreeMap;

use super::bundle::supported_version;
use super::parameters::judge_class;
use super::verdict::{Refusal, fails, holds};
use super::{CONTROLLER_NAME, Options};
use crate::api::ObjectName;
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
