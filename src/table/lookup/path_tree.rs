//! The paths of a host: which exact path and which prefixes meet a request's path.
//!
//! Each exact path and each prefix is one node, with a link to the next shorter prefix. `matchit` finds the first node
//! of a path; the links lead to the others, so that no node holds what belongs to another and memory is linear. A
//! tree says nothing of entries: hosts whose paths are the same can share it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::table::listener::Host;
use crate::table::matches::PathMatch;

/// A node's place in [`PathTree`].
pub(super) type NodeId = u32;

/// The exact paths and prefixes of a host.
#[derive(Debug, Default)]
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

impl PathTree {
    /// The paths of a host's entries; `previous` itself where it has just these.
    pub(super) fn of(host: &Host, previous: Option<&Arc<Self>>) -> Arc<Self> {
        if let Some(previous) = previous.filter(|tree| tree.is_of(host)) {
            return previous.clone();
        }
        let mut tree = Self::default();
        for entry in &host.entries {
            tree.add(&entry.matches.path);
        }
        tree.link();
        Arc::new(tree)
    }

    /// The node of an entry's path. `None`: the tree does not have it, and the entry is to be tried by itself.
    pub(super) fn node_of(&self, path: &PathMatch) -> Option<NodeId> {
        match path {
            PathMatch::Exact(path) => self.exact.get(path).copied(),
            PathMatch::Prefix(path) => self.prefix.get(path).copied(),
            PathMatch::Regex(_) => None,
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

    fn is_of(&self, host: &Host) -> bool {
        let mut seen = vec![false; self.nodes.len()];
        let mut left = self.nodes.len();
        for entry in &host.entries {
            match self.node_of(&entry.matches.path).map(|id| id as usize) {
                Some(id) => {
                    if let Some(seen) = seen.get_mut(id).filter(|seen| !**seen) {
                        *seen = true;
                        left -= 1;
                    }
                }
                None if matches!(entry.matches.path, PathMatch::Regex(_)) => {}
                None => return false,
            }
        }
        left == 0
    }

    fn add(&mut self, path: &PathMatch) {
        let Ok(id) = NodeId::try_from(self.nodes.len()) else { return };
        let (map, path, exact) = match path {
            PathMatch::Exact(path) => (&mut self.exact, path, true),
            PathMatch::Prefix(path) => (&mut self.prefix, path, false),
            PathMatch::Regex(_) => return,
        };
        if !map.contains_key(path) {
            map.insert(path.clone(), id);
            self.nodes.push(Node { exact, shorter: None });
        }
    }

    /// Links every node and makes its keys. A path that `matchit` does not take is taken out of the maps.
    fn link(&mut self) {
        let Self { router, nodes, exact, prefix } = self;
        let set = |nodes: &mut Vec<Node>, id: NodeId, shorter| {
            if let Some(node) = nodes.get_mut(id as usize) {
                node.shorter = shorter;
            }
        };
        exact.retain(|path, &mut id| {
            set(nodes, id, prefix.get(path).copied().or_else(|| shorter(path, prefix)));
            router.insert(escaped(path), id).is_ok()
        });
        let shorter: Vec<_> = prefix.iter().map(|(path, &id)| (id, shorter(path, prefix))).collect();
        for (id, shorter) in shorter {
            set(nodes, id, shorter);
        }
        prefix.retain(|path, &mut id| {
            // An exact path of the same spelling has the key, and links here.
            let mut own = |key: &str| exact.contains_key(key) || router.insert(escaped(key), id).is_ok();
            let slash = format!("{path}/");
            (path.is_empty() || own(path))
                && own(&slash)
                && router.insert(format!("{}{{*rest}}", escaped(&slash)), id).is_ok()
        });
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
