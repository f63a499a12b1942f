//! ReferenceGrants: who may refer to what across namespaces.

use std::collections::HashMap;

use crate::api::{Kind, ObjectName, ReferenceGrant};
use crate::snapshot::Snapshot;

/// The grants by their namespace, which is the namespace of what they let be referred to.
#[derive(Debug)]
pub(super) struct Grants<'s> {
    by_namespace: HashMap<&'s str, Vec<&'s ReferenceGrant>>,
}

impl<'s> Grants<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut by_namespace: HashMap<&str, Vec<&ReferenceGrant>> = HashMap::new();
        for (name, grant) in &snapshot.grants {
            by_namespace.entry(&*name.namespace).or_default().push(grant);
        }
        Self { by_namespace }
    }

    /// Whether an object of a kind and namespace may refer to another object: in its own namespace always, in others where
    /// some grant has it both in `from` and in `to` (ReferenceGrantSpec).
    pub(super) fn permit(&self, from: Kind, namespace: &str, to: Kind, target: &ObjectName) -> bool {
        if *target.namespace == *namespace {
            return true;
        }
        let grants = self.by_namespace.get(&*target.namespace).map_or(&[][..], Vec::as_slice);
        grants.iter().any(|grant| {
            let spec = &grant.spec;
            spec.from.iter().any(|f| f.group == from.group() && f.kind == from.as_str() && f.namespace == namespace)
                && spec.to.iter().any(|t| {
                    t.group == to.group()
                        && t.kind == to.as_str()
                        && t.name.as_deref().is_none_or(|name| name.is_empty() || *name == *target.name)
                })
        })
    }
}
