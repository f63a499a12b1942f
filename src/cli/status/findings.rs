//! What is wrong, what comes of it, and what to do. One function for each thing that it is about.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::naming::Naming;
use super::replicas::of_replicas;
use super::report::{Finding, Level, Waypoint};
use crate::api::ambient::USE_WAYPOINT;
use crate::api::{GATEWAY_NAME, Gateway, Kind, ObjectName, ObjectRef, Service, label_value};
use crate::compile::BINDING;
use crate::snapshot::served_hosts;

/// What takes a namespace, or a pod, into the mesh: `ambient`.
pub(super) const MODE: &str = "istio.io/dataplane-mode";

const SAYS_NOTHING: &str = "istiod says nothing of its waypoint";
const LOOK_FOR_ISTIOD: &str = "look whether istiod runs, with the ambient profile";

/// Whether a waypoint that serves these serves this.
pub(super) fn is_served(facts: &Facts, object: &ObjectRef, served: &BTreeSet<ObjectName>) -> bool {
    match object.kind {
        Kind::ServiceEntry => {
            let entry = facts.snapshot.entries.get(&object.name);
            entry.is_some_and(|entry| served_hosts(entry).any(|host| served.contains(&host)))
        }
        _ => served.contains(&object.name),
    }
}

/// What is found about one object.
pub(super) struct Told<'a> {
    pub(super) object: String,
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Told<'_> {
    /// Adds a finding.
    pub(super) fn tell(&mut self, level: Level, what: impl Into<String>, todo: impl Into<String>) {
        let object = self.object.clone();
        self.findings.push(Finding { level, object, what: what.into(), todo: todo.into() });
    }
}

/// What is wrong with a Gateway of ours.
pub(super) fn of_gateway(facts: &Facts, gateway: &Gateway, waypoint: &Waypoint, findings: &mut Vec<Finding>) {
    let about = ObjectRef { kind: Kind::Gateway, name: gateway.meta.name.clone() };
    let mut told = Told { object: about.to_string(), findings };
    if waypoint.addresses.is_empty() && waypoint.is_used() {
        let todo = "see why it is not programmed: it gets addresses with its first ready pod";
        told.tell(Level::Error, "has no status.addresses: istiod lets traffic pass it by", todo);
    }
    for (kind, todo) in [
        ("Accepted", "mend what the message names"),
        ("Programmed", "mend what the message names; `kubectl describe` its Deployment where pods do not come up"),
        ("pingway.dev/Provisioned", "mend what the API server refuses"),
        ("pingway.dev/PoliciesEnforced", "remove the policies, or set unenforcedPolicies in PingwayParameters"),
        ("pingway.dev/ServiceEntriesServed", "change the ServiceEntries, or enroll them with another waypoint"),
    ] {
        if let Some(["False", reason, message]) = facts.condition(&about, kind) {
            told.tell(Level::Error, format!("{kind} is False, {reason}: {message}"), todo);
        }
    }
    binding(facts, gateway, &mut told);
    of_replicas(facts, gateway, waypoint, &mut told);
}

/// A Gateway of a class that nobody made, so that it is nobody's.
pub(super) fn of_class(facts: &Facts, gateway: &Gateway, findings: &mut Vec<Finding>) {
    let class = gateway.spec.gateway_class_name.as_str();
    if !facts.sees("GatewayClass") || facts.snapshot.classes.contains_key(&ObjectName::cluster(class)) {
        return;
    }
    let about = ObjectRef { kind: Kind::Gateway, name: gateway.meta.name.clone() };
    let what = format!("is of class {class}, which is not there: nobody serves it");
    let todo = "make that GatewayClass, or correct spec.gatewayClassName; Pingway's come with its installation";
    Told { object: about.to_string(), findings }.tell(Level::Error, what, todo);
}

