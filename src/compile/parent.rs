//! Parents: what routes see of the Gateways, Services and ServiceEntries to which they can be attached.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::listener;
use crate::api::{Kind, ObjectName, ObjectRef, ParentRef};

/// What routes see of a parent. The same `Arc` as before while they would see the same.
#[derive(Debug, PartialEq)]
pub(super) struct View {
    /// A Gateway, a Service, or a ServiceEntry.
    pub(super) object: ObjectRef,
    /// A Gateway's listeners, in the spec's order; the ports of a Service, or of a ServiceEntry.
    pub(super) listeners: Vec<listener::View>,
    /// Whose ports they are: the Service, or the ServiceEntry's hosts; empty for a Gateway.
    pub(super) services: Vec<ObjectName>,
}

impl View {
    /// Its namespace and name.
    pub(super) fn name(&self) -> &ObjectName {
        &self.object.name
    }

    /// Whether it is a Service or a ServiceEntry: then the dialled address has decided, and hostnames of routes count for nothing.
    pub(super) fn is_service(&self) -> bool {
        self.object.kind != Kind::Gateway
    }

    /// The one that was known before, where it is the same.
    pub(super) fn or_known(self, before: &Views) -> Arc<Self> {
        match before.get(&self.object) {
            Some(known) if **known == self => known.clone(),
            _ => Arc::new(self),
        }
    }
}

/// Views of the parents that are ours.
pub(super) type Views = BTreeMap<ObjectRef, Arc<View>>;

/// The parent that a parentRef names, whosever it is. Group and kind decide: a Service of a Gateway's name is another. `None`: one
/// of a kind that takes no routes here.
pub(super) fn named(parent: &ParentRef, route: &ObjectName) -> Option<ObjectRef> {
    let group = parent.group.as_deref().unwrap_or(Kind::Gateway.group());
    let kind = parent.kind.as_deref().unwrap_or(Kind::Gateway.as_str());
    let kinds = [Kind::Gateway, Kind::Service, Kind::ServiceEntry];
    let kind = kinds.into_iter().find(|known| known.group() == group && known.as_str() == kind)?;
    let name = parent.name.as_str();
    let name = match parent.namespace.as_deref() {
        Some(namespace) => ObjectName::new(namespace, name),
        None => ObjectName::new(route.namespace.clone(), name),
    };
    Some(ObjectRef { kind, name })
}
