//! One file: its text to objects, each with its line, and to what is wrong with it.

use std::path::Path;

use crate::api::decode::{Decoded, decode_telling};
use crate::api::{FieldPath, Item};
use crate::source::{Origin, Problem, ProblemKind};

use super::yaml::{Data, Node, documents};

/// An object and the line, from 1, at which it starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) line: usize,
    pub(super) item: Item,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// Its good objects, in its order.
    pub(super) objects: Vec<Placed>,
    /// What is wrong with it.
    pub(super) problems: Vec<Problem>,
}

impl Contents {
    /// Nothing, for this reason.
    pub(super) fn failed(file: &Path, line: usize, kind: ProblemKind, message: String) -> Self {
        let origin = Origin::line(file, line);
        let problem = Problem { origin, object: String::new(), field: String::new(), kind, message };
        Self { objects: Vec::new(), problems: vec![problem] }
    }

    /// Whether there is nothing in the file, neither good nor wrong.
    pub(super) fn says_nothing(&self) -> bool {
        self.objects.is_empty() && self.problems.is_empty()
    }

    /// Whether something in the file is broken, so that what it said before still counts.
    pub(super) fn is_broken(&self) -> bool {
        self.problems.iter().any(|problem| problem.kind.breaks_file())
    }
}

/// Reads a file's bytes: documents of YAML (of which JSON is a part), each an object, a list of objects, or empty.
pub(super) fn parse(file: &Path, bytes: &[u8]) -> Contents {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            return Contents::failed(file, line, ProblemKind::Syntax, "is not UTF-8".to_owned());
        }
    };
    match documents(text) {
        Err(error) => Contents::failed(file, error.line, ProblemKind::Syntax, error.message),
        Ok(documents) => {
            let mut contents = Contents::default();
            for document in documents.iter().filter(|document| !document.is_null()) {
                add_document(&mut contents, file, document);
            }
            contents
        }
    }
}

/// A document is one object, or a `List` of them.
fn add_document(contents: &mut Contents, file: &Path, document: &Node) {
    let kind = document.get("kind").and_then(Node::text).unwrap_or_default();
    match document.get("items").map(|items| &items.data) {
        Some(Data::List(items)) if kind.ends_with("List") => {
            items.iter().for_each(|item| add_object(contents, file, item));
        }
        _ => add_object(contents, file, document),
    }
}

fn add_object(contents: &mut Contents, file: &Path, node: &Node) {
    let problem = |kind, object, field: &FieldPath, message| Problem {
        origin: Origin::line(file, node.line_of(field)),
        object,
        field: field.to_string(),
        kind,
        message,
    };
    let mut unknown = Vec::new();
    match decode_telling(node.to_json(), &mut unknown) {
        Ok(Decoded::Item(item)) => {
            let object = item.reference().to_string();
            contents.problems.extend(unknown.iter().map(|field| {
                let message = "unknown field, passed over".to_owned();
                problem(ProblemKind::UnknownField, object.clone(), field, message)
            }));
            let flaw = item.flaw().cloned();
            contents
                .problems
                .extend(flaw.map(|error| problem(ProblemKind::Object, error.object, &error.field, error.message)));
            contents.objects.push(Placed { line: node.line, item });
        }
        Ok(Decoded::Foreign) => {}
        Ok(Decoded::NotSupported { object, api_version }) => {
            let message = format!("this version does not serve this kind ({api_version})");
            contents.problems.push(problem(ProblemKind::NotSupported, object, &FieldPath::default(), message));
        }
        Err(error) => {
            contents.problems.push(problem(ProblemKind::Object, error.object, &error.field, error.message));
        }
    }
}

#[cfg(test)]
mod tests;