/// Not one Gateway of ours is what was asked for.
pub(super) fn of_none(
    facts: &Facts,
    namespace: Option<&str>,
    gateway: Option<&str>,
    wanted: impl Fn(&ObjectName) -> bool,
    findings: &mut Vec<Finding>,
) {
    let object = match (namespace, gateway) {
        (None, None) => return,
        (Some(namespace), None) => format!("Namespace {namespace}"),
        (None, Some(gateway)) => format!("Gateway {gateway}"),
        (Some(namespace), Some(gateway)) => format!("Gateway {namespace}/{gateway}"),
    };
    // What may not be listed is not missing; nor is what has been told of already.
    if !facts.sees("Gateway") || !facts.sees("GatewayClass") || !findings.is_empty() {
        return;
    }
    let what = match gateway {
        None => "has no Gateway of Pingway's",
        Some(_) if facts.snapshot.gateways.keys().any(wanted) => "is not Pingway's: its class is another controller's",
        Some(_) => "is not there",
    };
    let todo = "correct --namespace or --gateway; see `kubectl get gateways -A`";
    Told { object, findings }.tell(Level::Error, what, todo);
}

/// An annotation that istiod takes for none, or that is not served.
fn binding(facts: &Facts, gateway: &Gateway, told: &mut Told<'_>) {
    let Some(text) = binding_of(facts, gateway) else {
        let todo = format!("annotate the Gateway or its class with {BINDING}: PROXY/15088");
        return told.tell(
            Level::Warning,
            "has no inbound binding: only its own listeners serve, without identity",
            todo,
        );
    };
    let port = text.strip_prefix("PROXY/").and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0);
    if text != "NONE" && !text.starts_with("NONE/") && !port {
        let what = format!("{BINDING} is {text:?}, by which nothing is handed over to it");
        told.tell(Level::Error, what, "write PROXY/15088, in capital letters and with the port");
    }
}

/// What is wrong with something that names a Gateway of ours.
pub(super) fn of_enrolled(
    facts: &Facts,
    gateway: &Gateway,
    naming: &Naming,
    served: bool,
    findings: &mut Vec<Finding>,
) {
    let (object, name) = (&naming.object, &gateway.meta.name);
    let served = served || object.kind == Kind::ServiceEntry;
    let mut told = Told { object: object.to_string(), findings };
    let service = facts.snapshot.services.get(&object.name).filter(|_| object.kind == Kind::Service);
    if service.is_some_and(|service| is_of(service, gateway)) {
        let todo = "label it istio.io/use-waypoint: none";
        return told.tell(Level::Error, format!("is Gateway {name}'s own, and bound to itself"), todo);
    }
    if let Some(why) = service.and_then(|service| not_dialled(service)) {
        let what = format!("{why}: nothing of it is served, and what is sent to it goes past Gateway {name}");
        // Whatever istiod makes of it changes nothing.
        return told.tell(Level::Warning, what, "label it istio.io/use-waypoint: none");
    }
    if service.is_some_and(|service| is_headless(service)) {
        let what = format!("is headless: clients dial its pods, past Gateway {name}");
        told.tell(Level::Warning, what, "give it a ClusterIP, or label it istio.io/use-waypoint: none");
    } else if !served && is_bound_to_proxy(facts, gateway) {
        let what = format!("names Gateway {name}, which may not serve it");
        let todo = "label the Gateway istio.io/waypoint-for: service or all; for another namespace, give it a listener of \
                    protocol istio.io/PROXY on its binding's port that lets that namespace in by allowedRoutes";
        told.tell(Level::Error, what, todo);
    }
    if naming.is_canary(name) {
        of_canary(facts, name, naming, &mut told);
    } else {
        of_bound(facts, name, naming, &mut told);
    }
    let namespace = facts.snapshot.namespaces.get(&ObjectName::cluster(object.name.namespace.clone()));
    let mode = namespace.and_then(|namespace| namespace.metadata.labels.as_ref()?.get(MODE));
    if namespace.is_some() && mode.is_none_or(|mode| mode != "ambient") {
        let mut told = Told { object: format!("Namespace {}", object.name.namespace), findings: told.findings };
        let what =
            format!("has what is enrolled with Gateway {name}, and its own pods are not in the mesh: they pass it by");
        told.tell(Level::Warning, what, format!("label it {MODE}: ambient, unless its pods are labelled one by one"));
    }
}

