//! What a check found, and what of it is wrong.

use std::sync::Arc;

use crate::api::{Gateway, Kind, ObjectName, ObjectRef, ParentRef};
use crate::snapshot::Snapshot;
use crate::source::Problem;
use crate::status::{Condition, ConditionType, Statuses};

/// What a check found.
#[derive(Debug)]
pub(super) struct Findings {
    /// The statuses of what is ours, with warnings.
    pub(super) statuses: Statuses,
    /// What is not ours, so that it gets no status from us.
    pub(super) not_ours: Vec<NotOurs>,
    /// What is wrong with the manifests themselves.
    pub(super) problems: Vec<Problem>,
    /// What is odd in them.
    pub(super) oddities: Vec<Problem>,
}

/// A Gateway, or one of a route's parents, that is no concern of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotOurs {
    /// The object.
    pub(super) object: ObjectRef,
    /// Why, for people.
    pub(super) why: String,
    /// Nobody's, as far as these manifests say: what it refers to is not there.
    pub(super) dangling: bool,
}

/// A list of conditions and what it is of.
pub(super) struct Subject<'a> {
    /// The object.
    pub(super) object: ObjectRef,
    /// The part of it: a listener, or a route's parent.
    pub(super) part: Option<String>,
    /// Its conditions.
    pub(super) conditions: &'a [Condition],
}

impl Findings {
    pub(super) fn new(snapshot: &Snapshot, statuses: Statuses, problems: Vec<Problem>) -> Self {
        let gateways = snapshot.gateways.iter().filter(|(name, _)| !statuses.gateways.contains_key(*name));
        let mut not_ours: Vec<NotOurs> = gateways.map(|(_, gateway)| foreign_gateway(snapshot, gateway)).collect();
        let mut judge = |kind: Kind, name: &ObjectName, parents: &[ParentRef]| {
            let object = ObjectRef { kind, name: name.clone() };
            not_ours.extend(foreign_parents(snapshot, &statuses, &object, parents));
        };
        snapshot.http_routes.iter().for_each(|(name, route)| judge(Kind::HttpRoute, name, &route.spec.parent_refs));
        snapshot.grpc_routes.iter().for_each(|(name, route)| judge(Kind::GrpcRoute, name, &route.spec.parent_refs));
        snapshot.tls_routes.iter().for_each(|(name, route)| judge(Kind::TlsRoute, name, &route.spec.parent_refs));
        snapshot.tcp_routes.iter().for_each(|(name, route)| judge(Kind::TcpRoute, name, &route.spec.parent_refs));
        let (oddities, problems) = problems.into_iter().partition(|problem| problem.kind.is_warning());
        Self { statuses, not_ours, problems, oddities }
    }

    /// Every list of conditions, in the order in which objects are reported.
    pub(super) fn subjects(&self) -> Vec<Subject<'_>> {
        let mut subjects = Vec::new();
        let mut push = |object: ObjectRef, part, conditions| subjects.push(Subject { object, part, conditions });
        for (name, class) in &self.statuses.classes {
            push(ObjectRef { kind: Kind::GatewayClass, name: name.clone() }, None, class.conditions.as_slice());
        }
        for (name, mesh) in &self.statuses.meshes {
            push(ObjectRef { kind: Kind::XMesh, name: name.clone() }, None, mesh.conditions.as_slice());
        }
        for (name, gateway) in &self.statuses.gateways {
            let object = ObjectRef { kind: Kind::Gateway, name: name.clone() };
            push(object.clone(), None, &gateway.conditions);
            for listener in &gateway.listeners {
                let (routes, s) = (listener.attached_routes, if listener.attached_routes == 1 { "" } else { "s" });
                let part = format!("listener {}, {routes} route{s}", listener.name);
                push(object.clone(), Some(part), &listener.conditions);
            }
        }
        for (object, route) in self.statuses.routes.iter() {
            for parent in &route.parents {
                push(object.clone(), Some(describe(&parent.parent, object)), &parent.conditions);
            }
        }
        subjects
    }

    /// All that is wrong, each in a few words.
    pub(super) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for subject in self.subjects() {
            for condition in subject.conditions.iter().filter(|condition| is_wrong(condition)) {
                let (kind, reason) = (condition.kind.as_str(), condition.reason.as_str());
                wrong.push(match subject.part.as_ref().filter(|_| subject.object.kind == Kind::Gateway) {
                    Some(part) => format!("{} {part}: {kind} {reason}", subject.object),
                    None => format!("{}: {kind} {reason}", subject.object),
                });
            }
        }
        let dangling = self.not_ours.iter().filter(|not_ours| not_ours.dangling);
        wrong.extend(dangling.map(|not_ours| format!("{}: {}", not_ours.object, not_ours.why)));
        wrong.extend(self.problems.iter().map(ToString::to_string));
        wrong.dedup();
        wrong
    }
}

