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
    /// Which Secrets are seen.
    pub secrets: Secrets,
}

impl Scope {
    /// Everything, as the controller sees it.
    pub fn everything() -> Self {
        let all = Namespaces::All;
        Self {
            gateway: None,
            routes: all.clone(),
            services: all.clone(),
            policies: all.clone(),
            secrets: Secrets::In(all),
        }
    }

    /// A Gateway of which nothing is known yet.
    pub fn of_gateway(gateway: ObjectName) -> Self {
        let none = || Namespaces::Named(BTreeSet::new());
        let secrets = Secrets::Named(BTreeSet::new());
        Self { gateway: Some(gateway), routes: none(), services: none(), policies: none(), secrets }
    }
}
