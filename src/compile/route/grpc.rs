//! GRPCRoute: its rules, as the parts that all routes share. Service and method become a path.

use super::dropped::Dropped;
use super::spec::{Matches, Spec};
use crate::api::{Filter, FilterType, GrpcMatch, GrpcRouteSpec};
use crate::compile::precedence::Specificity;
use crate::table::matches::{Match, Patterns};

/// The rules of a GRPCRoute.
pub(super) fn rules(spec: &GrpcRouteSpec) -> Vec<Spec<'_>> {
    spec.rules
        .iter()
        .map(|rule| Spec {
            name: rule.name.as_deref(),
            matches: Matches::Grpc(rule.matches.as_deref().unwrap_or_default()),
            filters: &rule.filters,
            backends: &rule.backend_refs,
            timeouts: None,
            retry: None,
            session_persistence: rule.session_persistence.is_some(),
        })
        .collect()
}

/// The matches of a rule; without any, one that takes every call.
pub(super) fn matches(specs: &[GrpcMatch], patterns: &mut Patterns) -> Result<Vec<(Match, Specificity)>, Dropped> {
    if specs.is_empty() {
        let any = Match::any();
        let specificity = Specificity::grpc(&any, None);
        return Ok(vec![(any, specificity)]);
    }
    specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            let compiled = Match::compile_grpc(spec, patterns).map_err(|error| Dropped::by_match(index, &error))?;
            let specificity = Specificity::grpc(&compiled, spec.method.as_ref());
            Ok((compiled, specificity))
        })
        .collect()
}

/// The first filter of a type that HTTPRoutes have and GRPCRoutes have not (GRPCRouteFilterType).
pub(super) fn foreign(filters: &[Filter]) -> Option<usize> {
    let foreign = |filter: &Filter| {
        matches!(
            filter.kind,
            FilterType::RequestRedirect | FilterType::UrlRewrite | FilterType::Cors | FilterType::ExternalAuth
        )
    };
    filters.iter().position(foreign)
}
