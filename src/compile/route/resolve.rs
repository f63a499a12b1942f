//! A parsed route against what it refers to: which listeners it is attached to, what its rules do, what its status says.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::parse;
use super::{Action, Parsed, Rule};
use crate::api::{BackendRef, ObjectName, ObjectRef};
use crate::compile::attachment::{self, Attachment};
use crate::compile::grant::Grants;
use crate::compile::listener;
use crate::compile::parent::{self, View, Views};
use crate::compile::precedence::Specificity;
use crate::compile::shadow;
use crate::compile::verdict::{Refusal, fails, holds, resolved_refs};
use crate::compile::{Options, backend};
use crate::snapshot::Snapshot;
use crate::status::{Condition, ConditionType, Reason, RouteParentStatus, RouteStatus, Warning, WarningKind};
use crate::table::backend::{BackendKey, Target, WeightedBackend};
use crate::table::hostname::HostPattern;
use crate::table::rule::{self, Entry};

/// What routes are resolved against.
pub(in crate::compile) struct Context<'a> {
    pub(in crate::compile) snapshot: &'a Snapshot,
    pub(in crate::compile) options: &'a Options,
    pub(in crate::compile) grants: &'a Grants<'a>,
    pub(in crate::compile) views: &'a Views,
}

/// A route, resolved.
#[derive(Debug)]
pub(in crate::compile) struct Resolved {
    pub(in crate::compile) object: ObjectRef,
    pub(in crate::compile) created: Option<Time>,
    pub(in crate::compile) hostnames: Vec<HostPattern>,
    /// `None`: no parent is ours.
    pub(in crate::compile) status: Option<Arc<RouteStatus>>,
    /// The listeners that have it, each once.
    pub(in crate::compile) attached: Vec<Attached>,
    /// One for each match of each rule that is served.
    pub(in crate::compile) candidates: Vec<Candidate>,
    /// The backends that it names, each once.
    pub(in crate::compile) backends: Vec<BackendKey>,
    pub(in crate::compile) warnings: Vec<Warning>,
    pub(in crate::compile) depends: Dependencies,
}

impl Resolved {
    /// In how many places a rule stands: each match on each host of each listener that serves it.
    pub(in crate::compile) fn places(&self, rule: &Arc<rule::Rule>) -> usize {
        let matches = self.candidates.iter().filter(|candidate| Arc::ptr_eq(&candidate.entry.rule, rule)).count();
        let hosts = self.serving().filter_map(|(view, listener)| {
            let own = listener.hostname.as_ref()?;
            Some(if view.is_service() { 1 } else { self.hostnames.iter().filter(|host| host.intersects(own)).count() })
        });
        matches * hosts.sum::<usize>()
    }

    /// The backends that a table names by it.
    pub(in crate::compile) fn served_backends(&self) -> &[BackendKey] {
        if self.serving().next().is_some() { &self.backends } else { &[] }
    }

    fn serving(&self) -> impl Iterator<Item = (&View, &listener::View)> {
        let views = self.attached.iter().filter_map(|one| Some((&*one.view, one.view.listeners.get(one.listener)?)));
        views.filter(|(_, listener)| listener.serves)
    }
}

/// A listener, by its place in its parent.
#[derive(Clone, Debug)]
pub(in crate::compile) struct Attached {
    pub(in crate::compile) view: Arc<View>,
    pub(in crate::compile) listener: usize,
}

/// One match of a rule, on its way to a place among all of a host's.
#[derive(Clone, Debug)]
pub(in crate::compile) struct Candidate {
    pub(in crate::compile) specificity: Specificity,
    /// Equal for matches that take the same requests.
    pub(in crate::compile) fingerprint: u64,
    pub(in crate::compile) entry: Arc<Entry>,
}

/// What the answer stands on beside the route itself: it is the same while these are.
#[derive(Debug, Default)]
pub(in crate::compile) struct Dependencies {
    pub(in crate::compile) services: Vec<ObjectName>,
    pub(in crate::compile) parents: Vec<ObjectRef>,
    /// Whether it refers to other namespaces, which takes grants.
    pub(in crate::compile) crosses: bool,
}

