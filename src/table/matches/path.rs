//! Path matches: Exact, PathPrefix by elements, RegularExpression.

use std::sync::Arc;

use super::InvalidMatch;
use super::pattern::{Pattern, Patterns};
use crate::api;
use crate::table::path::{BadPath, has_dot_segments, normalise};

/// A path match.
#[derive(Clone, Debug, PartialEq)]
pub enum PathMatch {
    /// The whole path, to the letter.
    Exact(Arc<str>),
    /// By elements: `/a` takes `/a`, `/a/` and `/a/b`, not `/ab`. Kept without trailing slash; `/` is empty.
    Prefix(Arc<str>),
    /// The whole path, by a regular expression.
    Regex(Pattern),
}

/// How a path matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMatched {
    /// By this many bytes of prefix (without trailing slash).
    Prefix(usize),
    /// As a whole.
    Whole,
}

impl PathMatch {
    /// From `matches[].path`; without one, `/` as PathPrefix. Exact paths and prefixes are kept in the normal form of
    /// [`normalise`], as requests' paths are.
    pub fn compile(spec: Option<&api::HttpPathMatch>, patterns: &mut Patterns) -> Result<Self, InvalidMatch> {
        let kind = spec.and_then(|spec| spec.kind.as_ref()).unwrap_or(&api::PathMatchType::PathPrefix);
        let value = spec.and_then(|spec| spec.value.as_deref()).unwrap_or("/");
        match kind {
            api::PathMatchType::Exact => Ok(Self::Exact(literal(value)?)),
            api::PathMatchType::PathPrefix => Ok(Self::Prefix(literal(value)?.trim_end_matches('/').into())),
            api::PathMatchType::RegularExpression => match patterns.compile(value) {
                Ok(pattern) => Ok(Self::Regex(pattern)),
                Err(why) => Err(InvalidMatch::Pattern { field: "path.value".into(), value: value.into(), why }),
            },
            api::PathMatchType::Unknown(kind) => {
                Err(InvalidMatch::Type { field: "path.type".into(), value: kind.clone() })
            }
        }
    }

    /// How a path in normal form meets it. The prefix `/` takes every request, `OPTIONS *` too.
    pub fn matches(&self, path: &str) -> Option<PathMatched> {
        match self {
            Self::Exact(whole) => (**whole == *path).then_some(PathMatched::Whole),
            Self::Prefix(prefix) => {
                let rest = path.strip_prefix(&**prefix)?;
                (prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
                    .then_some(PathMatched::Prefix(prefix.len()))
            }
            Self::Regex(pattern) => pattern.regex.is_match(path).then_some(PathMatched::Whole),
        }
    }
}

/// What the API's own validation asks of an exact path or prefix, in normal form.
fn literal(value: &str) -> Result<Arc<str>, InvalidMatch> {
    let refused = |why| InvalidMatch::Value { field: "path.value".into(), value: value.into(), why };
    let normal = normalise(value).map_err(|bad| {
        refused(match bad {
            BadPath::NotAbsolute => "does not begin with `/`",
            BadPath::Character => "has a character that no path may have",
            BadPath::Escape => "has an incomplete percent-encoding",
            BadPath::HiddenDots => "has a dot segment",
        })
    })?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@%".contains(&b);
    match value {
        "*" => Err(refused("does not begin with `/`")),
        _ if value.contains("//") => Err(refused("has an empty element (`//`)")),
        _ if normal.contains("%2F") => Err(refused("has an encoded slash")),
        _ if has_dot_segments(value) => Err(refused("has a dot segment")),
        _ if !value.bytes().all(allowed) => Err(refused("has a character that must be percent-encoded")),
        _ => Ok(normal.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(kind: Option<api::PathMatchType>, value: &str) -> Result<PathMatch, InvalidMatch> {
        let spec = api::HttpPathMatch { kind, value: Some(value.into()) };
        PathMatch::compile(Some(&spec), &mut Patterns::default())
    }

    #[test]
    fn prefix_takes_whole_elements_only() {
        for value in ["/a", "/a/"] {
            let prefix = compile(None, value).unwrap();
            for path in ["/a", "/a/", "/a/b", "/a//b"] {
                assert_eq!(prefix.matches(path), Some(PathMatched::Prefix(2)), "{path}");
            }
            for path in ["/ab", "/", "/A", "/b/a", "*"] {
                assert_eq!(prefix.matches(path), None, "{path}");
            }
        }
    }

    #[test]
    fn the_prefix_of_a_slash_takes_everything() {
        let prefix = PathMatch::compile(None, &mut Patterns::default()).unwrap();
        for path in ["/", "/a", "//", "*"] {
            assert_eq!(prefix.matches(path), Some(PathMatched::Prefix(0)), "{path}");
        }
    }

    #[test]
    fn exact_takes_the_letter_and_regex_the_whole() {
        let exact = compile(Some(api::PathMatchType::Exact), "/a/").unwrap();
        assert!(exact.matches("/a/").is_some() && exact.matches("/a").is_none() && exact.matches("/a/b").is_none());
        let regex = compile(Some(api::PathMatchType::RegularExpression), "/api/.*").unwrap();
        assert!(regex.matches("/api/y").is_some() && regex.matches("/x/api/y").is_none());
    }

    #[test]
    fn values_are_kept_in_the_form_that_requests_have() {
        assert_eq!(compile(Some(api::PathMatchType::Exact), "/%7Ea%c3%a9"), Ok(PathMatch::Exact("/~a%C3%A9".into())));
    }

    #[test]
    fn what_the_api_refuses_is_refused() {
        for value in ["", "a", "*", "/a//b", "/a/../b", "/a/%2e", "/a/..", "/a%2fb", "/a#b", "/{a}", "/é", "/%4"] {
            let error = compile(Some(api::PathMatchType::Exact), value).unwrap_err();
            assert!(error.to_string().starts_with(&format!("path.value {value:?} ")), "{error}");
        }
        let error = compile(Some(api::PathMatchType::Unknown("Glob".into())), "/").unwrap_err();
        assert_eq!(error.to_string(), r#"path.type "Glob" is not supported"#);
    }
}
