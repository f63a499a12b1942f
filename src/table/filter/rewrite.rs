//! URLRewrite: another host or path towards the backend.

use std::borrow::Cow;
use std::sync::Arc;

use super::Wrong;
use crate::api::{self, PathModifierType};
use crate::table::hostname::HostPattern;
use crate::table::matches::PathMatched;
use crate::table::path::normalise;

/// A rewrite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlRewrite {
    /// Host towards the backend.
    pub hostname: Option<Arc<str>>,
    /// Path towards the backend.
    pub path: Option<PathModifier>,
}

/// Another path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathModifier {
    /// The whole path.
    ReplaceFull(Arc<str>),
    /// What stands for the matched prefix. Kept without trailing slash; `/` is empty.
    ReplacePrefix(Arc<str>),
}

impl UrlRewrite {
    /// From `urlRewrite`.
    pub(super) fn compile(spec: &api::UrlRewrite) -> Result<Self, Wrong> {
        Ok(Self {
            hostname: hostname(spec.hostname.as_deref(), "urlRewrite")?,
            path: spec.path.as_ref().map(|path| PathModifier::compile(path, "urlRewrite")).transpose()?,
        })
    }

    /// The path towards the backend, for a path in normal form and how it matched.
    pub fn path<'p>(&'p self, path: &'p str, matched: PathMatched) -> Cow<'p, str> {
        self.path.as_ref().map_or(Cow::Borrowed(path), |modifier| modifier.apply(path, matched))
    }
}

impl PathModifier {
    /// From `path` of the named filter.
    pub(super) fn compile(spec: &api::PathModifier, filter: &str) -> Result<Self, Wrong> {
        let (name, value) = match &spec.kind {
            PathModifierType::ReplaceFullPath => ("replaceFullPath", &spec.replace_full_path),
            PathModifierType::ReplacePrefixMatch => ("replacePrefixMatch", &spec.replace_prefix_match),
            PathModifierType::Unknown(kind) => {
                return Err((format!("{filter}.path.type"), kind.clone(), "is not supported"));
            }
        };
        let wrong = |why| (format!("{filter}.path.{name}"), value.clone().unwrap_or_default(), why);
        let value = value.as_deref().ok_or_else(|| wrong("is missing"))?;
        if spec.kind == PathModifierType::ReplacePrefixMatch && value.is_empty() {
            return Ok(Self::ReplacePrefix("".into()));
        }
        let normal = normalise(value).map_err(|_| wrong("is not a path"))?;
        if !normal.starts_with('/') || normal.contains('?') {
            return Err(wrong("is not a path"));
        }
        Ok(match &spec.kind {
            PathModifierType::ReplacePrefixMatch => Self::ReplacePrefix(normal.trim_end_matches('/').into()),
            _ => Self::ReplaceFull(normal.into()),
        })
    }

    /// The other path. A prefix is replaced by elements, as it matched (HTTPPathModifier.replacePrefixMatch).
    pub(super) fn apply<'p>(&'p self, path: &'p str, matched: PathMatched) -> Cow<'p, str> {
        let prefix = match self {
            Self::ReplaceFull(whole) => return Cow::Borrowed(whole),
            Self::ReplacePrefix(prefix) => &**prefix,
        };
        let rest = match matched {
            // `*` of `OPTIONS *` names no path, so that nothing of it is left.
            PathMatched::Prefix(length) if path.starts_with('/') => path.get(length..).unwrap_or_default(),
            PathMatched::Prefix(_) | PathMatched::Whole => "",
        };
        match (prefix, rest) {
            ("", "") => Cow::Borrowed("/"),
            ("", rest) => Cow::Borrowed(rest),
            (prefix, "") => Cow::Borrowed(prefix),
            (prefix, rest) => Cow::Owned(format!("{prefix}{rest}")),
        }
    }
}

/// A host that stands for the request's (PreciseHostname), for the named filter.
pub(super) fn hostname(text: Option<&str>, filter: &str) -> Result<Option<Arc<str>>, Wrong> {
    match text.map(HostPattern::parse) {
        None => Ok(None),
        Some(Ok(HostPattern::Exact(name))) => Ok(Some(name)),
        Some(_) => Err((format!("{filter}.hostname"), text.unwrap_or_default().into(), "is not the name of one host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(replace: &str) -> UrlRewrite {
        let path = api::PathModifier {
            kind: PathModifierType::ReplacePrefixMatch,
            replace_full_path: None,
            replace_prefix_match: Some(replace.into()),
        };
        UrlRewrite::compile(&api::UrlRewrite { hostname: None, path: Some(path) }).unwrap()
    }

    #[test]
    fn prefixes_are_replaced_by_the_specifications_table() {
        for (path, matched, replace, wanted) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/s/x", "/s/", "/api/s/", "/api/s/x"),
            ("/test", "/", "/foo", "/foo/test"),
            ("/foo/x", "/foo", "/", "/x"),
            ("/", "/", "/foo", "/foo/"),
            ("*", "/", "/foo", "/foo"),
        ] {
            let matched = PathMatched::Prefix(matched.trim_end_matches('/').len());
            assert_eq!(prefix(replace).path(path, matched), wanted, "{path} {replace:?}");
        }
    }

    #[test]
    fn a_full_path_stands_for_the_whole() {
        let path = api::PathModifier {
            kind: PathModifierType::ReplaceFullPath,
            replace_full_path: Some("/one/".into()),
            replace_prefix_match: None,
        };
        let rewrite = UrlRewrite::compile(&api::UrlRewrite { hostname: Some("A.test".into()), path: Some(path) });
        let rewrite = rewrite.unwrap();
        assert_eq!(rewrite.hostname.as_deref(), Some("a.test"));
        assert_eq!(rewrite.path("/foo/bar", PathMatched::Prefix(4)), "/one/");
        assert_eq!(UrlRewrite::default().path("/foo", PathMatched::Whole), "/foo");
    }

    #[test]
    fn what_is_no_host_or_path_is_refused() {
        for hostname in ["*.test", "a:80", "", "10.0.0.1"] {
            let spec = api::UrlRewrite { hostname: Some(hostname.into()), path: None };
            let (field, value, _) = UrlRewrite::compile(&spec).unwrap_err();
            assert_eq!((field.as_str(), value.as_str()), ("urlRewrite.hostname", hostname));
        }
        for value in [None, Some("a"), Some("/a?b"), Some("/a b"), Some("*"), Some("")] {
            let path = api::PathModifier {
                kind: PathModifierType::ReplaceFullPath,
                replace_full_path: value.map(Into::into),
                replace_prefix_match: None,
            };
            let (field, ..) = UrlRewrite::compile(&api::UrlRewrite { hostname: None, path: Some(path) }).unwrap_err();
            assert_eq!(field, "urlRewrite.path.replaceFullPath");
        }
    }
}
