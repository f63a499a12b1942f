//! YAML with line numbers: text to one tree for each document.
//!
//! Scalars resolve by the core schema of YAML 1.2 ([`super::scalar`]). What an input may cost is bounded: nesting by
//! [`DEPTH`], and what aliases unfold to by [`NODES`].

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, StrInput};
use serde_json::{Map, Value};

use super::scalar;
use crate::api::{FieldPath, Step};

/// Deepest nesting of a document.
const DEPTH: usize = 64;

/// Most nodes of a file, aliases unfolded.
const NODES: usize = 2_000_000;

/// A node and the line, from 1, at which it starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) data: Data,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    /// A null, boolean, number or string.
    Scalar(Value),
    /// Elements.
    List(Vec<Node>),
    /// Fields in the document's order, each with its key's line.
    Map(Vec<Field>),
}

/// A field of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) node: Node,
}

/// Why a text is not YAML, and the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) message: String,
}

impl Node {
    /// The field of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.field(key).map(|field| &field.node)
    }

    /// The text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        if let Data::Scalar(Value::String(text)) = &self.data { Some(text) } else { None }
    }

    /// Whether nothing is there: an empty document.
    pub(super) fn is_null(&self) -> bool {
        self.data == Data::Scalar(Value::Null)
    }

    /// The line of the field that a path leads to, or of the last step of it that is there.
    pub(super) fn line_of(&self, path: &FieldPath) -> usize {
        let (mut node, mut line) = (self, self.line);
        for step in path.steps() {
            let next = match (step, &node.data) {
                (Step::Key(key), _) => node.field(key).map(|field| (&field.node, field.line)),
                (Step::Index(index), Data::List(nodes)) => nodes.get(*index).map(|node| (node, node.line)),
                (Step::Index(_), _) => None,
            };
            let Some(found) = next else { break };
            (node, line) = found;
        }
        line
    }

    /// The same without lines.
    pub(super) fn to_json(&self) -> Value {
        match &self.data {
            Data::Scalar(value) => value.clone(),
            Data::List(nodes) => nodes.iter().map(Self::to_json).collect(),
            Data::Map(fields) => Value::Object(
                fields.iter().map(|field| (field.key.clone(), field.node.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }

    fn field(&self, key: &str) -> Option<&Field> {
        if let Data::Map(fields) = &self.data { fields.iter().find(|field| field.key == key) } else { None }
    }

    fn count(&self) -> usize {
        1 + match &self.data {
            Data::Scalar(_) => 0,
            Data::List(nodes) => nodes.iter().map(Self::count).sum(),
            Data::Map(fields) => fields.iter().map(|field| field.node.count()).sum(),
        }
    }
}

/// Reads all documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, SyntaxError> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = next(&mut parser)? {
        builder.take(event.0, event.1)?;
    }
    Ok(builder.documents)
}

type Marked<'input> = (Event<'input>, usize);

fn next<'input>(parser: &mut Parser<'input, StrInput<'input>>) -> Result<Option<Marked<'input>>, SyntaxError> {
    match parser.next_event() {
        None => Ok(None),
        Some(Ok((event, span))) => Ok(Some((event, span.start.line()))),
        Some(Err(error)) => Err(SyntaxError { line: error.marker().line(), message: error.info().to_owned() }),
    }
}

/// A list or map that is not closed yet.
struct Open {
    line: usize,
    anchor: usize,
    holds: Holds,
}

enum Holds {
    List(Vec<Node>),
    Map { fields: Vec<Field>, key: Option<(usize, String)> },
}

/// Builds trees from the parser's events.
#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let data =
                    scalar::resolve(&text, style, tag.as_deref()).map_err(|message| SyntaxError { line, message })?;
                self.insert(Node { line, data: Data::Scalar(data) }, anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::SequenceStart(anchor, _) => self.open(line, anchor, Holds::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(line, anchor, Holds::Map { fields: Vec::new(), key: None }),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { line, anchor, holds: Holds::List(nodes) }) => {
                    self.insert(Node { line, data: Data::List(nodes) }, anchor)
                }
                Some(Open { line, anchor, holds: Holds::Map { fields, .. } }) => {
                    self.insert(Node { line, data: Data::Map(fields) }, anchor)
                }
                None => Ok(()),
            },
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn open(&mut self, line: usize, anchor: usize, holds: Holds) -> Result<(), SyntaxError> {
        if self.open.len() == DEPTH {
            return Err(SyntaxError { line, message: format!("nests deeper than {DEPTH} levels") });
        }
        self.open.push(Open { line, anchor, holds });
        Ok(())
    }

    /// Unfolds an alias; it stands at the line of the alias itself.
    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), SyntaxError> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(SyntaxError { line, message: "an alias to an anchor that is not closed yet".to_owned() });
        };
        self.spend(node.count(), line)?;
        let mut node = self.anchors.get(&anchor).cloned().unwrap_or(Node { line, data: Data::Scalar(Value::Null) });
        node.line = line;
        self.insert(node, 0)
    }

    fn spend(&mut self, nodes: usize, line: usize) -> Result<(), SyntaxError> {
        self.nodes += nodes;
        let message = || format!("holds more than {NODES} values");
        if self.nodes > NODES { Err(SyntaxError { line, message: message() }) } else { Ok(()) }
    }

    fn insert(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxError> {
        self.spend(1, node.line)?;
        if anchor > 0 {
            self.spend(node.count(), node.line)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open { holds: Holds::List(nodes), .. }) => nodes.push(node),
            Some(Open { holds: Holds::Map { fields, key }, .. }) => match key.take() {
                Some((line, key)) => fields.push(Field { line, key, node }),
                None => *key = Some((node.line, key_text(node, fields)?)),
            },
        }
        Ok(())
    }
}

/// A key of a map: a scalar that the map does not have yet.
fn key_text(node: Node, fields: &[Field]) -> Result<String, SyntaxError> {
    let error = |message: String| Err(SyntaxError { line: node.line, message });
    let key = match node.data {
        Data::Scalar(Value::String(text)) => text,
        Data::Scalar(value) => value.to_string(),
        Data::List(_) | Data::Map(_) => return error("a key is a list or a map".to_owned()),
    };
    if key == "<<" {
        return error("merge keys (<<) are not part of YAML 1.2".to_owned());
    }
    match fields.iter().find(|field| field.key == key) {
        Some(first) => error(format!("the key {key:?} stands twice, first on line {}", first.line)),
        None => Ok(key),
    }
}

#[cfg(test)]
mod tests;
