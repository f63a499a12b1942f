//! The trees of paths in use: shared by hosts, and kept from one table to the next.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};

use super::path_tree::{NodeId, PathTree, literal};
use crate::table::hostname::HostPattern;
use crate::table::listener::Host;

/// From how many entries on a host's last tree is remembered by its name.
const LARGE: usize = 64;
/// How many entries of a large host are tried one by one, rather than that a tree is copied to take in their paths.
const FEW: usize = 8;

/// The trees in use. Hosts with the same paths share one. A large host keeps its own: its next index takes the tree as it
/// is for as long as at least half of its paths are in use. The entries of a few paths that it lacks are tried one by one;
/// more are added to a copy. So what is to do follows the change and not the host.
#[derive(Debug, Default)]
pub struct PathTrees {
    /// By a sum over the paths.
    known: HashMap<u64, Weak<PathTree>, RandomState>,
    /// Of large hosts.
    last: HashMap<HostPattern, Weak<PathTree>>,
    /// How many may be remembered before those out of use are looked for.
    sweep_at: usize,
}

/// A tree, and the node of each entry of a host. `None`: the tree does not have its path.
pub(super) type Placed = (Arc<PathTree>, Vec<Option<NodeId>>);

/// Where the entries of a host stood in a tree: for each that did, its node, if it had one.
pub(super) struct Stood<'t> {
    pub(super) tree: &'t Arc<PathTree>,
    pub(super) nodes: Vec<Option<Option<NodeId>>>,
}

impl PathTrees {
    /// The tree of a host's paths, made unless there is one.
    pub(super) fn place(&mut self, host: &Host, before: Option<Stood<'_>>) -> Placed {
        let last = self.last.get(&host.hostname).and_then(Weak::upgrade);
        let adapt = |tree: Arc<PathTree>| {
            let before = before.as_ref().filter(|before| Arc::ptr_eq(before.tree, &tree));
            let known = |i: usize| before.and_then(|before| before.nodes.get(i).copied().flatten());
            let nodes = host.entries.iter().enumerate();
            let nodes = nodes.map(|(i, entry)| known(i).unwrap_or_else(|| tree.node_of(&entry.matches.path))).collect();
            adapted(tree, host, nodes)
        };
        let (tree, nodes) = last.and_then(adapt).unwrap_or_else(|| {
            let tree = self.shared(host);
            let nodes = nodes_of(&tree, host);
            (tree, nodes)
        });
        self.sweep();
        if host.entries.len() >= LARGE {
            self.last.insert(host.hostname.clone(), Arc::downgrade(&tree));
        }
        (tree, nodes)
    }

    fn shared(&mut self, host: &Host) -> Arc<PathTree> {
        let paths: HashSet<_> = host.entries.iter().filter_map(|entry| literal(&entry.matches.path)).collect();
        let hasher = self.known.hasher();
        let sum = paths.iter().fold(0, |sum: u64, path| sum.wrapping_add(hasher.hash_one(path)));
        if let Some(tree) = self.known.get(&sum).and_then(Weak::upgrade).filter(|tree| tree.has_just(&paths)) {
            return tree;
        }
        let mut tree = PathTree::default();
        tree.add(paths);
        let tree = Arc::new(tree);
        self.known.insert(sum, Arc::downgrade(&tree));
        tree
    }

    /// Forgets trees out of use, each time that twice as many are remembered as were in use.
    fn sweep(&mut self) {
        if self.known.len() + self.last.len() >= self.sweep_at {
            self.known.retain(|_, tree| tree.strong_count() > 0);
            self.last.retain(|_, tree| tree.strong_count() > 0);
            self.sweep_at = 64 + 2 * (self.known.len() + self.last.len());
        }
    }
}

/// A host's last tree for what the host has now. `None`: another is better made anew.
fn adapted(tree: Arc<PathTree>, host: &Host, mut nodes: Vec<Option<NodeId>>) -> Option<Placed> {
    let mut used = vec![false; tree.len()];
    let (mut missing, mut lacking) = (HashSet::new(), 0);
    for (entry, node) in host.entries.iter().zip(&nodes) {
        match node {
            Some(node) => {
                if let Some(used) = used.get_mut(*node as usize) {
                    *used = true;
                }
            }
            None => {
                let path = literal(&entry.matches.path);
                lacking += usize::from(path.is_some());
                missing.extend(path);
            }
        }
    }
    let used = used.iter().filter(|used| **used).count();
    if used * 2 < tree.len() || missing.len() * 8 > used {
        return None;
    }
    if lacking <= FEW {
        return Some((tree, nodes));
    }
    let mut larger = PathTree::clone(&tree);
    larger.add(missing);
    for (entry, node) in host.entries.iter().zip(&mut nodes).filter(|(_, node)| node.is_none()) {
        *node = larger.node_of(&entry.matches.path);
    }
    Some((Arc::new(larger), nodes))
}

fn nodes_of(tree: &PathTree, host: &Host) -> Vec<Option<NodeId>> {
    host.entries.iter().map(|entry| tree.node_of(&entry.matches.path)).collect()
}
