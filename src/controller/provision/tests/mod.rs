//! What is made for Gateways, as users see it.

mod drift;
mod golden;
mod metadata;
mod rights;
mod scaling;
mod service;

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::{Install, Parameters, objects};
use crate::api::decode::{Decoded, decode};
use crate::api::parameters::{PodTemplate, overlay};
use crate::api::{Gateway, Item, ObjectName};
use crate::snapshot::{Namespaces, Scope, Secrets};

/// A Gateway `shop/waypoint`, with what is given merged into it.
fn gateway(metadata: Value, spec: Value) -> Arc<Gateway> {
    let mut object = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": { "namespace": "shop", "name": "waypoint", "uid": "5f1c" },
        "spec": { "gatewayClassName": "pingway", "listeners": [{ "name": "http", "port": 80, "protocol": "HTTP" }] },
    });
    overlay::merge(&mut object, &json!({ "metadata": metadata, "spec": spec }));
    match decode(object) {
        Ok(Decoded::Item(Item::Gateway(gateway))) => gateway,
        other => panic!("no Gateway: {other:?}"),
    }
}

fn template(given: Value) -> PodTemplate {
    serde_json::from_value(given).expect("a template")
}

fn install() -> Install {
    Install { image: "registry.example/pingway:1".to_owned(), cluster_role_uid: Some("c1".to_owned()) }
}

fn named(names: &[&str]) -> Namespaces {
    Namespaces::Named(names.iter().map(|&name| name.into()).collect())
}

/// A scope of these namespaces, and Secrets by `namespace/name`.
fn scope(routes: Namespaces, services: Namespaces, secrets: &[&str]) -> Scope {
    let secrets = secrets.iter().filter_map(|secret| secret.split_once('/'));
    let secrets: BTreeSet<_> = secrets.map(|(namespace, name)| ObjectName::new(namespace, name)).collect();
    let (gateway, secrets) = (Some(ObjectName::new("shop", "waypoint")), Secrets::Named(secrets));
    Scope { gateway, routes, policies: services.clone(), services, pods: Namespaces::none(), secrets }
}

fn own_namespace() -> Scope {
    scope(named(&["shop"]), named(&["shop"]), &[])
}

/// What is made for a Gateway that sees its own namespace.
fn made(gateway: &Gateway, parameters: &Parameters) -> Vec<DynamicObject> {
    objects(gateway, parameters, &own_namespace(), &install())
}

fn kind_of(object: &DynamicObject) -> &str {
    object.types.as_ref().map_or("", |types| &types.kind)
}

/// The one object of a kind.
fn one<'o>(objects: &'o [DynamicObject], kind: &str) -> &'o DynamicObject {
    let mut found = objects.iter().filter(|object| kind_of(object) == kind);
    let object = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    object
}

/// A field of the one object of a kind, by its pointer.
fn field(objects: &[DynamicObject], kind: &str, pointer: &str) -> Value {
    one(objects, kind).data.pointer(pointer).cloned().unwrap_or_default()
}
