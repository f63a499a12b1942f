//! One host's rules, indexed by path.

use std::collections::HashMap;
use std::sync::Arc;

use super::path_tree::{NodeId, PathTree};
use super::path_trees::{PathTrees, Stood};
use super::witness::Witness;
use crate::table::listener::Host;
use crate::table::matches::{PathMatch, PathMatched};
use crate::table::request::RequestView;
use crate::table::rule::{Entry, Rule};

/// One host's rules, indexed. Shared between tables while the host's entries are the same.
///
/// Entries stand in the host's order of precedence, and lookup finds the first that takes a request: the index only
/// leaves out those whose path cannot. A prefix node holds its own entries and leads to the next shorter prefix of the
/// same host; that a wider host has longer paths no link could know, so falling through to one costs a lookup of its own.
#[derive(Debug)]
pub struct HostIndex<T> {
    host: Arc<Host>,
    paths: Arc<PathTree>,
    /// By node: where its entries begin in `ordered`; one more at the end.
    starts: Box<[u32]>,
    /// Entries by node, those of one node in order of precedence.
    ordered: Box<[u32]>,
    /// Entries that no node has: regular expressions, and a few paths that the tree lacks. Tried one by one.
    single: Box<[u32]>,
    /// By entry: its place in `targets`.
    target_of: Box<[u32]>,
    targets: Box<[T]>,
}

impl<T> HostIndex<T> {
    /// Indexes a host; `bind` gives what a rule leads to. The tree of paths is taken from `trees` where they have it: most
    /// edits of a route change what is done, not where. What the host's index had `before` of an entry is taken from it,
    /// without a look at the entry.
    pub fn build(
        host: &Arc<Host>,
        before: Option<&Self>,
        trees: &mut PathTrees,
        bind: impl FnMut(&Arc<Rule>) -> T,
    ) -> Self
    where
        T: Clone,
    {
        let kept = before.map(|before| same(&before.host.entries, &host.entries)).unwrap_or_default();
        let (paths, nodes) = trees.place(host, before.map(|before| before.stood(&kept)));
        let (starts, ordered) = by_node(&nodes, paths.len());
        let single = numbered(&nodes).filter_map(|(i, node)| node.is_none().then_some(i)).collect();
        let (target_of, targets) = targets(&host.entries, before.zip(Some(&kept)), bind);
        Self { host: host.clone(), paths, starts, ordered, single, target_of, targets }
    }

    /// Where the entries of now that were there before stood.
    fn stood(&self, kept: &[Option<u32>]) -> Stood<'_> {
        let mut nodes = vec![None; self.host.entries.len()];
        for (node, range) in self.starts.windows(2).enumerate() {
            let [from, to] = *range else { continue };
            for &entry in self.ordered.get(from as usize..to as usize).unwrap_or_default() {
                if let Some(at) = nodes.get_mut(entry as usize) {
                    *at = Some(place(node));
                }
            }
        }
        let node_of = |kept: &Option<u32>| kept.and_then(|before| nodes.get(before as usize).copied());
        Stood { tree: &self.paths, nodes: kept.iter().map(node_of).collect() }
    }

    /// The host that was indexed.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// How many exact paths and prefixes the host has: the size of its tree.
    pub fn nodes(&self) -> usize {
        self.paths.len()
    }

    /// Whether both have one and the same tree of paths.
    pub fn shares_paths_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.paths, &other.paths)
    }

    /// The first entry that takes a request: what it leads to, and how its path matched.
    pub fn search<W: Witness>(&self, request: &RequestView<'_>, witness: &mut W) -> Option<(&T, PathMatched)> {
        let (exact, prefixes) = self.paths.find(request.path);
        let mut best = None;
        if let Some(node) = exact {
            best = self.first(self.of_node(node), best, witness, |entry| entry.matches.check_rest(request));
        }
        best = self.first(&self.single, best, witness, |entry| entry.matches.check(request).map(|_| ()));
        for node in prefixes {
            best = self.first(self.of_node(node), best, witness, |entry| entry.matches.check_rest(request));
        }
        let best = best? as usize;
        let entry = self.host.entries.get(best)?;
        witness.found(entry);
        let matched = match &entry.matches.path {
            PathMatch::Prefix(prefix) => PathMatched::Prefix(prefix.len()),
            PathMatch::Exact(_) | PathMatch::Regex(_) => PathMatched::Whole,
        };
        Some((self.targets.get(*self.target_of.get(best)? as usize)?, matched))
    }

    /// The first of these entries that takes the request, unless `best` comes before it.
    fn first<W: Witness>(
        &self,
        entries: &[u32],
        best: Option<u32>,
        witness: &mut W,
        check: impl Fn(&Entry) -> Result<(), super::LostBy>,
    ) -> Option<u32> {
        witness.node();
        for &i in entries.iter().take_while(|&&i| best.is_none_or(|best| i < best)) {
            let Some(entry) = self.host.entries.get(i as usize) else { continue };
            match check(entry) {
                Ok(()) => return Some(i),
                Err(by) => witness.lost(entry, by),
            }
        }
        best
    }

    fn of_node(&self, node: NodeId) -> &[u32] {
        let at = |i: usize| self.starts.get(i).map_or(0, |&start| start as usize);
        self.ordered.get(at(node as usize)..at(node as usize + 1)).unwrap_or_default()
    }
}

