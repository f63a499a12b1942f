//! gRPC's service and method as a path: a call of method `M` of service `S` is a request for `/S/M`.

use super::InvalidMatch;
use super::path::PathMatch;
use super::pattern::Patterns;
use crate::api::{GrpcMethodMatch, GrpcMethodMatchType};

/// One element of a path, whatever it is.
const ANY: &str = "[^/]+";

/// From `GRPCRoute.spec.rules[].matches[].method`: both are an exact path, a service alone is a prefix, and whatever
/// else a regular expression. Without one, every path.
pub(super) fn path(spec: Option<&GrpcMethodMatch>, patterns: &mut Patterns) -> Result<PathMatch, InvalidMatch> {
    let Some(spec) = spec else { return Ok(PathMatch::Prefix("".into())) };
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (service, method) = (given(&spec.service), given(&spec.method));
    if service.is_none() && method.is_none() {
        return Err(invalid("method", "", "names neither a service nor a method"));
    }
    match &spec.kind {
        None | Some(GrpcMethodMatchType::Exact) => exact(service.as_deref(), method.as_deref(), patterns),
        Some(GrpcMethodMatchType::RegularExpression) => {
            for (field, source) in [("method.service", &service), ("method.method", &method)] {
                // By itself, so that its own error is told and it cannot reach over into the other.
                if let Some(source) = source {
                    patterns.compile(source).map_err(|why| pattern(field, source, why))?;
                }
            }
            regex(service.as_deref().unwrap_or(ANY), method.as_deref().unwrap_or(ANY), patterns)
        }
        Some(GrpcMethodMatchType::Unknown(kind)) => {
            Err(InvalidMatch::Type { field: "method.type".into(), value: kind.clone() })
        }
    }
}

fn exact(service: Option<&str>, method: Option<&str>, patterns: &mut Patterns) -> Result<PathMatch, InvalidMatch> {
    if let Some(service) = service.filter(|text| !text.trim_start_matches('.').split('.').all(identifier)) {
        return Err(invalid("method.service", service, "is not the name of a gRPC service"));
    }
    if let Some(method) = method.filter(|text| !identifier(text)) {
        return Err(invalid("method.method", method, "is not the name of a gRPC method"));
    }
    match (service, method) {
        (Some(service), Some(method)) => Ok(PathMatch::Exact(format!("/{service}/{method}").into())),
        (Some(service), None) => Ok(PathMatch::Prefix(format!("/{service}").into())),
        (None, Some(method)) => regex(ANY, method, patterns),
        (None, None) => Ok(PathMatch::Prefix("".into())),
    }
}

fn regex(service: &str, method: &str, patterns: &mut Patterns) -> Result<PathMatch, InvalidMatch> {
    let source = format!("/(?:{service})/(?:{method})");
    patterns.compile(&source).map(PathMatch::Regex).map_err(|why| pattern("method", &source, why))
}

/// A name of Protocol Buffers' grammar.
fn identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn invalid(field: &str, value: &str, why: &'static str) -> InvalidMatch {
    InvalidMatch::Value { field: field.into(), value: value.into(), why }
}

fn pattern(field: &str, value: &str, why: super::InvalidPattern) -> InvalidMatch {
    InvalidMatch::Pattern { field: field.into(), value: value.into(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(
        kind: Option<GrpcMethodMatchType>,
        service: Option<&str>,
        method: Option<&str>,
    ) -> Result<PathMatch, InvalidMatch> {
        let spec = GrpcMethodMatch { kind, service: service.map(Into::into), method: method.map(Into::into) };
        path(Some(&spec), &mut Patterns::default())
    }

    #[test]
    fn service_and_method_become_a_path() {
        assert_eq!(compile(None, Some("a.B"), Some("Get")), Ok(PathMatch::Exact("/a.B/Get".into())));
        assert_eq!(compile(None, Some("a.B"), None), Ok(PathMatch::Prefix("/a.B".into())));
        let method = compile(None, None, Some("Get")).unwrap();
        assert!(method.matches("/a.B/Get").is_some() && method.matches("/a/b/Get").is_none());
    }

    #[test]
    fn expressions_take_the_whole_of_their_element() {
        let regex = Some(GrpcMethodMatchType::RegularExpression);
        let both = compile(regex.clone(), Some("a|b"), Some("Get.*")).unwrap();
        assert!(both.matches("/a/GetAll").is_some() && both.matches("/b/Get").is_some());
        assert!(both.matches("/a").is_none() && both.matches("/aa/Get").is_none());
        let service = compile(regex.clone(), Some("a.*"), None).unwrap();
        assert!(service.matches("/abc/X").is_some() && service.matches("/b/X").is_none());
        let error = compile(regex, None, Some("x)|(y")).unwrap_err();
        assert!(error.to_string().starts_with(r#"method.method "x)|(y" is no regular expression"#), "{error}");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (service, method) in [(Some("a/b"), None), (Some("1a"), None), (None, Some("a.b")), (Some(""), Some(""))] {
            assert!(compile(None, service, method).is_err(), "{service:?} {method:?}");
        }
    }
}
