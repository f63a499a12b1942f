//! How the routes of a measured table differ.

use serde_json::{Value, json};

/// How the routes of a table differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// (a) A host to each route.
    Hosts,
    /// (b) One host, a path to each route.
    Paths,
    /// (c) One host and path, told apart by a header.
    Headers,
    /// (d) One host, a regular expression to each route.
    Regexes,
}

impl Shape {
    /// All, and their names.
    pub(crate) const ALL: [(&str, Self); 4] = [
        ("a-hosts", Self::Hosts),
        ("b-paths", Self::Paths),
        ("c-headers", Self::Headers),
        ("d-regexes", Self::Regexes),
    ];

    /// The hostname of route `n`.
    pub(crate) fn host(self, n: usize) -> String {
        if self == Self::Hosts { format!("service-{n}.example.test") } else { "example.test".to_owned() }
    }

    /// The match of route `n`, as an HTTPRoute has it.
    pub(crate) fn matches(self, n: usize) -> Value {
        let (kind, path) = match self {
            Self::Hosts | Self::Headers => ("PathPrefix", "/api".to_owned()),
            Self::Paths => ("PathPrefix", format!("/api/v1/service-{n}")),
            Self::Regexes => ("RegularExpression", format!("/api/{n}/[a-z]+")),
        };
        let header = json!({ "name": "x-route", "value": n.to_string() });
        let headers = if self == Self::Headers { vec![header] } else { Vec::new() };
        json!({ "path": { "type": kind, "value": path }, "headers": headers })
    }
}
