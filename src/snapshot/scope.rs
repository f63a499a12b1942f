//! The scope: which objects a role sees, as `docs/scope.md` has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::ObjectName;

/// Namespaces: all of the cluster, or these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// All, those to come too.
    All,
    /// These.
    Named(BTreeSet<Arc<str>>),
}

impl Namespaces {
    /// None.
    pub fn none() -> Self {
        Self::Named(BTreeSet::new())
    }
}

/// Secrets that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// All in these namespaces.
    In(Namespaces),
    /// Each by its name.
    Named(BTreeSet<ObjectName>),
}

/// What is seen. GatewayClasses, ReferenceGrants and the labels of Namespaces are, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The one Gateway; `None`: all of them.
    pub gateway: Option<ObjectName>,
    /// Where routes are seen.
    pub routes: Namespaces,
    /// Where Services and EndpointSlices are seen.
    pub services: Namespaces,
    /// Where Istio's policies are seen.
    pub policies: Namespaces,
    /// Where Pods are seen.
    pub pods: Namespaces,
    /// Which Secrets are seen.
    pub secrets: Secrets,
}

impl Scope {
    /// Everything, as the controller sees it: it has no use for Pods.
    pub fn everything() -> Self {
        let all = Namespaces::All;
        Self {
            gateway: None,
            routes: all.clone(),
            services: all.clone(),
            policies: all.clone(),
            pods: Namespaces::none(),
            secrets: Secrets::In(all),
        }
    }

    /// A Gateway of which nothing is known yet.
    pub fn of_gateway(gateway: ObjectName) -> Self {
        let secrets = Secrets::Named(BTreeSet::new());
        let [routes, services, policies, pods] = std::array::from_fn(|_| Namespaces::none());
        Self { gateway: Some(gateway), routes, services, policies, pods, secrets }
    }
}
