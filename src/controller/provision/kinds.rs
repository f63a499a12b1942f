//! The kinds that are made for Gateways.

use kube::core::{ApiResource, GroupVersionKind};

/// A kind that is made for Gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MadeKind {
    /// The API group, empty for core.
    pub group: &'static str,
    /// The version in which it is made.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Its name in paths and rights.
    pub plural: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl MadeKind {
    const fn namespaced(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Self {
        Self { group, version, kind, plural, namespaced: true }
    }

    /// Group and version, as objects have them.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// As a client of the API server names it.
    pub fn resource(&self) -> ApiResource {
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(self.group, self.version, self.kind), self.plural)
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) const SERVICE_ACCOUNT: MadeKind = MadeKind::namespaced("", "v1", "ServiceAccount", "serviceaccounts");
pub(super) const CONFIG_MAP: MadeKind = MadeKind::namespaced("", "v1", "ConfigMap", "configmaps");
pub(super) const ROLE: MadeKind = MadeKind::namespaced(RBAC, "v1", "Role", "roles");
pub(super) const ROLE_BINDING: MadeKind = MadeKind::namespaced(RBAC, "v1", "RoleBinding", "rolebindings");
pub(super) const CLUSTER_ROLE_BINDING: MadeKind =
    MadeKind { namespaced: false, ..MadeKind::namespaced(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings") };
pub(super) const SERVICE: MadeKind = MadeKind::namespaced("", "v1", "Service", "services");
pub(super) const DEPLOYMENT: MadeKind = MadeKind::namespaced("apps", "v1", "Deployment", "deployments");
pub(super) const AUTOSCALER: MadeKind =
    MadeKind::namespaced("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers");
pub(super) const DISRUPTION_BUDGET: MadeKind =
    MadeKind::namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets");

/// Every kind that is made, in the order in which objects are to be applied. An object of one of them that has a Gateway's
/// labels, and is not wanted any more, is one to delete.
pub fn kinds() -> &'static [MadeKind] {
    &[
        SERVICE_ACCOUNT,
        CONFIG_MAP,
        ROLE,
        ROLE_BINDING,
        CLUSTER_ROLE_BINDING,
        SERVICE,
        DEPLOYMENT,
        AUTOSCALER,
        DISRUPTION_BUDGET,
    ]
}
