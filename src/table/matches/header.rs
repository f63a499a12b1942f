//! Header matches.

use http::{HeaderMap, HeaderName};

use super::pattern::Patterns;
use super::value::ValueMatch;
use super::{InvalidMatch, at};
use crate::api;

/// One header match: the first field of that name counts (HTTPRouteMatch.headers).
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderMatch {
    /// Field name.
    pub name: HeaderName,
    /// Value.
    pub value: ValueMatch,
}

impl HeaderMatch {
    /// From `matches[].headers`. Of entries with equal names the first counts (HTTPHeaderMatch.name).
    pub fn compile(specs: &[api::ValueMatch], patterns: &mut Patterns) -> Result<Vec<Self>, InvalidMatch> {
        let mut matches: Vec<Self> = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let name = HeaderName::from_bytes(spec.name.as_bytes()).map_err(|_| InvalidMatch::Value {
                field: at("headers", index, "name"),
                value: spec.name.clone(),
                why: "is not a header field's name",
            })?;
            if matches.iter().all(|earlier| earlier.name != name) {
                let value = ValueMatch::compile(spec, ("headers", index), patterns)?;
                matches.push(Self { name, value });
            }
        }
        Ok(matches)
    }

    /// Whether a request's fields meet it. A value that is not UTF-8 meets nothing.
    pub fn matches(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(&self.name) else { return false };
        std::str::from_utf8(value.as_bytes()).is_ok_and(|value| self.value.matches(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn spec(kind: Option<api::ValueMatchType>, name: &str, value: &str) -> api::ValueMatch {
        api::ValueMatch { kind, name: name.into(), value: value.into() }
    }

    #[test]
    fn names_ignore_case_and_the_first_of_a_name_counts() {
        let specs = [spec(None, "X-A", "1"), spec(None, "x-a", "2")];
        let compiled = HeaderMatch::compile(&specs, &mut Patterns::default()).unwrap();
        assert_eq!(compiled.len(), 1);
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("2"));
        assert!(compiled[0].matches(&headers));
        headers.insert("x-a", HeaderValue::from_static("2"));
        assert!(!compiled[0].matches(&headers));
        assert!(!compiled[0].matches(&HeaderMap::new()));
    }

    #[test]
    fn what_cannot_be_served_is_refused_with_its_field() {
        let mut patterns = Patterns::default();
        for (spec, message) in [
            (spec(None, "a b", "1"), r#"headers[0].name "a b" is not a header field's name"#),
            (spec(None, "a", ""), r#"headers[0].value "" is empty"#),
            (
                spec(Some(api::ValueMatchType::Unknown("Glob".into())), "a", "*"),
                r#"headers[0].type "Glob" is not supported"#,
            ),
            (
                spec(Some(api::ValueMatchType::RegularExpression), "a", "["),
                r#"headers[0].value "[" is no regular expression: unclosed character class"#,
            ),
        ] {
            assert_eq!(HeaderMatch::compile(&[spec], &mut patterns).unwrap_err().to_string(), message);
        }
    }
}
