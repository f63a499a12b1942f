//! Query parameter matches: the first parameter of a name counts.

use std::borrow::Cow;
use std::sync::Arc;

use super::pattern::Patterns;
use super::value::ValueMatch;
use super::{InvalidMatch, at};
use crate::api;

/// One query parameter match.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryMatch {
    /// Name, to the letter, decoded.
    pub name: Arc<str>,
    /// Value, compared with the decoded value.
    pub value: ValueMatch,
}

impl QueryMatch {
    /// From `matches[].queryParams`. Of entries with equal names the first counts (HTTPQueryParamMatch.name).
    pub fn compile(specs: &[api::ValueMatch], patterns: &mut Patterns) -> Result<Vec<Self>, InvalidMatch> {
        let mut matches: Vec<Self> = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            if spec.name.is_empty() {
                let field = at("queryParams", index, "name");
                return Err(InvalidMatch::Value { field, value: String::new(), why: "is empty" });
            }
            if matches.iter().all(|earlier| *earlier.name != *spec.name) {
                let value = ValueMatch::compile(spec, ("queryParams", index), patterns)?;
                matches.push(Self { name: spec.name.as_str().into(), value });
            }
        }
        Ok(matches)
    }

    /// The value that counts: the first of that name, decoded. `None`: there is none, or it is not UTF-8.
    pub fn value_in<'q>(&self, query: &'q str) -> Option<Cow<'q, str>> {
        first(query, &self.name).and_then(text)
    }

    /// Whether a request's query (without the question mark) meets it. A value that is not UTF-8 once decoded meets nothing.
    pub fn matches(&self, query: &str) -> bool {
        let Some(raw) = first(query, &self.name) else { return false };
        match &self.value {
            ValueMatch::Exact(wanted) => decoded(raw).eq(wanted.bytes()),
            pattern @ ValueMatch::Regex(_) => text(raw).is_some_and(|value| pattern.matches(&value)),
        }
    }
}

/// The first parameter of that name: its value, as it stands in the query.
fn first<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .find(|(key, _)| decoded(key).eq(name.bytes()))
        .map(|(_, value)| value)
}

/// The bytes that a name or value stands for: percent-encoding and `+` undone (application/x-www-form-urlencoded).
/// A `%` that begins no escape stands for itself.
fn decoded(raw: &str) -> impl Iterator<Item = u8> + '_ {
    let mut bytes = raw.as_bytes();
    std::iter::from_fn(move || {
        let (&byte, rest) = bytes.split_first()?;
        bytes = rest;
        let digit = |at: usize| rest.get(at).and_then(|&d| char::from(d).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes = rest.get(2..).unwrap_or_default();
                u8::try_from(high * 16 + low).ok()
            }
            (b'+', ..) => Some(b' '),
            _ => Some(byte),
        }
    })
}

/// The same as text; allocates only where something is encoded.
fn text(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains(['%', '+']) {
        return Some(Cow::Borrowed(raw));
    }
    String::from_utf8(decoded(raw).collect()).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(kind: Option<api::ValueMatchType>, name: &str, value: &str) -> QueryMatch {
        let spec = api::ValueMatch { kind, name: name.into(), value: value.into() };
        QueryMatch::compile(&[spec], &mut Patterns::default()).unwrap().remove(0)
    }

    #[test]
    fn the_first_value_of_a_name_is_compared() {
        let matches = compile(None, "a", "1");
        assert!(matches.matches("a=1&a=2") && matches.matches("b=2&a=1"));
        assert!(
            !matches.matches("a=2&a=1") && !matches.matches("A=1") && !matches.matches("") && !matches.matches("aa=1")
        );
    }

    #[test]
    fn names_and_values_are_compared_decoded() {
        assert!(compile(None, "a b", "x&y=é").matches("a+b=x%26y%3D%c3%a9"));
        assert!(compile(None, "a b", "1").matches("a%20b=1"));
        assert!(compile(None, "a", "100%").matches("a=100%"));
        let regex = compile(Some(api::ValueMatchType::RegularExpression), "a", "x y|z");
        assert!(regex.matches("a=x+y") && regex.matches("a=x%20y") && regex.matches("a=z"));
        assert!(!regex.matches("a=xx+y") && !regex.matches("a=%ff"));
    }

    #[test]
    fn of_equal_names_in_one_match_the_first_counts() {
        let spec = |value: &str| api::ValueMatch { kind: None, name: "a".into(), value: value.into() };
        let compiled = QueryMatch::compile(&[spec("1"), spec("2")], &mut Patterns::default()).unwrap();
        assert_eq!(compiled.len(), 1);
        assert!(compiled[0].matches("a=1"));
    }
}
