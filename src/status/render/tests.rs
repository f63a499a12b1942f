//! Rendered statuses are what the specification's types read.

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_api::experimental::{gatewayclasses, gateways, grpcroutes, httproutes};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Rendered, render};
use crate::api::{CONTROLLER_NAME, Kind, ObjectName, ObjectRef, ParentRef, RouteGroupKind, StatusAddress};
use crate::shared_map::SharedMap;
use crate::status::{
    ClassStatus, Condition, ConditionType, GatewayStatus, ListenerStatus, Reason, RouteParentStatus, RouteStatus,
    Statuses,
};

fn accepted() -> Condition {
    Condition { kind: ConditionType::Accepted, holds: true, reason: Reason::Accepted, message: "fine".to_owned() }
}

fn refused() -> Condition {
    Condition {
        kind: ConditionType::Accepted,
        holds: false,
        reason: Reason::NoMatchingParent,
        message: "spec.parentRefs[0].sectionName: no listener is named web".to_owned(),
    }
}

fn route() -> Arc<RouteStatus> {
    let parent = ParentRef {
        group: None,
        kind: None,
        namespace: Some("edge".to_owned()),
        name: "main".to_owned(),
        section_name: Some("web".to_owned()),
        port: Some(80),
    };
    let plain = ParentRef { namespace: None, section_name: None, port: None, ..parent.clone() };
    let parents = vec![
        RouteParentStatus { parent, conditions: vec![refused()] },
        RouteParentStatus { parent: plain, conditions: vec![accepted()] },
    ];
    Arc::new(RouteStatus { observed_generation: 7, parents })
}

fn statuses() -> Statuses {
    let listener = ListenerStatus {
        name: "web".to_owned(),
        supported_kinds: vec![RouteGroupKind { group: None, kind: "HTTPRoute".to_owned() }],
        attached_routes: 2,
        conditions: vec![accepted()],
    };
    let gateway = GatewayStatus {
        observed_generation: 3,
        conditions: vec![accepted()],
        listeners: vec![listener],
        addresses: vec![StatusAddress::Ip([10, 0, 0, 1].into()), StatusAddress::Hostname("edge.test".into())],
    };
    let name = ObjectName::new("shop", "cart");
    let class = ClassStatus { observed_generation: 1, conditions: vec![accepted()] };
    Statuses {
        meshes: BTreeMap::new(),
        classes: BTreeMap::from([(ObjectName::cluster("pingway"), class)]),
        gateways: BTreeMap::from([(ObjectName::new("edge", "main"), Arc::new(gateway))]),
        routes: SharedMap::from_iter([
            (ObjectRef { kind: Kind::HttpRoute, name: name.clone() }, route()),
            (ObjectRef { kind: Kind::GrpcRoute, name }, route()),
        ]),
        warnings: Vec::new(),
    }
}

fn rendered() -> Vec<Rendered> {
    render(&statuses(), Timestamp::UNIX_EPOCH)
}

/// The specification's type of an object's status; what it does not know would be lost on the way there and back.
fn typed<T: DeserializeOwned + serde::Serialize>(kind: Kind) -> T {
    let found = rendered().into_iter().find(|rendered| rendered.object.kind == kind).expect("rendered");
    let typed: T = serde_json::from_value(found.status.clone()).expect("the specification's shape");
    assert_eq!(serde_json::to_value(&typed).expect("JSON"), found.status);
    typed
}

#[test]
fn every_status_is_of_the_specifications_type() {
    assert_eq!(rendered().len(), 4);
    let class: gatewayclasses::GatewayClassStatus = typed(Kind::GatewayClass);
    assert_eq!(class.conditions.map(|conditions| conditions.len()), Some(1));
    let gateway: gateways::GatewayStatus = typed(Kind::Gateway);
    assert_eq!(gateway.listeners.map(|listeners| listeners[0].attached_routes), Some(2));
    let http: httproutes::HttpRouteStatus = typed(Kind::HttpRoute);
    let grpc: grpcroutes::GrpcRouteStatus = typed(Kind::GrpcRoute);
    assert_eq!((http.parents.len(), grpc.parents.len()), (2, 2));
}

#[test]
fn a_routes_status_spells_its_parents_out() {
    let found = rendered().into_iter().find(|rendered| rendered.object.kind == Kind::HttpRoute).expect("rendered");
    let parents = &found.status["parents"];
    assert_eq!(parents[0]["controllerName"], CONTROLLER_NAME);
    assert_eq!(
        parents[0]["parentRef"],
        json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "edge", "name": "main",
            "sectionName": "web", "port": 80})
    );
    assert_eq!(
        parents[1]["parentRef"],
        json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "main"})
    );
    assert_eq!(
        parents[0]["conditions"],
        json!([{"type": "Accepted", "status": "False", "reason": "NoMatchingParent", "observedGeneration": 7,
            "message": "spec.parentRefs[0].sectionName: no listener is named web",
            "lastTransitionTime": "1970-01-01T00:00:00Z"}])
    );
}

#[test]
fn a_message_beyond_the_schemas_limit_is_cut() {
    let mut statuses = statuses();
    let class = ClassStatus {
        observed_generation: 1,
        conditions: vec![Condition { message: "ü".repeat(40_000), ..accepted() }],
    };
    statuses.classes.insert(ObjectName::cluster("pingway"), class);
    let rendered = render(&statuses, Timestamp::UNIX_EPOCH);
    let message = rendered[0].status["conditions"][0]["message"].as_str().expect("text");
    assert_eq!(message.chars().count(), 32_768);
}