/// For each entry of now its place in what was before, if it was there.
fn same(before: &[Arc<Entry>], now: &[Arc<Entry>]) -> Vec<Option<u32>> {
    let begin = before.iter().zip(now).take_while(|(a, b)| Arc::ptr_eq(a, b)).count();
    let shorter = before.len().min(now.len()) - begin;
    let end = before.iter().rev().zip(now.iter().rev()).take(shorter).take_while(|(a, b)| Arc::ptr_eq(a, b)).count();
    let between = |entries: usize| begin..entries - end;
    let known: HashMap<_, u32> =
        between(before.len()).filter_map(|i| Some((Arc::as_ptr(before.get(i)?), place(i)))).collect();
    let middle = between(now.len()).map(|i| now.get(i).and_then(|entry| known.get(&Arc::as_ptr(entry)).copied()));
    let last = (before.len() - end..before.len()).map(|i| Some(place(i)));
    (0..begin).map(|i| Some(place(i))).chain(middle).chain(last).collect()
}

/// By entry its place among the targets, and these. An entry that was there `before` keeps what it leads to.
fn targets<T: Clone>(
    entries: &[Arc<Entry>],
    before: Option<(&HostIndex<T>, &Vec<Option<u32>>)>,
    mut bind: impl FnMut(&Arc<Rule>) -> T,
) -> (Box<[u32]>, Box<[T]>) {
    let mut targets = Vec::new();
    let mut kept = vec![None; before.map_or(0, |(index, _)| index.targets.len())];
    let mut bound = HashMap::new();
    let mut target_of = |(i, entry): (usize, &Arc<Entry>)| {
        let known = before.and_then(|(index, places)| {
            let target = *index.target_of.get((*places.get(i)?)? as usize)? as usize;
            Some((kept.get_mut(target)?, index.targets.get(target)?))
        });
        let at = match known {
            Some((at, target)) => at.get_or_insert_with(|| {
                targets.push(target.clone());
                place(targets.len() - 1)
            }),
            None => bound.entry(Arc::as_ptr(&entry.rule)).or_insert_with(|| {
                targets.push(bind(&entry.rule));
                place(targets.len() - 1)
            }),
        };
        *at
    };
    let target_of = entries.iter().enumerate().map(&mut target_of).collect();
    (target_of, targets.into())
}

/// Entries grouped by node: where each node's begin, and all in a row.
fn by_node(nodes: &[Option<NodeId>], count: usize) -> (Box<[u32]>, Box<[u32]>) {
    let mut grouped: Vec<(NodeId, u32)> = numbered(nodes).filter_map(|(i, node)| Some((node?, i))).collect();
    grouped.sort_unstable();
    let mut starts = Vec::with_capacity(count + 1);
    let mut before = 0;
    for node in 0..=place(count) {
        let rest = grouped.get(before..).unwrap_or_default();
        before += rest.iter().take_while(|&&(other, _)| other < node).count();
        starts.push(place(before));
    }
    (starts.into(), grouped.iter().map(|&(_, i)| i).collect())
}

fn numbered(nodes: &[Option<NodeId>]) -> impl Iterator<Item = (u32, Option<NodeId>)> {
    nodes.iter().enumerate().map(|(i, &node)| (place(i), node))
}

/// A place in a list: a host has far fewer than four thousand million entries.
fn place(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(u32::MAX)
}