/// What istiod makes of its primary waypoint.
fn of_bound(facts: &Facts, name: &ObjectName, naming: &Naming, told: &mut Told<'_>) {
    match naming.bound(facts) {
        Some(["True", ..]) => {}
        Some([_, reason, message]) => {
            let what = format!("istiod does not bind it, {reason}: {message}; traffic passes Gateway {name} by");
            told.tell(Level::Error, what, todo_of(reason));
        }
        None => {
            told.tell(Level::Warning, SAYS_NOTHING, LOOK_FOR_ISTIOD);
        }
    }
}

/// What istiod makes of its canary.
fn of_canary(facts: &Facts, name: &ObjectName, naming: &Naming, told: &mut Told<'_>) {
    let label = USE_WAYPOINT[0].0;
    let Some(primary) = &naming.primary else {
        let what = format!(
            "names Gateway {name} as its canary, and no other: istiod takes no canary alone, so traffic passes it by"
        );
        return told.tell(Level::Error, what, format!("name the waypoint that it is moved from by the label {label}"));
    };
    if let Some(said) = naming.of_canary(facts) {
        let what = format!(
            "names Gateway {name} as its canary, and istiod says: {said}; connections are left to Gateway {primary}"
        );
        return told.tell(Level::Error, what, "see what istiod's message names");
    }
    match naming.bound(facts) {
        Some(["True", ..]) => {}
        Some([_, reason, message]) => {
            let what = format!(
                "istiod does not bind it to Gateway {primary}, {reason}: {message}; it takes no canary, Gateway {name}, alone"
            );
            told.tell(Level::Error, what, format!("see why, or correct the label {label}"));
        }
        None => told.tell(Level::Warning, SAYS_NOTHING, LOOK_FOR_ISTIOD),
    }
}

fn todo_of(reason: &str) -> &'static str {
    match reason {
        "AttachmentDenied" => {
            "give the Gateway a listener of protocol istio.io/PROXY on its binding's port that lets the namespace in by allowedRoutes"
        }
        "UnsupportedTrafficType" => "label the Gateway istio.io/waypoint-for: service or all",
        "WaypointIsNotReady" => "see why the Gateway is not programmed",
        _ => "see what istiod's message names",
    }
}

/// Why clients can't dial a Service by an address of its own, so that there is nothing to serve; `None`: they can, or it is headless.
fn not_dialled(service: &Service) -> Option<&'static str> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return Some("is of type ExternalName, without an address of its own");
    }
    let is_tcp = |protocol: Option<&str>| protocol.is_none_or(|protocol| protocol == "TCP");
    let tcp = spec.ports.iter().flatten().any(|port| is_tcp(port.protocol.as_deref()));
    (!tcp).then_some("has no port of TCP")
}

fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

/// Whether a Service is the one before a Gateway's pods.
fn is_of(service: &Service, gateway: &Gateway) -> bool {
    let label = service.metadata.labels.as_ref().and_then(|labels| labels.get(GATEWAY_NAME));
    service.metadata.namespace.as_deref() == Some(&*gateway.meta.name.namespace)
        && label == Some(&label_value(&gateway.meta.name.name))
}

/// Whether ztunnel hands over to a Gateway with the dialled address, so that enrolment decides what is served.
pub(super) fn is_bound_to_proxy(facts: &Facts, gateway: &Gateway) -> bool {
    binding_of(facts, gateway).is_some_and(|text| text.starts_with("PROXY/"))
}

/// The inbound binding as it is written, on the Gateway or its class.
fn binding_of<'f>(facts: &'f Facts, gateway: &'f Gateway) -> Option<&'f String> {
    let class = facts.snapshot.classes.get(&ObjectName::cluster(gateway.spec.gateway_class_name.as_str()));
    let of_class = || class.and_then(|class| class.meta.annotations.get(BINDING));
    gateway.meta.annotations.get(BINDING).or_else(of_class)
}
