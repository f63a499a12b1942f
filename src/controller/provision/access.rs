//! Rights: what a Gateway's pods may read, by its scope, and the one object that they may write (`docs/scope.md`).

use std::collections::{BTreeMap, BTreeSet};

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::frame::Frame;
use super::kinds::{CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING};
use crate::snapshot::{Namespaces, Scope, Secrets};

/// The installed ClusterRole of what every waypoint sees in the whole cluster.
pub const CLUSTER_ROLE: &str = "pingway-proxy-cluster";
/// The installed ClusterRole of what a waypoint sees in each namespace of its scope.
pub const NAMESPACE_ROLE: &str = "pingway-proxy-namespace";
/// The installed ClusterRole of what a waypoint sees in Istio's root namespace.
pub const ROOT_ROLE: &str = "pingway-proxy-root";

/// The installed ClusterRole of the Pods whose workloads a waypoint tells.
pub(super) const PODS_ROLE: &str = "pingway-proxy-pods";

/// Prefix of the names of Roles for Secrets outside the Gateway's namespace.
const SECRETS_ROLE: &str = "pingway-proxy-secrets";

const RBAC: &str = "rbac.authorization.k8s.io";

/// Roles and bindings of a Gateway's ServiceAccount.
pub(super) fn objects(frame: &Frame<'_>, scope: &Scope) -> Vec<DynamicObject> {
    let mut secrets = secrets(scope);
    let own_secrets = secrets.remove(frame.namespace()).unwrap_or_default();
    let mut objects = vec![
        frame.own(ROLE, json!({ "rules": own_rules(frame, &own_secrets) })),
        frame.own(ROLE_BINDING, binding(frame, "Role", &frame.name)),
        frame.elsewhere(
            CLUSTER_ROLE_BINDING,
            None,
            frame.right(CLUSTER_ROLE),
            binding(frame, "ClusterRole", CLUSTER_ROLE),
        ),
    ];
    objects.extend(of_namespaces(frame, scope));
    objects.extend(pods(frame, scope));
    for (namespace, names) in secrets {
        let (namespace, right) = (Some(namespace), frame.right(SECRETS_ROLE));
        objects.push(frame.elsewhere(ROLE, namespace, right.clone(), json!({ "rules": [read_secrets(&names)] })));
        let binding = binding(frame, "Role", &right);
        objects.push(frame.elsewhere(ROLE_BINDING, namespace, right, binding));
    }
    objects
}

/// Routes, Services and Istio's policies: in each namespace of the scope, or in all.
fn of_namespaces(frame: &Frame<'_>, scope: &Scope) -> Vec<DynamicObject> {
    let (name, binding) = (frame.right(NAMESPACE_ROLE), binding(frame, "ClusterRole", NAMESPACE_ROLE));
    let (Namespaces::Named(routes), Namespaces::Named(services), Namespaces::Named(policies)) =
        (&scope.routes, &scope.services, &scope.policies)
    else {
        return vec![frame.elsewhere(CLUSTER_ROLE_BINDING, None, name, binding)];
    };
    let root = policies.difference(services).map(|namespace| {
        let binding = self::binding(frame, "ClusterRole", ROOT_ROLE);
        frame.elsewhere(ROLE_BINDING, Some(namespace), frame.right(ROOT_ROLE), binding)
    });
    let each = routes.union(services).map(|namespace| bind_in(frame, namespace, name.clone(), binding.clone()));
    each.chain(root).collect()
}

/// Pods: in each namespace where they are seen, or in all.
fn pods(frame: &Frame<'_>, scope: &Scope) -> Vec<DynamicObject> {
    let (name, binding) = (frame.right(PODS_ROLE), binding(frame, "ClusterRole", PODS_ROLE));
    match &scope.pods {
        Namespaces::All => vec![frame.elsewhere(CLUSTER_ROLE_BINDING, None, name, binding)],
        Namespaces::Named(names) => {
            names.iter().map(|namespace| bind_in(frame, namespace, name.clone(), binding.clone())).collect()
        }
    }
}

/// A binding in a namespace, which is the Gateway's own or another.
fn bind_in(frame: &Frame<'_>, namespace: &str, name: String, binding: Value) -> DynamicObject {
    match namespace {
        own if own == frame.namespace() => frame.own_named(ROLE_BINDING, name, binding),
        other => frame.elsewhere(ROLE_BINDING, Some(other), name, binding),
    }
}

/// What only this Gateway's pods may: their Gateway, their report, and their certificates, each by name.
fn own_rules(frame: &Frame<'_>, secrets: &BTreeSet<&str>) -> Vec<Value> {
    let mut rules = vec![
        json!({
            "apiGroups": ["gateway.networking.k8s.io"], "resources": ["gateways"],
            "resourceNames": [&*frame.gateway.meta.name.name], "verbs": ["get", "list", "watch"],
        }),
        json!({
            "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [frame.name], "verbs": ["get", "patch"],
        }),
    ];
    if !secrets.is_empty() {
        rules.push(read_secrets(secrets));
    }
    rules
}

fn read_secrets(names: &BTreeSet<&str>) -> Value {
    json!({ "apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get", "list", "watch"] })
}

/// The Secrets of a scope, by namespace. A waypoint's are named, each; it never has all of a namespace.
fn secrets(scope: &Scope) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut by_namespace: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    if let Secrets::Named(names) = &scope.secrets {
        for secret in names {
            by_namespace.entry(&*secret.namespace).or_default().insert(&*secret.name);
        }
    }
    by_namespace
}

/// A role for the Gateway's ServiceAccount.
fn binding(frame: &Frame<'_>, kind: &str, role: &str) -> Value {
    json!({
        "roleRef": { "apiGroup": RBAC, "kind": kind, "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": frame.name, "namespace": frame.namespace() }],
    })
}
