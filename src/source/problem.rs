//! What is wrong with what a source has: where, object, field and reason.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::api::{Kind, ObjectRef};

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ProblemKind {
    /// A file or folder can't be read.
    Unreadable,
    /// A file is not YAML.
    Syntax,
    /// An object is not what its kind may be.
    Object,
    /// An object that another place has already.
    Duplicate,
    /// An object of the Gateway API, of a kind that this version does not serve.
    NotSupported,
    /// A field that nobody knows, and that is passed over: a warning.
    UnknownField,
    /// A kind that the API server does not know.
    NotInstalled,
    /// The API server does not allow it.
    Forbidden,
    /// The API server can't be reached, or fails.
    Away,
    /// The class of the one Gateway that is served is missing.
    NoClass,
}

impl ProblemKind {
    /// One word, as logs, metrics and `check` print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "Unreadable",
            Self::Syntax => "Syntax",
            Self::Object => "Object",
            Self::Duplicate => "Duplicate",
            Self::NotSupported => "NotSupported",
            Self::UnknownField => "UnknownField",
            Self::NotInstalled => "NotInstalled",
            Self::Forbidden => "Forbidden",
            Self::Away => "Away",
            Self::NoClass => "NoClass",
        }
    }

    /// Whether it is legal, if surely not meant.
    pub fn is_warning(self) -> bool {
        self == Self::UnknownField
    }

    /// Whether it keeps what its file says from being served: the file's last good objects stay.
    pub fn breaks_file(self) -> bool {
        matches!(self, Self::Unreadable | Self::Syntax | Self::Object)
    }
}

/// Where something is wrong: what has to be mended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Origin {
    /// A manifest.
    File {
        /// The file, as it is found from the folder that was named.
        file: PathBuf,
        /// The line, from 1; 0 for the file as a whole.
        line: usize,
    },
    /// An object that the API server has; the problem's words name it.
    Api {
        /// The object.
        #[serde(skip)]
        object: ObjectRef,
    },
    /// A watch of the API server; the problem's words name it.
    Watch {
        /// The kind that is watched.
        #[serde(skip)]
        kind: Kind,
    },
}

impl Origin {
    /// A line of a manifest, from 1; 0: the file as a whole.
    pub fn line(file: &Path, line: usize) -> Self {
        Self::File { file: file.to_owned(), line }
    }

    /// The manifest, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File { file, .. } => Some(file),
            Self::Api { .. } | Self::Watch { .. } => None,
        }
    }
}

/// Something wrong, where it is wrong. Orders by file and line, then by object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Where.
    #[serde(flatten)]
    pub origin: Origin,
    /// `Kind namespace/name`, as much as is known of it; may be empty.
    pub object: String,
    /// The field, like `spec.rules[1].matches`; may be empty.
    pub field: String,
    /// What kind of thing is wrong.
    pub kind: ProblemKind,
    /// Why, for people.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.origin {
            Origin::File { file, line: 0 } => file.display().to_string(),
            Origin::File { file, line } => format!("{}:{line}", file.display()),
            Origin::Api { .. } | Origin::Watch { .. } => String::new(),
        };
        let parts = [&place, &self.object, &self.field, &self.message];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        f.write_str(&said.join(": "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::ObjectName;

    fn problem(origin: Origin) -> Problem {
        let (object, field) = ("HTTPRoute shop/cart".to_owned(), "spec.rules".to_owned());
        Problem { origin, object, field, kind: ProblemKind::Object, message: "is wrong".to_owned() }
    }

    #[test]
    fn a_problem_names_the_line_of_a_file_or_the_object_of_the_api_server() {
        let line = problem(Origin::line(Path::new("a.yaml"), 3));
        assert_eq!(line.to_string(), "a.yaml:3: HTTPRoute shop/cart: spec.rules: is wrong");
        let whole = Problem { object: String::new(), field: String::new(), ..problem(Origin::line(Path::new("a"), 0)) };
        assert_eq!(whole.to_string(), "a: is wrong");
        let object = ObjectRef { kind: Kind::HttpRoute, name: ObjectName::new("shop", "cart") };
        let api = problem(Origin::Api { object });
        assert_eq!(api.to_string(), "HTTPRoute shop/cart: spec.rules: is wrong");
        let said =
            json!({"object": "HTTPRoute shop/cart", "field": "spec.rules", "kind": "Object", "message": "is wrong"});
        assert_eq!(serde_json::to_value(&api).expect("JSON"), said);
        let written = serde_json::to_value(&line).expect("JSON");
        assert_eq!((&written["file"], &written["line"]), (&json!("a.yaml"), &json!(3)));
    }
}
