//! A route by itself: its hostnames, and each of its rules as something that can be served, or the reason why not.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::dropped::Dropped;
use super::spec::{Matches, Spec};
use super::{Action, Parsed, Rule, Source, grpc, http, l4};
use crate::api::{BackendRef, Filter, FilterType, ObjectRef};
use crate::compile::precedence::Specificity;
use crate::compile::verdict::Refusal;
use crate::status::Reason;
use crate::table::filter::{Filters, Redirect};
use crate::table::hostname::HostPattern;
use crate::table::matches::{Match, Patterns};
use crate::table::timeouts::{Retry, Timeouts};

/// Largest weight of a backendRef (BackendRef.weight).
const MAX_WEIGHT: i32 = 1_000_000;

/// The rules of a route, as written.
pub(in crate::compile) fn rules(source: &Source) -> Vec<Spec<'_>> {
    match source {
        Source::Http(route) => http::rules(&route.spec),
        Source::Grpc(route) => grpc::rules(&route.spec),
        Source::Tls(route) | Source::Tcp(route) => l4::rules(&route.spec),
    }
}

/// Parses a route.
pub(in crate::compile) fn parse(source: Source, patterns: &mut Patterns) -> Parsed {
    let (mut kept, mut dropped, mut starved) = (Vec::new(), Vec::new(), false);
    let mut names = BTreeSet::new();
    let specs = rules(&source);
    // Kept as long as the route: to a route with one rule, room for more would be most of its memory.
    kept.reserve_exact(specs.len());
    for (index, spec) in specs.into_iter().enumerate() {
        let unique = spec.name.is_none_or(|name| names.insert(name.to_owned()));
        let outcome = if unique { rule(index, &spec, patterns) } else { Err(repeated_name(&spec)) };
        match outcome {
            Ok(rule) => kept.push(rule),
            Err(error) => {
                starved |= error.starved;
                dropped.push((index, error.refusal));
            }
        }
    }
    Parsed {
        object: ObjectRef { kind: source.kind(), name: source.meta().name.clone() },
        created: source.meta().created.clone(),
        hostnames: hostnames(source.hostnames()),
        rules: kept,
        dropped,
        starved,
        source,
    }
}

fn hostnames(specs: &[String]) -> Result<Vec<HostPattern>, Refusal> {
    let mut hostnames = Vec::with_capacity(specs.len().max(1));
    for (index, spec) in specs.iter().enumerate() {
        let pattern = match HostPattern::parse(spec) {
            Ok(HostPattern::Any) => Err(format!("spec.hostnames[{index}] is empty")),
            Ok(pattern) => Ok(pattern),
            Err(error) => Err(format!("spec.hostnames[{index}] {error}")),
        };
        let pattern = pattern.map_err(|message| Refusal::new(Reason::UnsupportedValue, message))?;
        if !hostnames.contains(&pattern) {
            hostnames.push(pattern);
        }
    }
    if hostnames.is_empty() {
        hostnames.push(HostPattern::Any);
    }
    Ok(hostnames)
}

fn rule(index: usize, spec: &Spec<'_>, patterns: &mut Patterns) -> Result<Rule, Dropped> {
    if spec.session_persistence {
        return Err(Dropped::unsupported("sessionPersistence is not supported"));
    }
    let matches = match spec.matches {
        Matches::Http(matches) => http::matches(matches, patterns)?,
        Matches::Grpc(matches) => grpc::matches(matches, patterns)?,
        Matches::All => l4::matches(),
    };
    let (mut matches, mut specificities): (Vec<Match>, Vec<Specificity>) = matches.into_iter().unzip();
    matches.shrink_to_fit();
    specificities.shrink_to_fit();
    let action = action(spec, &matches)?;
    let timeouts = Timeouts::compile(spec.timeouts).map_err(|error| Dropped::new(error.reason(), error.to_string()))?;
    let retry = Retry::compile(spec.retry).map_err(|error| Dropped::new(error.reason(), error.to_string()))?;
    Ok(Rule { index, name: spec.name.map(Arc::from), matches, specificities, action, timeouts, retry })
}

