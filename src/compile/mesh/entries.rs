//! ServiceEntries that are enrolled with a Gateway: what routes see of them, and what of them is not served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Meshes, ports};
use crate::api::{Kind, ObjectName, ObjectRef, ServiceEntry};
use crate::compile::parent::View;
use crate::compile::verdict::fails_by_each;
use crate::snapshot::{Flaw, Snapshot, flaws, served_hosts};
use crate::status::{Condition, ConditionType, Reason, Warning, WarningKind};

type Entries<'s> = BTreeMap<&'s ObjectName, &'s Arc<ServiceEntry>>;

/// Something that a ServiceEntry asks for and does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::compile) struct EntryFlaw {
    entry: ObjectRef,
    flaw: Flaw,
}

/// All of these ServiceEntries.
pub(super) fn flaws_of(snapshot: &Snapshot, entries: &Entries<'_>) -> Vec<EntryFlaw> {
    let of = |(name, entry): (&&ObjectName, &&Arc<ServiceEntry>)| {
        let entry_ref = ObjectRef { kind: Kind::ServiceEntry, name: (*name).clone() };
        let found = flaws(entry, &snapshot.workloads);
        found.into_iter().map(move |flaw| EntryFlaw { entry: entry_ref.clone(), flaw }).collect::<Vec<_>>()
    };
    entries.iter().flat_map(of).collect()
}

/// What routes see of those with a host that is served.
pub(super) fn views<'s>(
    snapshot: &'s Snapshot,
    entries: &'s Entries<'s>,
    enrolled: &'s BTreeSet<ObjectName>,
) -> impl Iterator<Item = View> + 's {
    entries.iter().filter_map(move |(name, entry)| {
        let hosts: Vec<_> = served_hosts(entry).filter(|host| enrolled.contains(host)).collect();
        let first = snapshot.services.get(hosts.first()?)?;
        Some(ports::entry_view(name, first, hosts))
    })
}

/// The condition of a Gateway that names what is not served; `None`: there is nothing.
pub(in crate::compile) fn condition(meshes: &Meshes, gateway: &ObjectName) -> Option<Condition> {
    let sentence = |EntryFlaw { entry, flaw }: &EntryFlaw| format!("{entry}: {}: {}", flaw.field, flaw.message);
    let sentences = meshes.flaws(gateway).iter().map(sentence);
    fails_by_each(ConditionType::ServiceEntriesServed, Reason::UnsupportedValue, sentences)
}

/// A warning about each.
pub(in crate::compile) fn warnings<'m>(
    meshes: &'m Meshes,
    gateways: impl Iterator<Item = &'m ObjectName> + 'm,
) -> impl Iterator<Item = Warning> + 'm {
    let all: BTreeSet<_> = gateways.flat_map(|gateway| meshes.flaws(gateway)).map(warning).collect();
    all.into_iter()
}

fn warning(EntryFlaw { entry, flaw }: &EntryFlaw) -> Warning {
    Warning {
        object: entry.clone(),
        kind: WarningKind::NotSupported,
        field: flaw.field.to_owned(),
        message: flaw.message.clone(),
    }
}
