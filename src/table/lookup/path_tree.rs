//! The paths of a host: which exact path and which prefixes meet a request's path.
//!
//! Each exact path and each prefix is one node, with a link to the next shorter prefix. `matchit` finds the first node
//! of a path; the links lead to the others, so that no node holds what belongs to another and memory is linear. A
//! tree says nothing of entries, so that hosts with the same paths can share it, and a path that no entry has costs no more
//! than a step.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use matchit::InsertError;

use crate::table::matches::PathMatch;

/// A node's place in [`PathTree`].
pub(super) type NodeId = u32;

/// Exact paths and prefixes.
#[derive(Clone, Debug, Default)]
pub(super) struct PathTree {
    router: matchit::Router<NodeId>,
    nodes: Vec<Node>,
    exact: HashMap<Arc<str>, NodeId>,
    prefix: HashMap<Arc<str>, NodeId>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Whether it is an exact path.
    exact: bool,
    /// The longest prefix that takes whatever this node takes.
    shorter: Option<NodeId>,
}

/// A path of a tree: whether it is an exact one, and the path or prefix.
pub(super) type Literal<'p> = (bool, &'p Arc<str>);

/// What a tree has of a path match: nothing of a regular expression.
pub(super) fn literal(path: &PathMatch) -> Option<Literal<'_>> {
    match path {
        PathMatch::Exact(path) => Some((true, path)),
        PathMatch::Prefix(path) => Some((false, path)),
        PathMatch::Regex(_) => None,
    }
}

impl PathTree {
    /// Adds paths, each of them new to the tree.
    pub(super) fn add<'p>(&mut self, paths: impl IntoIterator<Item = Literal<'p>>) {
        let mut added = Vec::new();
        for (exact, path) in paths {
            let Ok(id) = NodeId::try_from(self.nodes.len()) else { break };
            self.map(exact).insert(path.clone(), id);
            self.nodes.push(Node { exact, shorter: None });
            added.push((exact, path, id));
        }
        for &(exact, path, id) in &added {
            let made = match exact {
                true => self.key(path),
                false => {
                    let rest = format!("{}/{{*rest}}", escaped(path));
                    (path.is_empty() || self.key(path))
                        && self.key(&format!("{path}/"))
                        && self.router.insert(rest, id).is_ok()
                }
            };
            // What `matchit` does not take is not in the tree: its entries are tried one by one.
            if !made {
                self.map(exact).remove(path);
            }
        }
        self.link();
    }

    /// The node of an entry's path. `None`: the tree does not have it, and the entry is to be tried by itself.
    pub(super) fn node_of(&self, path: &PathMatch) -> Option<NodeId> {
        match literal(path)? {
            (true, path) => self.exact.get(path).copied(),
            (false, path) => self.prefix.get(path).copied(),
        }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes of a request's path: its exact path first, then its prefixes, the longest first.
    pub(super) fn find(&self, path: &str) -> (Option<NodeId>, Chain<'_>) {
        let first = match path.starts_with('/') {
            true => self.router.at(path).ok().map(|found| *found.value),
            false => self.prefix.get("").copied(),
        };
        match first.and_then(|id| Some((id, self.nodes.get(id as usize)?))) {
            Some((id, node)) if node.exact => (Some(id), Chain { nodes: &self.nodes, next: node.shorter }),
            _ => (None, Chain { nodes: &self.nodes, next: first }),
        }
    }

    /// Whether it has these paths and no others.
    pub(super) fn has_just(&self, paths: &HashSet<Literal<'_>>) -> bool {
        let has = |&(exact, path): &Literal<'_>| match exact {
            true => self.exact.contains_key(path),
            false => self.prefix.contains_key(path),
        };
        self.nodes.len() == paths.len() && paths.iter().all(has)
    }

    fn map(&mut self, exact: bool) -> &mut HashMap<Arc<str>, NodeId> {
        if exact { &mut self.exact } else { &mut self.prefix }
    }

    /// Makes the key of this spelling, or leads it to another node: of an exact path and a prefix that share a key, the
    /// exact path has it, and links to the prefix.
    fn key(&mut self, text: &str) -> bool {
        let prefix = || self.prefix.get(text).or_else(|| self.prefix.get(text.strip_suffix('/')?));
        let Some(&id) = self.exact.get(text).or_else(prefix) else { return false };
        let key = escaped(text);
        match self.router.insert(key.clone(), id) {
            Ok(()) => true,
            Err(InsertError::Conflict { with }) if with == key => {
                self.router.at_mut(text).map(|found| *found.value = id).is_ok()
            }
            Err(_) => false,
        }
    }

    fn link(&mut self) {
        let Self { nodes, exact, prefix, .. } = self;
        let exacts = exact.iter().map(|(path, &id)| (id, prefix.get(path).copied().or_else(|| shorter(path, prefix))));
        let prefixes = prefix.iter().map(|(path, &id)| (id, shorter(path, prefix)));
        for (id, shorter) in exacts.chain(prefixes) {
            if let Some(node) = nodes.get_mut(id as usize) {
                node.shorter = shorter;
            }
        }
    }
}

/// The longest prefix, of whole elements, that is shorter than a path.
fn shorter(path: &str, prefixes: &HashMap<Arc<str>, NodeId>) -> Option<NodeId> {
    path.rmatch_indices('/').find_map(|(slash, _)| prefixes.get(path.get(..slash)?).copied())
}

/// A path as a key of `matchit`, where braces would mean parameters.
fn escaped(path: &str) -> String {
    path.replace('{', "{{").replace('}', "}}")
}

/// Prefix nodes, the longest first.
pub(super) struct Chain<'t> {
    nodes: &'t [Node],
    next: Option<NodeId>,
}

impl Iterator for Chain<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        let id = self.next?;
        self.next = self.nodes.get(id as usize).and_then(|node| node.shorter);
        Some(id)
    }
}
