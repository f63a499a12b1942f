//! Istio's policies that are about a Gateway, its class, or a Service that is enrolled with it. None is enforced yet, so each is
//! told, and what those that decide which requests pass would judge is refused, unless the parameters say otherwise.
//!
//! Never here: what a policy asks for.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Meshes;
use crate::api::parameters::Unenforced;
use crate::api::{Gateway, ObjectName, ObjectRef, Policy, PolicyTarget};
use crate::compile::gateway::Resolved;
use crate::compile::parameters::policy_settings;
use crate::compile::verdict::fails_by_each;
use crate::compile::{Options, Placement, scope};
use crate::snapshot::{Namespaces, Snapshot, served_hosts};
use crate::status::{Condition, ConditionType, Reason, Warning, WarningKind};
use crate::table::policy::Denied;

/// The name of a Service in the mesh ends so, where no cluster has another domain.
const DOMAIN: &str = "svc.cluster.local";

/// A policy at a Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::compile) struct Found<'s> {
    policy: &'s ObjectRef,
    reach: Reach<'s>,
    fate: Fate,
}

/// What becomes of what a policy would judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Refused,
    Passes,
    /// It would be refused, but the waypoint's pods do not see the policy.
    Unseen,
}

/// What a policy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach<'s> {
    Gateway,
    Service(&'s ObjectName),
}

/// The policies at each Gateway, those that refuse first.
#[derive(Debug, Default)]
pub(in crate::compile) struct Policies<'s>(BTreeMap<&'s ObjectName, Vec<Found<'s>>>);

impl<'s> Policies<'s> {
    /// Of all Gateways that are served.
    pub(in crate::compile) fn find(
        snapshot: &'s Snapshot,
        options: &Options,
        gateways: &'s [Resolved<'s>],
        meshes: &'s Meshes,
    ) -> Self {
        if snapshot.policies.is_empty() {
            return Self::default();
        }
        let targets = Targets::of(snapshot);
        let served = gateways.iter().filter(|gateway| gateway.accepted.is_ok());
        let found = served.map(|gateway| (gateway.view.name(), targets.at(snapshot, options, gateway, meshes)));
        Self(found.filter(|(_, found)| !found.is_empty()).collect())
    }

    fn at(&self, gateway: &ObjectName) -> &[Found<'s>] {
        self.0.get(gateway).map_or(&[], Vec::as_slice)
    }

    /// What a Gateway refuses; `None`: nothing.
    pub(in crate::compile) fn denied(&self, gateway: &ObjectName) -> Option<Denied> {
        let mut denied = Denied::default();
        for found in self.at(gateway).iter().filter(|found| found.fate == Fate::Refused) {
            match found.reach {
                Reach::Gateway => drop(denied.all.get_or_insert_with(|| found.policy.clone())),
                Reach::Service(service) => {
                    denied.services.entry(service.clone()).or_insert_with(|| found.policy.clone());
                }
            }
        }
        (denied != Denied::default()).then_some(denied)
    }

    /// The condition of a Gateway that names each; `None`: there is none.
    pub(in crate::compile) fn condition(&self, gateway: &ObjectName) -> Option<Condition> {
        let sentence = |one: &Found<'_>| format!("{} is not enforced: {}", one.policy, one.outcome());
        let sentences = self.at(gateway).iter().map(sentence);
        fails_by_each(ConditionType::PoliciesEnforced, Reason::PolicyNotEnforced, sentences)
    }

    /// A warning about each policy, for each Gateway.
    pub(in crate::compile) fn warnings(&self) -> impl Iterator<Item = Warning> {
        self.0.iter().flat_map(|(gateway, found)| {
            found.iter().map(move |found| Warning {
                object: found.policy.clone(),
                kind: WarningKind::PolicyNotEnforced,
                field: String::new(),
                message: format!("is not enforced at Gateway {gateway}: {}", found.outcome()),
            })
        })
    }
}

impl Found<'_> {
    /// What becomes of requests.
    fn outcome(&self) -> String {
        let reach = self.reach;
        match self.fate {
            Fate::Refused => format!("{reach} is refused (403)"),
            Fate::Passes => format!("{reach} passes without it"),
            Fate::Unseen => {
                format!("{reach} passes without it, for it is in a namespace that the waypoint does not see")
            }
        }
    }
}

impl fmt::Display for Reach<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("whatever comes"),
            Self::Service(service) => write!(f, "what is sent to Service {service}"),
        }
    }
}

type Named<'s, K> = BTreeMap<K, Vec<(&'s ObjectRef, &'s Policy)>>;

/// Policies by whom they are about.
#[derive(Default)]
struct Targets<'s> {
    gateways: Named<'s, &'s ObjectName>,
    classes: Named<'s, &'s str>,
    services: Named<'s, ObjectName>,
    /// By a host that is no Service's.
    hosts: Named<'s, &'s str>,
    /// By the end of a Service's name in the mesh.
    patterns: Named<'s, &'s str>,
}

