//! What all objects of one Gateway share: names, labels, annotations, and what they belong to.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{DynamicObject, TypeMeta};
use serde_json::Value;

use super::Install;
use super::access::CLUSTER_ROLE;
use super::kinds::MadeKind;
use super::labels;
use super::name::object_name;
use crate::api::{Gateway, cut};

/// Longest name of an object of which no label of DNS is made, like a RoleBinding.
const LONG_NAME: usize = 253;

/// A Gateway, and what its objects share.
pub(super) struct Frame<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) install: &'a Install,
    /// Name of every object in its namespace.
    pub(super) name: String,
    /// Labels of every object in its namespace: the user's, and ours over them.
    pub(super) labels: BTreeMap<String, String>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(gateway: &'a Gateway, install: &'a Install) -> Self {
        let name = object_name(gateway);
        let mut labels = labels::copied(gateway);
        labels.extend(labels::ours(gateway, &name));
        Self { gateway, install, name, labels }
    }

    /// The Gateway's namespace.
    pub(super) fn namespace(&self) -> &str {
        &self.gateway.meta.name.namespace
    }

    /// Annotations of every object in its namespace.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        self.gateway.spec.infrastructure.as_ref().map(|given| given.annotations.clone()).unwrap_or_default()
    }

    /// An object in the Gateway's namespace, by the name that all have there. It belongs to the Gateway.
    pub(super) fn own(&self, kind: MadeKind, body: Value) -> DynamicObject {
        self.own_named(kind, self.name.clone(), body)
    }

    /// An object of another name in the Gateway's namespace. It belongs to the Gateway.
    pub(super) fn own_named(&self, kind: MadeKind, name: String, body: Value) -> DynamicObject {
        let metadata = ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace().to_owned()),
            labels: Some(self.labels.clone()),
            annotations: Some(self.annotations()).filter(|annotations| !annotations.is_empty()),
            owner_references: self.gateway.meta.uid.as_ref().map(|uid| vec![self.owned_by_gateway(uid)]),
            ..ObjectMeta::default()
        };
        object(kind, metadata, body)
    }

    /// An object elsewhere than in the Gateway's namespace, where a Gateway cannot own. It has none of the user's labels:
    /// whoever may write the Gateway may not mark objects there. It belongs to a role of the installation, and goes with it.
    pub(super) fn elsewhere(
        &self,
        kind: MadeKind,
        namespace: Option<&str>,
        name: String,
        body: Value,
    ) -> DynamicObject {
        let owner =
            self.install.cluster_role_uid.as_ref().map(|uid| owner(RBAC, "ClusterRole", CLUSTER_ROLE, uid, None));
        let metadata = ObjectMeta {
            name: Some(name),
            namespace: namespace.map(str::to_owned),
            labels: Some(labels::ours(self.gateway, &self.name)),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        object(kind, metadata, body)
    }

    /// Name of a right of this Gateway's, told from those of all other Gateways of the cluster: `RIGHT:NAMESPACE:NAME:CLASS`.
    /// A namespace is never cut, so that no Gateway of one can have the name of another's.
    pub(super) fn right(&self, right: &str) -> String {
        let class = &self.gateway.spec.gateway_class_name;
        cut(&format!("{right}:{}:{}:{class}", self.namespace(), self.gateway.meta.name.name), LONG_NAME)
    }

    fn owned_by_gateway(&self, uid: &str) -> OwnerReference {
        owner("gateway.networking.k8s.io/v1", "Gateway", &self.gateway.meta.name.name, uid, Some(true))
    }
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn owner(api_version: &str, kind: &str, name: &str, uid: &str, controller: Option<bool>) -> OwnerReference {
    OwnerReference {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        controller,
        block_owner_deletion: None,
    }
}

fn object(kind: MadeKind, metadata: ObjectMeta, data: Value) -> DynamicObject {
    let types = TypeMeta { api_version: kind.api_version(), kind: kind.kind.to_owned() };
    DynamicObject { types: Some(types), metadata, data }
}