/// Whether a condition says that something is not served as it is written.
pub(super) fn is_wrong(condition: &Condition) -> bool {
    match condition.kind {
        ConditionType::Accepted
        | ConditionType::ResolvedRefs
        | ConditionType::Programmed
        | ConditionType::SupportedVersion
        | ConditionType::Provisioned
        | ConditionType::PoliciesEnforced
        | ConditionType::ServiceEntriesServed => !condition.holds,
        ConditionType::Conflicted | ConditionType::PartiallyInvalid => condition.holds,
        ConditionType::OverlappingTlsConfig => false,
    }
}

fn foreign_gateway(snapshot: &Snapshot, gateway: &Arc<Gateway>) -> NotOurs {
    let class = &gateway.spec.gateway_class_name;
    let (why, dangling) = match snapshot.classes.get(&ObjectName::cluster(class.as_str())) {
        Some(found) => (format!("its class {class} is of controller {}", found.spec.controller_name), false),
        None => (format!("its class {class} is not in these manifests"), true),
    };
    NotOurs { object: ObjectRef { kind: Kind::Gateway, name: gateway.meta.name.clone() }, why, dangling }
}

/// The parents of a route that say nothing of it.
fn foreign_parents(snapshot: &Snapshot, statuses: &Statuses, route: &ObjectRef, parents: &[ParentRef]) -> Vec<NotOurs> {
    let not_ours = |why, dangling| NotOurs { object: route.clone(), why, dangling };
    if parents.is_empty() {
        return vec![not_ours("it names no parent".to_owned(), false)];
    }
    let status = statuses.routes.get(route);
    let speaks =
        |parent: &&ParentRef| status.is_some_and(|status| status.parents.iter().any(|of| of.parent == **parent));
    let silent = parents.iter().filter(|parent| !speaks(parent));
    silent
        .map(|parent| {
            let (described, is_gateway) = (describe(parent, route), is_gateway(parent));
            let name = ObjectName::new(namespace(parent, route), parent.name.as_str());
            match snapshot.gateways.contains_key(&name) {
                _ if !is_gateway => not_ours(format!("its {described} is not supported"), true),
                true => not_ours(format!("its {described} is not ours"), false),
                false => not_ours(format!("its {described} is not in these manifests"), true),
            }
        })
        .collect()
}

fn is_gateway(parent: &ParentRef) -> bool {
    parent.group.as_deref().is_none_or(|group| group == Kind::Gateway.group())
        && parent.kind.as_deref().is_none_or(|kind| kind == Kind::Gateway.as_str())
}

fn namespace<'a>(parent: &'a ParentRef, route: &'a ObjectRef) -> &'a str {
    parent.namespace.as_deref().unwrap_or(&route.name.namespace)
}

/// `parent Gateway shop/main, listener web, port 80`
fn describe(parent: &ParentRef, route: &ObjectRef) -> String {
    let kind = parent.kind.as_deref().unwrap_or(Kind::Gateway.as_str());
    let listener = parent.section_name.as_ref().map(|name| format!(", listener {name}")).unwrap_or_default();
    let port = parent.port.map(|port| format!(", port {port}")).unwrap_or_default();
    format!("parent {kind} {}/{}{listener}{port}", namespace(parent, route), parent.name)
}
