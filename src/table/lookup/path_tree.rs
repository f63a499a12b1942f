//! The paths of a host: which exact path and which prefixes meet a request's path.
//!
//! Each exact path and each prefix is one node, with a link to the next shorter prefix. `matchit` finds the first node
//! of a path; the links lead to the others, so that no node holds what belongs to another and memory is linear. A
//! tree says nothing of entries: hosts whose paths are the same can share it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};

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

/// The trees in use: hosts with the same paths share one, and a host keeps its own while only what is done at its paths
/// changes.
#[derive(Debug, Default)]
pub struct PathTrees {
    /// By a sum over the paths.
    known: HashMap<u64, Weak<PathTree>, RandomState>,
    /// How many may be known before those out of use are looked for.
    sweep_at: usize,
}

impl PathTrees {
    /// The tree of a host's paths, made unless it is known.
    pub(super) fn of(&mut self, host: &Host) -> Arc<PathTree> {
        let paths = host.entries.iter().map(|entry| &entry.matches.path);
        let distinct: HashSet<(bool, &Arc<str>)> = paths.filter_map(literal).collect();
        let hasher = self.known.hasher();
        let sum = distinct.iter().fold(0, |sum: u64, path| sum.wrapping_add(hasher.hash_one(path)));
        if let Some(tree) = self.known.get(&sum).and_then(Weak::upgrade).filter(|tree| tree.has_just(&distinct)) {
            return tree;
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, tree| tree.strong_count() > 0);
            self.sweep_at = 64 + 2 * self.known.len();
        }
        let tree = Arc::new(PathTree::new(distinct));
        self.known.insert(sum, Arc::downgrade(&tree));
        tree
    }
}

/// An exact path (`true`) or a prefix.
fn literal(path: &PathMatch) -> Option<(bool, &Arc<str>)> {
    match path {
        PathMatch::Exact(path) => Some((true, path)),
        PathMatch::Prefix(path) => Some((false, path)),
        PathMatch::Regex(_) => None,
    }
}

impl PathTree {
    fn new<'p>(paths: impl IntoIterator<Item = (bool, &'p Arc<str>)>) -> Self {
        let mut tree = Self::default();
        for (exact, path) in paths {
            let Ok(id) = NodeId::try_from(tree.nodes.len()) else { break };
            let map = if exact { &mut tree.exact } else { &mut tree.prefix };
            map.insert(path.clone(), id);
            tree.nodes.push(Node { exact, shorter: None });
        }
        tree.link();
        tree
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

    fn has_just(&self, paths: &HashSet<(bool, &Arc<str>)>) -> bool {
        let has = |&(exact, path): &(bool, &Arc<str>)| match exact {
            true => self.exact.contains_key(path),
            false => self.prefix.contains_key(path),
        };
        self.nodes.len() == paths.len() && paths.iter().all(has)
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
