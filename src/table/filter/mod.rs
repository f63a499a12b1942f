//! Filters: what a rule or a backendRef does to requests and responses. One filter, one file, its whole life.
//!
//! The specification lets each type stand once in a list, so a list becomes one struct and its order does not matter.

pub mod headers;
pub mod redirect;
pub mod rewrite;

pub use headers::{HeadEdit, HeaderEdits};
pub use redirect::{Redirect, Scheme};
pub use rewrite::{PathModifier, UrlRewrite};

use super::matches::{Match, PathMatch};
use crate::api::{self, FilterType};
use crate::status::Reason;

/// The filters of a rule or of a backendRef, but for a redirect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// RequestHeaderModifier
    pub request_headers: Option<HeaderEdits>,
    /// ResponseHeaderModifier
    pub response_headers: Option<HeaderEdits>,
    /// URLRewrite
    pub rewrite: Option<UrlRewrite>,
}

/// Why a list of filters cannot be served: names the field, relative to the rule or backendRef, and its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// A type that this version does not serve. It is never passed over.
    #[error("filters[{index}].type {kind} is not supported")]
    Type {
        /// Its place in the list.
        index: usize,
        /// The type.
        kind: FilterType,
    },
    /// A value that cannot be served.
    #[error("filters[{index}].{field} {value:?} {why}")]
    Value {
        /// Its place in the list.
        index: usize,
        /// The field within the filter.
        field: String,
        /// What it says.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The field that the type asks for is not there, or one of another type is.
    #[error("filters[{index}] of type {kind} {why}")]
    Shape {
        /// Its place in the list.
        index: usize,
        /// The type.
        kind: FilterType,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A type that stands twice, or a redirect beside a rewrite.
    #[error("filters[{index}].type {kind} cannot stand beside filters[{other}]")]
    Together {
        /// Its place in the list.
        index: usize,
        /// The type.
        kind: FilterType,
        /// The one before that it cannot stand beside.
        other: usize,
    },
    /// `replacePrefixMatch` in a rule whose matches are not one PathPrefix (HTTPPathModifier.replacePrefixMatch).
    #[error("filters: {filter}.path.replacePrefixMatch needs a rule with exactly one match, and that a PathPrefix")]
    NoPrefix {
        /// The filter's field.
        filter: &'static str,
    },
}

/// A value that is wrong: the field within the filter, what it says, and why.
pub(super) type Wrong = (String, String, &'static str);

impl InvalidFilter {
    /// The reason of the route's condition Accepted.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Together { .. } | Self::NoPrefix { .. } => Reason::IncompatibleFilters,
            Self::Type { .. } | Self::Value { .. } | Self::Shape { .. } => Reason::UnsupportedValue,
        }
    }
}

impl Filters {
    /// From a list of filters: everything but the redirect, and the redirect. ExtensionRef is a type that is not
    /// supported: this version has no extension, so that none resolves.
    pub fn compile(specs: &[api::Filter]) -> Result<(Self, Option<Redirect>), InvalidFilter> {
        let (mut filters, mut redirect) = (Self::default(), None);
        for (index, spec) in specs.iter().enumerate() {
            stands_alone(specs, index)?;
            let value = |(field, value, why): Wrong| InvalidFilter::Value { index, field, value, why };
            let shape = |why| InvalidFilter::Shape { index, kind: spec.kind.clone(), why };
            let missing = || shape("lacks the field of that type");
            let others = || shape("has the field of another type");
            let (request, response) = (&spec.request_header_modifier, &spec.response_header_modifier);
            match (&spec.kind, request, response, &spec.request_redirect, &spec.url_rewrite) {
                (FilterType::RequestHeaderModifier, Some(edits), None, None, None) => {
                    let edits = HeaderEdits::compile(edits, "requestHeaderModifier").map_err(value)?;
                    filters.request_headers = Some(edits);
                }
                (FilterType::ResponseHeaderModifier, None, Some(edits), None, None) => {
                    let edits = HeaderEdits::compile(edits, "responseHeaderModifier").map_err(value)?;
                    filters.response_headers = Some(edits);
                }
                (FilterType::RequestRedirect, None, None, Some(spec), None) => {
                    redirect = Some(Redirect::compile(spec).map_err(value)?);
                }
                (FilterType::UrlRewrite, None, None, None, Some(spec)) => {
                    filters.rewrite = Some(UrlRewrite::compile(spec).map_err(value)?);
                }
                (FilterType::RequestHeaderModifier, None, ..)
                | (FilterType::ResponseHeaderModifier, _, None, ..)
                | (FilterType::RequestRedirect, _, _, None, _)
                | (FilterType::UrlRewrite, _, _, _, None) => return Err(missing()),
                (
                    FilterType::RequestHeaderModifier
                    | FilterType::ResponseHeaderModifier
                    | FilterType::RequestRedirect
                    | FilterType::UrlRewrite,
                    ..,
                ) => return Err(others()),
                (kind, ..) => return Err(InvalidFilter::Type { index, kind: kind.clone() }),
            }
        }
        Ok((filters, redirect))
    }

    /// Whether the matches of a rule let its filters (and those of its backendRefs) replace a prefix.
    pub fn fit(&self, redirect: Option<&Redirect>, matches: &[Match]) -> Result<(), InvalidFilter> {
        let rewrite = self.rewrite.as_ref().and_then(|rewrite| rewrite.path.as_ref());
        let redirect = redirect.and_then(|redirect| redirect.path.as_ref());
        let replaces = |path: Option<&PathModifier>| matches!(path, Some(PathModifier::ReplacePrefix(_)));
        match matches {
            [Match { path: PathMatch::Prefix(_), .. }] => Ok(()),
            _ if replaces(rewrite) => Err(InvalidFilter::NoPrefix { filter: "urlRewrite" }),
            _ if replaces(redirect) => Err(InvalidFilter::NoPrefix { filter: "requestRedirect" }),
            _ => Ok(()),
        }
    }
}

/// Each type stands once, and a redirect not beside a rewrite (HTTPRouteRule.filters).
fn stands_alone(specs: &[api::Filter], index: usize) -> Result<(), InvalidFilter> {
    let Some(spec) = specs.get(index) else { return Ok(()) };
    let meets = |other: &api::Filter| {
        other.kind == spec.kind
            || matches!(
                (&other.kind, &spec.kind),
                (FilterType::RequestRedirect, FilterType::UrlRewrite)
                    | (FilterType::UrlRewrite, FilterType::RequestRedirect)
            )
    };
    match specs.iter().take(index).position(meets) {
        Some(other) => Err(InvalidFilter::Together { index, kind: spec.kind.clone(), other }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