impl<'s> Targets<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        let mut targets = Self::default();
        for (name, policy) in &snapshot.policies {
            let named = (name, &**policy);
            for target in &policy.spec.targets {
                match target {
                    PolicyTarget::Gateway(gateway) => targets.gateways.entry(gateway).or_default().push(named),
                    PolicyTarget::GatewayClass(class) => targets.classes.entry(class).or_default().push(named),
                    PolicyTarget::Service(service) => {
                        targets.services.entry(service.clone()).or_default().push(named);
                    }
                    PolicyTarget::Host(host) => {
                        if let Some(end) = host.strip_prefix('*') {
                            targets.patterns.entry(end).or_default().push(named);
                        } else if let Some(service) = service_of(host, &name.name.namespace) {
                            targets.services.entry(service).or_default().push(named);
                        } else {
                            targets.hosts.entry(host).or_default().push(named);
                        }
                    }
                    PolicyTarget::ServiceEntry(entry) => {
                        for host in snapshot.entries.get(entry).into_iter().flat_map(|entry| served_hosts(entry)) {
                            targets.services.entry(host).or_default().push(named);
                        }
                    }
                }
            }
        }
        targets
    }

    /// Those at a Gateway.
    fn at(
        &self,
        snapshot: &Snapshot,
        options: &Options,
        gateway: &'s Resolved<'s>,
        meshes: &'s Meshes,
    ) -> Vec<Found<'s>> {
        let settings = policy_settings(snapshot, gateway.object, options);
        let name = gateway.view.name();
        let of_root = |(policy, _): &&(&ObjectRef, &Policy)| policy.name.namespace == settings.root_namespace;
        let own = self.gateways.get(name).into_iter().flatten();
        let of_class = self.classes.get(gateway.object.spec.gateway_class_name.as_str()).into_iter().flatten();
        let whole = own.chain(of_class.filter(of_root)).map(|named| (named, Reach::Gateway));
        let services = meshes.enrolled(name).flat_map(|service| {
            let exact = self.services.get(service).into_iter().flatten();
            let host = match service.is_host() {
                true => service.name.to_string(),
                false => format!("{}.{}.{DOMAIN}", service.name, service.namespace),
            };
            let of_host = self.hosts.get(host.as_str()).into_iter().flatten();
            let ends = self.patterns.iter().filter(move |(end, _)| host.ends_with(*end)).flat_map(|(_, named)| named);
            exact.chain(of_host).chain(ends).map(move |named| (named, Reach::Service(service)))
        });
        let all = whole.chain(services).filter(|((_, policy), _)| is_seen(policy, gateway.object));
        let denies = |policy: &Policy| settings.unenforced.map_or(policy.spec.decides, |set| set == Unenforced::Deny);
        // Few policies are elsewhere, and to find the scope is a walk over all routes.
        let scope = LazyCell::new(|| scope(snapshot, name, &settings.root_namespace, options.workload_labels).policies);
        let sees = |namespace: &Arc<str>| {
            options.placement == Placement::Process
                || [&name.namespace, &settings.root_namespace].contains(&namespace)
                || match &*scope {
                    Namespaces::All => true,
                    Namespaces::Named(names) => names.contains(namespace),
                }
        };
        let fate = |object: &ObjectRef, policy: &Policy| match denies(policy) {
            true if sees(&object.name.namespace) => Fate::Refused,
            true => Fate::Unseen,
            false => Fate::Passes,
        };
        let found = |(&(object, policy), reach)| Found { policy: object, reach, fate: fate(object, policy) };
        let mut all: Vec<_> = all.map(found).collect();
        all.sort_by_key(|found| (found.fate, found.policy, found.reach));
        all.dedup();
        all
    }
}

/// The Service of a host: a short name is of the policy's own namespace (as Istio resolves it). `None`: it is no Service's.
fn service_of(host: &str, namespace: &str) -> Option<ObjectName> {
    let mut parts = host.split('.');
    match (parts.next()?, parts.next(), parts.next()) {
        (name, None, _) => Some(ObjectName::new(namespace, name)),
        (name, Some(namespace), Some("svc")) => Some(ObjectName::new(namespace, name)),
        _ => None,
    }
}

/// Whether a policy is exported to the Gateway's namespace.
fn is_seen(policy: &Policy, gateway: &Gateway) -> bool {
    let (own, of_gateway) = (&policy.meta.name.namespace, &gateway.meta.name.namespace);
    let reaches = |to: &String| match to.as_str() {
        "*" => true,
        "." => own == of_gateway,
        named => *named == **of_gateway,
    };
    policy.spec.export_to.is_empty() || policy.spec.export_to.iter().any(reaches)
}
