//! TLSRoute and TCPRoute: their rules, as the parts that all routes share. They look at no byte, so that each takes every
//! connection.
//!
//! A TLSRoute's hostnames count for nothing yet: its parent can only be a Service or a ServiceEntry, where the dialled address has
//! decided, as it has for an HTTPRoute.

use super::spec::{Matches, Spec};
use crate::api::{L4RouteSpec, L4Rule};
use crate::compile::precedence::Specificity;
use crate::table::matches::Match;

/// The rules of a TLSRoute or a TCPRoute.
pub(super) fn rules(spec: &L4RouteSpec) -> Vec<Spec<'_>> {
    spec.rules.iter().map(rule).collect()
}

fn rule(rule: &L4Rule) -> Spec<'_> {
    let name = rule.name.as_deref();
    Spec { name, matches: Matches::All, backends: &rule.backend_refs, ..Spec::default() }
}

/// What every rule takes.
pub(super) fn matches() -> Vec<(Match, Specificity)> {
    let any = Match::any();
    let specificity = Specificity::http(&any);
    vec![(any, specificity)]
}
