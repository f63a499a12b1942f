//! RequestHeaderModifier and ResponseHeaderModifier.

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Wrong;
use crate::api;

/// A message head whose fields can be edited: an `http::HeaderMap`, or whatever the engine keeps.
pub trait HeadEdit {
    /// Puts one field in the place of all of that name.
    fn set(&mut self, name: &HeaderName, value: &HeaderValue);
    /// Adds to the field of that name, joined by `,` where one is there.
    fn add(&mut self, name: &HeaderName, value: &HeaderValue);
    /// Takes all fields of that name out.
    fn remove(&mut self, name: &HeaderName);
}

impl HeadEdit for HeaderMap {
    fn set(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.insert(name, value.clone());
    }

    fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        match self.entry(name) {
            Entry::Vacant(vacant) => {
                vacant.insert(value.clone());
            }
            Entry::Occupied(mut there) => {
                let joined = joined(there.iter(), value);
                there.insert(joined);
            }
        }
    }

    fn remove(&mut self, name: &HeaderName) {
        HeaderMap::remove(self, name);
    }
}

/// One field's value for all values of a name and one more, in order (RFC 9110, 5.3).
pub fn joined<'v>(there: impl Iterator<Item = &'v HeaderValue>, more: &HeaderValue) -> HeaderValue {
    let mut bytes = Vec::new();
    for value in there {
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b',');
    }
    bytes.extend_from_slice(more.as_bytes());
    // Values and a comma make a value; were it otherwise, the last would stand.
    HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| more.clone())
}

/// Edits of a message's header fields, applied in this order: set, add, remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    /// Replaces.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Adds.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// Takes out.
    pub remove: Vec<HeaderName>,
}

/// Fields that say how one hop carries a message: the engine's, on each side (RFC 9110, 7.6.1 and 8.6; RFC 9112, 6.1).
const OF_THE_HOP: [&str; 8] =
    ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

impl HeaderEdits {
    /// From a header modifier; `field` is its name. Of entries with equal names the first counts (HTTPHeader.name).
    pub(super) fn compile(spec: &api::HeaderModifier, field: &str) -> Result<Self, Wrong> {
        let name = |list: &str, place: String, text: &str| {
            let field = format!("{field}.{list}{place}");
            let name = HeaderName::from_bytes(text.as_bytes())
                .map_err(|_| (field.clone(), text.to_owned(), "is not a header field's name"))?;
            match name.as_str() {
                "host" => Err((field, text.to_owned(), "is not a field to edit: use URLRewrite")),
                of_the_hop if OF_THE_HOP.contains(&of_the_hop) => {
                    Err((field, text.to_owned(), "is not a field to edit: it belongs to the connection"))
                }
                _ => Ok(name),
            }
        };
        let pairs = |list: &str, specs: &[api::HeaderValue]| {
            let mut pairs: Vec<(HeaderName, HeaderValue)> = Vec::with_capacity(specs.len());
            for (i, spec) in specs.iter().enumerate() {
                let name = name(list, format!("[{i}].name"), &spec.name)?;
                let value = HeaderValue::from_str(&spec.value).map_err(|_| {
                    (format!("{field}.{list}[{i}].value"), spec.value.clone(), "is not a header field's value")
                })?;
                if pairs.iter().all(|(earlier, _)| *earlier != name) {
                    pairs.push((name, value));
                }
            }
            Ok(pairs)
        };
        let remove = spec.remove.iter().enumerate().map(|(i, text)| name("remove", format!("[{i}]"), text));
        Ok(Self {
            set: pairs("set", &spec.set)?,
            add: pairs("add", &spec.add)?,
            remove: remove.collect::<Result<_, _>>()?,
        })
    }

    /// Edits a message's head.
    pub fn apply(&self, head: &mut impl HeadEdit) {
        for (name, value) in &self.set {
            head.set(name, value);
        }
        for (name, value) in &self.add {
            head.add(name, value);
        }
        for name in &self.remove {
            head.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> api::HeaderValue {
        api::HeaderValue { name: name.into(), value: value.into() }
    }

    fn all(map: &HeaderMap, name: &str) -> Vec<String> {
        map.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn set_replaces_add_joins_and_remove_takes_out() {
        let spec = api::HeaderModifier {
            set: vec![pair("Cache-Control", "private, no-store"), pair("X-New", "1")],
            add: vec![pair("X-Two", "c"), pair("X-Fresh", "d")],
            remove: vec!["X-Gone".into()],
        };
        let edits = HeaderEdits::compile(&spec, "responseHeaderModifier").unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in [("cache-control", "a"), ("cache-control", "b"), ("x-two", "a"), ("x-two", "b")] {
            map.append(name, HeaderValue::from_static(value));
        }
        map.append("x-gone", HeaderValue::from_static("1"));
        map.append("x-gone", HeaderValue::from_static("2"));
        edits.apply(&mut map);
        assert_eq!(all(&map, "cache-control"), ["private, no-store"]);
        assert_eq!(all(&map, "x-new"), ["1"]);
        assert_eq!(all(&map, "x-two"), ["a,b,c"]);
        assert_eq!(all(&map, "x-fresh"), ["d"]);
        assert!(!map.contains_key("x-gone"));
    }

    #[test]
    fn of_equal_names_the_first_counts() {
        let spec = api::HeaderModifier { set: vec![pair("X-A", "1"), pair("x-a", "2")], ..Default::default() };
        let edits = HeaderEdits::compile(&spec, "requestHeaderModifier").unwrap();
        assert_eq!(edits.set, [(HeaderName::from_static("x-a"), HeaderValue::from_static("1"))]);
    }

    #[test]
    fn what_is_no_field_or_belongs_to_the_connection_is_refused() {
        let add = |name, value| api::HeaderModifier { add: vec![pair(name, value)], ..Default::default() };
        for (spec, field, why) in [
            (add("a b", "1"), "add[0].name", "is not a header field's name"),
            (add("a", "1\n"), "add[0].value", "is not a header field's value"),
            (add("Content-Length", "1"), "add[0].name", "is not a field to edit: it belongs to the connection"),
            (
                api::HeaderModifier { remove: vec!["Host".into()], ..Default::default() },
                "remove[0]",
                "is not a field to edit: use URLRewrite",
            ),
        ] {
            let (at, _, reason) = HeaderEdits::compile(&spec, "requestHeaderModifier").unwrap_err();
            assert_eq!((at.as_str(), reason), (format!("requestHeaderModifier.{field}").as_str(), why));
        }
    }
}
