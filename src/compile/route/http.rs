//! HTTPRoute: its rules, as the parts that all routes share.

use super::dropped::Dropped;
use super::spec::{Matches, Spec};
use crate::api::{HttpRouteSpec, HttpRule};
use crate::compile::precedence::Specificity;
use crate::table::matches::{Match, Patterns};

/// The rules of an HTTPRoute. Without any there is one that takes everything (HTTPRouteSpec.rules).
pub(super) fn rules(spec: &HttpRouteSpec) -> Vec<Spec<'_>> {
    match &spec.rules {
        Some(rules) => rules.iter().map(rule).collect(),
        None => vec![Spec::default()],
    }
}

fn rule(rule: &HttpRule) -> Spec<'_> {
    Spec {
        name: rule.name.as_deref(),
        matches: Matches::Http(rule.matches.as_deref().unwrap_or_default()),
        filters: &rule.filters,
        backends: &rule.backend_refs,
        timeouts: rule.timeouts.as_ref(),
        retry: rule.retry.as_ref(),
        session_persistence: rule.session_persistence.is_some(),
    }
}

/// The matches of a rule; without any, one that takes everything.
pub(super) fn matches(
    specs: &[crate::api::HttpMatch],
    patterns: &mut Patterns,
) -> Result<Vec<(Match, Specificity)>, Dropped> {
    if specs.is_empty() {
        let any = Match::any();
        let specificity = Specificity::http(&any);
        return Ok(vec![(any, specificity)]);
    }
    specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            let compiled = Match::compile_http(spec, patterns).map_err(|error| Dropped::by_match(index, &error))?;
            let specificity = Specificity::http(&compiled);
            Ok((compiled, specificity))
        })
        .collect()
}
