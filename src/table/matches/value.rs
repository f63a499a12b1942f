//! How the value of a header field or query parameter is compared.

use std::sync::Arc;

use super::pattern::{Pattern, Patterns};
use super::{InvalidMatch, at};
use crate::api;

/// How a value is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueMatch {
    /// To the letter.
    Exact(Arc<str>),
    /// As a whole, by a regular expression.
    Regex(Pattern),
}

impl ValueMatch {
    /// From `type` and `value`; `list` and `index` say where it stands.
    pub(super) fn compile(
        spec: &api::ValueMatch,
        (list, index): (&'static str, usize),
        patterns: &mut Patterns,
    ) -> Result<Self, InvalidMatch> {
        if spec.value.is_empty() {
            return Err(InvalidMatch::Value { field: at(list, index, "value"), value: String::new(), why: "is empty" });
        }
        match &spec.kind {
            None | Some(api::ValueMatchType::Exact) => Ok(Self::Exact(spec.value.as_str().into())),
            Some(api::ValueMatchType::RegularExpression) => match patterns.compile(&spec.value) {
                Ok(pattern) => Ok(Self::Regex(pattern)),
                Err(why) => {
                    Err(InvalidMatch::Pattern { field: at(list, index, "value"), value: spec.value.clone(), why })
                }
            },
            Some(api::ValueMatchType::Unknown(kind)) => {
                Err(InvalidMatch::Type { field: at(list, index, "type"), value: kind.clone() })
            }
        }
    }

    /// Whether a value is meant.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(wanted) => **wanted == *value,
            Self::Regex(pattern) => pattern.regex.is_match(value),
        }
    }
}
