//! Statuses in the specification's own shapes, for `check` and for the controller's writes.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{ClassStatus, Condition, GatewayStatus, ListenerStatus, RouteParentStatus, RouteStatus, Statuses};
use crate::api::{CONTROLLER_NAME, Kind, ObjectRef, ParentRef, RouteGroupKind, StatusAddress};

/// One object's status, as its `status` field would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The object.
    pub object: ObjectRef,
    /// Its `status`.
    pub status: Value,
}

/// Longest message of a condition that the schema allows, in characters.
const LONGEST_MESSAGE: usize = 32_768;

/// Renders every status, in the order in which kinds are reported, then by name. Every condition has the time `since` as
/// its `lastTransitionTime`: who writes a status knows which conditions keep an older one.
pub fn render(statuses: &Statuses, since: Timestamp) -> Vec<Rendered> {
    let classes = statuses.classes.iter().map(|(name, status)| Rendered {
        object: ObjectRef { kind: Kind::GatewayClass, name: name.clone() },
        status: class(status, since),
    });
    let meshes = statuses.meshes.iter().map(|(name, status)| Rendered {
        object: ObjectRef { kind: Kind::XMesh, name: name.clone() },
        status: class(status, since),
    });
    let gateways = statuses.gateways.iter().map(|(name, status)| Rendered {
        object: ObjectRef { kind: Kind::Gateway, name: name.clone() },
        status: gateway(status, since),
    });
    let routes = statuses
        .routes
        .iter()
        .map(|(object, status)| Rendered { object: object.clone(), status: route(status, since) });
    classes.chain(meshes).chain(gateways).chain(routes).collect()
}

/// `GatewayClass.status`, or `XMesh.status`, as [`render`] does it.
pub fn class(status: &ClassStatus, since: Timestamp) -> Value {
    json!({ "conditions": conditions(&status.conditions, status.observed_generation, since) })
}

/// `Gateway.status`, as [`render`] does it.
pub fn gateway(status: &GatewayStatus, since: Timestamp) -> Value {
    let address = |address: &StatusAddress| match address {
        StatusAddress::Ip(ip) => json!({ "type": "IPAddress", "value": ip.to_string() }),
        StatusAddress::Hostname(name) => json!({ "type": "Hostname", "value": &**name }),
    };
    let listener = |status_of: &ListenerStatus| listener(status_of, status.observed_generation, since);
    json!({
        "addresses": status.addresses.iter().map(address).collect::<Vec<_>>(),
        "conditions": conditions(&status.conditions, status.observed_generation, since),
        "listeners": status.listeners.iter().map(listener).collect::<Vec<_>>(),
    })
}

/// `Gateway.status.listeners[]`
fn listener(status: &ListenerStatus, generation: i64, since: Timestamp) -> Value {
    let kind = |kind: &RouteGroupKind| {
        let group = kind.group.as_deref().unwrap_or(Kind::Gateway.group());
        json!({ "group": group, "kind": kind.kind })
    };
    json!({
        "name": status.name,
        "supportedKinds": status.supported_kinds.iter().map(kind).collect::<Vec<_>>(),
        "attachedRoutes": status.attached_routes,
        "conditions": conditions(&status.conditions, generation, since),
    })
}

/// `HTTPRoute.status`, `GRPCRoute.status`, as [`render`] does it.
pub fn route(status: &RouteStatus, since: Timestamp) -> Value {
    let parent = |parent: &RouteParentStatus| {
        json!({
            "parentRef": parent_ref(&parent.parent),
            "controllerName": CONTROLLER_NAME,
            "conditions": conditions(&parent.conditions, status.observed_generation, since),
        })
    };
    json!({ "parents": status.parents.iter().map(parent).collect::<Vec<_>>() })
}

/// The reference with group and kind spelled out, as the API server's defaults make it.
fn parent_ref(parent: &ParentRef) -> Value {
    let fields = [
        ("group", Some(json!(parent.group.as_deref().unwrap_or(Kind::Gateway.group())))),
        ("kind", Some(json!(parent.kind.as_deref().unwrap_or(Kind::Gateway.as_str())))),
        ("namespace", parent.namespace.as_ref().map(|namespace| json!(namespace))),
        ("name", Some(json!(parent.name))),
        ("sectionName", parent.section_name.as_ref().map(|name| json!(name))),
        ("port", parent.port.map(|port| json!(port))),
    ];
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

fn conditions(conditions: &[Condition], generation: i64, since: Timestamp) -> Vec<Value> {
    let condition = |condition: &Condition| {
        let message: String = condition.message.chars().take(LONGEST_MESSAGE).collect();
        json!({
            "type": condition.kind.as_str(),
            "status": if condition.holds { "True" } else { "False" },
            "reason": condition.reason.as_str(),
            "message": message,
            "observedGeneration": generation,
            "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        })
    };
    conditions.iter().map(condition).collect()
}

#[cfg(test)]
mod tests;