fn action(spec: &Spec<'_>, matches: &[Match]) -> Result<Action, Dropped> {
    let (filters, redirect, extension) = filters(spec, spec.filters, matches, "")?;
    let mut backends = Vec::with_capacity(spec.backends.len());
    for (index, reference) in spec.backends.iter().enumerate() {
        backends.push(backend(spec, index, reference, matches)?);
    }
    if let Some(refusal) = extension {
        return Ok(Action::Fail { why: "a filter's ExtensionRef does not resolve", unresolved: Some(refusal) });
    }
    match redirect {
        Some(_) if !backends.is_empty() => {
            Err(Dropped::unsupported("a RequestRedirect cannot stand beside backendRefs"))
        }
        Some(redirect) => Ok(Action::Redirect { filters, redirect }),
        None if backends.is_empty() => Ok(Action::Fail { why: "the rule has no backendRefs", unresolved: None }),
        None => Ok(Action::Forward { filters, backends }),
    }
}

fn backend(
    spec: &Spec<'_>,
    index: usize,
    reference: &BackendRef,
    matches: &[Match],
) -> Result<(u32, Result<Filters, Refusal>), Dropped> {
    let place = format!("backendRefs[{index}].");
    let weight = reference.weight.unwrap_or(1);
    let weight = u32::try_from(weight)
        .ok()
        .filter(|_| weight <= MAX_WEIGHT)
        .ok_or_else(|| Dropped::unsupported(format!("{place}weight {weight} is not from 0 to {MAX_WEIGHT}")))?;
    let (filters, redirect, extension) = filters(spec, &reference.filters, matches, &place)?;
    if redirect.is_some() {
        return Err(Dropped::unsupported(format!("{place}filters: RequestRedirect is not supported on a backendRef")));
    }
    Ok((weight, extension.map_or(Ok(filters), Err)))
}

type ParsedFilters = (Filters, Option<Redirect>, Option<Refusal>);

/// The filters of a list, its redirect, and the ExtensionRef that does not resolve: none does, as there is no extension.
fn filters(spec: &Spec<'_>, list: &[Filter], matches: &[Match], place: &str) -> Result<ParsedFilters, Dropped> {
    let foreign = match spec.matches {
        Matches::Http(_) => None,
        Matches::Grpc(_) => grpc::foreign(list).map(|index| (index, "is of a type that a GRPCRoute does not have")),
        Matches::All => (!list.is_empty()).then_some((0, "cannot be: TLSRoutes and TCPRoutes have no filters")),
    };
    if let Some((index, why)) = foreign {
        return Err(Dropped::unsupported(format!("{place}filters[{index}] {why}")));
    }
    let extension = list.iter().position(|filter| filter.kind == FilterType::ExtensionRef);
    let known: Cow<'_, [Filter]> = match extension {
        None => Cow::Borrowed(list),
        Some(_) => list.iter().filter(|filter| filter.kind != FilterType::ExtensionRef).cloned().collect(),
    };
    let (filters, redirect) =
        Filters::compile(&known).map_err(|error| Dropped::new(error.reason(), format!("{place}{error}")))?;
    filters.fit(redirect.as_ref(), matches).map_err(|error| Dropped::new(error.reason(), format!("{place}{error}")))?;
    let extension = extension.map(|index| {
        let message = format!("{place}filters[{index}].extensionRef: there are no extensions of that kind");
        Refusal::new(Reason::InvalidKind, message)
    });
    Ok((filters, redirect, extension))
}

fn repeated_name(spec: &Spec<'_>) -> Dropped {
    Dropped::unsupported(format!("name {:?} is another rule's as well", spec.name.unwrap_or_default()))
}