/// Resolves a route. Parts that are equal to those of `before` are the same objects.
pub(in crate::compile) fn resolve(parsed: &Parsed, context: &Context<'_>, before: Option<&Resolved>) -> Resolved {
    let hostnames = parsed.hostnames.clone().unwrap_or_default();
    // The attachment of a route without any valid hostname is judged as if it named none.
    let any = [HostPattern::Any];
    let asked = if hostnames.is_empty() { &any[..] } else { &hostnames };
    let attachments = attachment::attach(parsed, asked, context.views, context.snapshot);
    let mut resolved = Resolved {
        object: parsed.object.clone(),
        created: parsed.created.clone(),
        hostnames,
        status: None,
        attached: Vec::new(),
        candidates: Vec::new(),
        backends: Vec::new(),
        warnings: Vec::new(),
        depends: dependencies(parsed),
    };
    if attachments.is_empty() {
        return resolved;
    }
    let mut unresolved = Vec::new();
    let sources = parse::rules(&parsed.source);
    for one in &parsed.rules {
        let references = sources.get(one.index).map(|spec| spec.backends).unwrap_or_default();
        let rule = rule(one, references, parsed, context, &mut unresolved);
        candidates(one, rule, before, &mut resolved.candidates);
    }
    resolved.candidates.shrink_to_fit();
    let accepted = accepted(parsed);
    if accepted.is_ok() {
        resolved.attached = attached(&attachments);
        resolved.backends = backends(&resolved.candidates);
    }
    resolved.warnings = warnings(parsed, &attachments);
    resolved.status = Some(Arc::new(status(parsed, &attachments, &accepted, &unresolved)));
    resolved
}

fn dependencies(parsed: &Parsed) -> Dependencies {
    let name = &parsed.object.name;
    let mut parents: Vec<_> = parsed.source.parents().iter().filter_map(|parent| parent::named(parent, name)).collect();
    let specs = parse::rules(&parsed.source);
    let references = || specs.iter().flat_map(|spec| spec.backends);
    let mut services: Vec<ObjectName> = references().filter_map(|one| backend::service_name(one, name)).collect();
    // A host may come in any namespace.
    services.extend(references().filter_map(backend::host_name).map(ObjectName::cluster));
    services.sort_unstable();
    services.dedup();
    services.shrink_to_fit();
    parents.shrink_to_fit();
    let is_elsewhere = |service: &ObjectName| !service.is_host() && service.namespace != name.namespace;
    let crosses = services.iter().any(is_elsewhere);
    Dependencies { services, parents, crosses }
}

fn rule(
    parsed: &Rule,
    references: &[BackendRef],
    route: &Parsed,
    context: &Context<'_>,
    unresolved: &mut Vec<Refusal>,
) -> rule::Rule {
    let action = match &parsed.action {
        Action::Redirect { filters, redirect } => {
            rule::Action::Redirect { filters: filters.clone(), redirect: redirect.clone() }
        }
        Action::Fail { why, unresolved: refusal } => {
            unresolved.extend(refusal.iter().map(|refusal| at(parsed.index, refusal)));
            rule::Action::Fail { status: 500, why: Arc::from(*why) }
        }
        Action::Forward { filters, backends } => {
            let mut weighted = Vec::with_capacity(backends.len());
            for (index, ((weight, own), reference)) in backends.iter().zip(references).enumerate() {
                let place = |refusal: Refusal| {
                    Refusal::new(refusal.reason, format!("backendRefs[{index}]: {}", refusal.message))
                };
                let key = backend::resolve(reference, route, context.snapshot, context.grants, context.options);
                let (target, filters) = match (key.map_err(place), own) {
                    (Ok(key), Ok(filters)) => (Target::Backend(key), filters.clone()),
                    (Err(refusal), _) => (invalid(&refusal, parsed.index, unresolved), Default::default()),
                    (Ok(_), Err(refusal)) => (invalid(refusal, parsed.index, unresolved), Default::default()),
                };
                weighted.push(WeightedBackend { weight: *weight, target, filters });
            }
            rule::Action::Forward { filters: filters.clone(), backends: weighted }
        }
    };
    rule::Rule {
        route: route.object.clone(),
        index: parsed.index,
        name: parsed.name.clone(),
        action,
        timeouts: parsed.timeouts,
        retry: parsed.retry.clone(),
    }
}

fn invalid(refusal: &Refusal, rule: usize, unresolved: &mut Vec<Refusal>) -> Target {
    unresolved.push(at(rule, refusal));
    Target::Invalid { why: refusal.message.as_str().into() }
}

fn at(rule: usize, refusal: &Refusal) -> Refusal {
    Refusal::new(refusal.reason, format!("spec.rules[{rule}].{}", refusal.message))
}

