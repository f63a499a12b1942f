//! What names waypoints by its labels, or its namespace's: a primary one, and a canary beside it.

use super::facts::Facts;
use super::findings::Told;
use super::report::{Finding, Level};
use crate::api::ambient::{Labels, USE_WAYPOINT, waypoint};
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::compile::named_waypoints;

/// istiod's condition of what names a waypoint. It is about the primary; of a canary only its message speaks, where that fails.
const BOUND: &str = "istio.io/WaypointBound";
/// How istiod begins to speak of a canary there. Names of objects have no capital letters.
const OF_CANARY: &str = "Canary";

/// Something that names waypoints.
#[derive(Debug)]
pub(super) struct Naming {
    /// A Service, or a ServiceEntry.
    pub(super) object: ObjectRef,
    pub(super) waypoints: Vec<ObjectName>,
    /// The one of them that is no canary.
    pub(super) primary: Option<ObjectName>,
}

impl Naming {
    fn of(kind: Kind, name: &ObjectName, own: Option<&Labels>, facts: &Facts) -> Self {
        let of_namespace = facts.snapshot.namespace_labels(&name.namespace);
        Self {
            object: ObjectRef { kind, name: name.clone() },
            waypoints: named_waypoints(own, of_namespace, name),
            primary: primary(own, of_namespace, name),
        }
    }

    /// Whether it names a waypoint as its canary only.
    pub(super) fn is_canary(&self, waypoint: &ObjectName) -> bool {
        self.primary.as_ref() != Some(waypoint)
    }

    /// What istiod says: status, reason, message.
    pub(super) fn bound<'f>(&self, facts: &'f Facts) -> Option<[&'f str; 3]> {
        facts.condition(&self.object, BOUND)
    }

    /// What istiod says against its canary; `None`: nothing.
    pub(super) fn of_canary<'f>(&self, facts: &'f Facts) -> Option<&'f str> {
        let [.., message] = self.bound(facts)?;
        message.find(OF_CANARY).and_then(|at| message.get(at..))
    }

    /// The waypoints that are named and not there. Whose they would be is not known.
    pub(super) fn missing(&self, facts: &Facts, wanted: impl Fn(&ObjectName) -> bool, findings: &mut Vec<Finding>) {
        let missing = |name: &&ObjectName| !facts.snapshot.gateways.contains_key(*name) && wanted(name);
        for name in self.waypoints.iter().filter(missing) {
            let mut told = Told { object: self.object.to_string(), findings };
            not_there(name, self.is_canary(name), self.primary.as_ref(), &mut told);
        }
    }
}

/// The waypoint that is no canary.
pub(super) fn primary(own: Option<&Labels>, of_namespace: Option<&Labels>, object: &ObjectName) -> Option<ObjectName> {
    let named = waypoint(USE_WAYPOINT[0], own, of_namespace, &object.namespace);
    named.map(|(namespace, name)| ObjectName::new(namespace, name))
}

/// A Gateway that is named and not there.
pub(super) fn not_there(name: &ObjectName, is_canary: bool, primary: Option<&ObjectName>, told: &mut Told<'_>) {
    let (role, label) = if is_canary { (" as its canary", USE_WAYPOINT[1].0) } else { ("", USE_WAYPOINT[0].0) };
    let comes = match primary.filter(|_| is_canary) {
        Some(primary) => format!("none of its connections are sent there, all are left to Gateway {primary}"),
        None => "traffic goes without a waypoint".to_owned(),
    };
    let what = format!("names Gateway {name}{role}, which is not there: {comes}");
    told.tell(Level::Error, what, format!("make that Gateway, or correct the label {label}"));
}

/// Whatever names a waypoint: Services, and ServiceEntries by their own names.
pub(super) fn namings(facts: &Facts) -> Vec<Naming> {
    let snapshot = &facts.snapshot;
    let services = snapshot.services.iter().filter(|(name, _)| !name.is_host());
    let services =
        services.map(|(name, service)| Naming::of(Kind::Service, name, service.metadata.labels.as_ref(), facts));
    let entries = snapshot.entries.iter();
    let entries = entries.map(|(name, entry)| Naming::of(Kind::ServiceEntry, name, Some(&entry.meta.labels), facts));
    services.chain(entries).filter(|naming| !naming.waypoints.is_empty()).collect()
}
