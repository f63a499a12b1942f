//! Warnings: what is legal and surely not meant, and what this version passes over.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::gateway;
use super::hosts::Hosts;
use super::places::Shadow;
use super::route::Resolved;
use crate::api::{Gateway, Kind, ObjectRef};
use crate::status::{Warning, WarningKind};
use crate::table::hostname::HostPattern;
use crate::table::rule::Rule;

/// All warnings, sorted. `warnings`: those that are known already.
pub(super) fn collect<'h>(
    mut warnings: Vec<Warning>,
    gateways: &[gateway::Resolved<'_>],
    warned: impl Iterator<Item = &'h Arc<Resolved>>,
    hosts: impl Iterator<Item = &'h Hosts>,
) -> Vec<Warning> {
    warnings.extend(gateways.iter().flat_map(|gateway| not_supported(gateway.object)));
    warnings.extend(gateways.iter().flat_map(not_read));
    warnings.extend(warned.flat_map(|route| &route.warnings).cloned());
    warnings.extend(shadowed(hosts));
    warnings.sort_unstable();
    warnings.dedup();
    warnings
}

/// Fields of a Gateway that are passed over.
fn not_supported(gateway: &Gateway) -> Vec<Warning> {
    let object = ObjectRef { kind: Kind::Gateway, name: gateway.meta.name.clone() };
    let warning = |field: String, message: &str| Warning {
        object: object.clone(),
        kind: WarningKind::NotSupported,
        field,
        message: message.to_owned(),
    };
    let mut warnings = Vec::new();
    let spec = &gateway.spec;
    if spec.allowed_listeners.is_some() {
        warnings.push(warning("spec.allowedListeners".into(), "ListenerSets are not supported"));
    }
    if spec.tls.as_ref().is_some_and(|tls| tls.get("backend").is_some()) {
        let message = "client certificates towards backends are not supported";
        warnings.push(warning("spec.tls.backend".into(), message));
    }
    for (index, address) in spec.addresses.iter().enumerate() {
        if address.routability.is_some() {
            warnings.push(warning(format!("spec.addresses[{index}].routability"), "is not supported"));
        }
    }
    if let Some(scope) = &spec.default_scope {
        warnings.push(warning("spec.defaultScope".into(), &format!("{scope:?}: no route attaches by default")));
    }
    for (index, listener) in spec.listeners.iter().enumerate() {
        if listener.tls.as_ref().is_some_and(|tls| !tls.options.is_empty()) {
            warnings.push(warning(format!("spec.listeners[{index}].tls.options"), "no option is known"));
        }
    }
    warnings
}

/// Objects that a replica of a Gateway could not read; each once, by the first pod.
fn not_read(gateway: &gateway::Resolved<'_>) -> Vec<Warning> {
    let mut warnings = BTreeMap::new();
    for (pod, replica) in gateway.ground.facts().into_iter().flat_map(|facts| &facts.replicas) {
        for (object, why) in &replica.unread {
            warnings.entry(object).or_insert_with(|| Warning {
                object: object.clone(),
                kind: WarningKind::NotRead,
                field: String::new(),
                message: format!("pod {pod} of Gateway {} could not read it: {why}", gateway.view.name()),
            });
        }
    }
    warnings.into_values().collect()
}

/// Rules that never get a request: each of their matches is shadowed on every host of every listener.
fn shadowed<'h>(hosts: impl Iterator<Item = &'h Hosts>) -> Vec<Warning> {
    let address = |rule: &Arc<Rule>| Arc::as_ptr(rule).addr();
    let mut shadows: HashMap<usize, Vec<(&HostPattern, &Shadow)>> = HashMap::new();
    for (host, shadow) in hosts.flat_map(Hosts::shadows) {
        shadows.entry(address(&shadow.entry.rule)).or_default().push((host, shadow));
    }
    let everywhere = |found: &Vec<(&HostPattern, &Shadow)>| match found.as_slice() {
        [(host, shadow), ..] if found.len() == shadow.route.places(&shadow.entry.rule) => Some(warning(host, shadow)),
        _ => None,
    };
    shadows.values().filter_map(everywhere).collect()
}

fn warning(host: &HostPattern, shadow: &Shadow) -> Warning {
    let (rule, by) = (&shadow.entry.rule, &shadow.by.rule);
    Warning {
        object: rule.route.clone(),
        kind: WarningKind::ShadowedRule,
        field: format!("spec.rules[{}]", rule.index),
        message: format!("gets no request: spec.rules[{}] of {} goes first on host {host}", by.index, by.route),
    }
}