fn candidates(parsed: &Rule, rule: rule::Rule, before: Option<&Resolved>, into: &mut Vec<Candidate>) {
    let known = before.map(|before| before.candidates.as_slice()).unwrap_or_default();
    let mut known = known.iter().filter(|candidate| candidate.entry.rule.index == parsed.index).peekable();
    let rule = match known.peek() {
        Some(candidate) if *candidate.entry.rule == rule => candidate.entry.rule.clone(),
        _ => Arc::new(rule),
    };
    for (matches, specificity) in parsed.matches.iter().zip(&parsed.specificities) {
        let entry = match known.next() {
            Some(one) if Arc::ptr_eq(&one.entry.rule, &rule) && one.entry.matches == *matches => one.entry.clone(),
            _ => Arc::new(Entry { matches: matches.clone(), rule: rule.clone() }),
        };
        into.push(Candidate { specificity: *specificity, fingerprint: shadow::fingerprint(matches), entry });
    }
}

/// The listeners of all parentRefs, each once.
fn attached(attachments: &[Attachment<'_>]) -> Vec<Attached> {
    let mut attached: Vec<Attached> = Vec::new();
    for Attachment { view, listeners, .. } in attachments {
        for &listener in listeners.iter().flatten() {
            if !attached.iter().any(|one| Arc::ptr_eq(&one.view, view) && one.listener == listener) {
                attached.push(Attached { view: view.clone(), listener });
            }
        }
    }
    attached.shrink_to_fit();
    attached
}

fn backends(candidates: &[Candidate]) -> Vec<BackendKey> {
    let mut keys = Vec::new();
    for candidate in candidates {
        if let rule::Action::Forward { backends, .. } = &candidate.entry.rule.action {
            keys.extend(backends.iter().filter_map(|backend| match &backend.target {
                Target::Backend(key) => Some(key.clone()),
                Target::Invalid { .. } => None,
            }));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys.shrink_to_fit();
    keys
}

/// Whether the route can be accepted, for all that it says itself: not where a hostname is none, nor where all rules are
/// dropped.
fn accepted(parsed: &Parsed) -> Result<(), Refusal> {
    if let Err(refusal) = &parsed.hostnames {
        return Err(refusal.clone());
    }
    match parsed.dropped.as_slice() {
        [(_, first), ..] if parsed.rules.is_empty() => Err(Refusal::new(first.reason, dropped(parsed))),
        _ => Ok(()),
    }
}

fn dropped(parsed: &Parsed) -> String {
    let rules = parsed.dropped.iter().map(|(index, refusal)| format!("spec.rules[{index}]: {}", refusal.message));
    rules.collect::<Vec<_>>().join("; ")
}

fn status(
    parsed: &Parsed,
    attachments: &[Attachment<'_>],
    accepted: &Result<(), Refusal>,
    unresolved: &[Refusal],
) -> RouteStatus {
    let parents = attachments.iter().map(|attachment| RouteParentStatus {
        parent: attachment.parent.clone(),
        conditions: conditions(parsed, attachment, accepted, unresolved),
    });
    RouteStatus { observed_generation: parsed.source.meta().generation, parents: parents.collect() }
}

fn conditions(
    parsed: &Parsed,
    attachment: &Attachment<'_>,
    accepted: &Result<(), Refusal>,
    unresolved: &[Refusal],
) -> Vec<Condition> {
    let refusal = attachment.listeners.as_ref().err().or(accepted.as_ref().err());
    let mut conditions = Vec::with_capacity(3);
    conditions.push(match refusal {
        Some(refusal) => fails(ConditionType::Accepted, refusal.reason, &refusal.message),
        None => holds(ConditionType::Accepted, Reason::Accepted, "The route is accepted"),
    });
    conditions.push(resolved_refs(unresolved, "All references resolve"));
    if refusal.is_none() && !parsed.dropped.is_empty() {
        // The prefix is the specification's (RouteConditionPartiallyInvalid).
        let message = format!("Dropped Rule: {}", dropped(parsed));
        conditions.push(holds(ConditionType::PartiallyInvalid, Reason::UnsupportedValue, message));
    }
    conditions
}

fn warnings(parsed: &Parsed, attachments: &[Attachment<'_>]) -> Vec<Warning> {
    let warning = |kind, field: &str, message: String| Warning {
        object: parsed.object.clone(),
        kind,
        field: field.to_owned(),
        message,
    };
    let mut warnings = Vec::new();
    for attachment in attachments {
        match &attachment.listeners {
            Err(refusal) if refusal.reason == Reason::NoMatchingListenerHostname => {
                warnings.push(warning(WarningKind::NoListenerHostname, "spec.hostnames", refusal.message.clone()));
            }
            _ => {}
        }
    }
    if let Some(scope) = parsed.source.default_gateways() {
        let message = format!("{scope:?}: there are no default Gateways");
        warnings.push(warning(WarningKind::NotSupported, "spec.useDefaultGateways", message));
    }
    warnings
}
