//! Names to values, for tables of which one comes of the other: a copy shares what is the same.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// How many names a shard has at most, on average.
const SHARD: usize = 64;

/// Values by name, in shards by the name's hash. A change makes its shard anew; all others stay shared with the copies.
#[derive(Clone)]
pub(super) struct Names<V> {
    /// A power of two of them, or none.
    shards: Vec<Arc<Shard<V>>>,
    hasher: RandomState,
    len: usize,
}

type Shard<V> = HashTable<(Arc<str>, V)>;

impl<V> Names<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        let hash = self.hasher.hash_one(name);
        let found = self.shards.get(self.shard_of(hash))?.find(hash, |(other, _)| **other == *name);
        found.map(|(_, value)| value)
    }

    /// A shard's table has its own use for the lowest and the highest bits.
    fn shard_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize & self.shards.len().wrapping_sub(1)
    }
}

impl<V: Clone> Names<V> {
    /// Room for this many.
    pub(super) fn with_capacity(names: usize) -> Self {
        let mut empty = Self::default();
        if names > 0 {
            empty.shards = vec![Arc::default(); names.div_ceil(SHARD).next_power_of_two()];
        }
        empty
    }

    /// Puts a value in the place of the one that the name had.
    pub(super) fn insert(&mut self, name: &Arc<str>, value: V) {
        if self.len >= self.shards.len() * SHARD {
            self.grow();
        }
        let hash = self.hasher.hash_one(&**name);
        let at = self.shard_of(hash);
        let hasher = &self.hasher;
        let Some(shard) = self.shards.get_mut(at) else { return };
        let rehash = |(other, _): &(Arc<str>, V)| hasher.hash_one(&**other);
        match Arc::make_mut(shard).entry(hash, |(other, _)| other == name, rehash) {
            Entry::Occupied(mut known) => known.get_mut().1 = value,
            Entry::Vacant(free) => {
                free.insert((name.clone(), value));
                self.len += 1;
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        let hash = self.hasher.hash_one(name);
        let at = self.shard_of(hash);
        let Some(shard) = self.shards.get_mut(at) else { return };
        if let Ok(known) = Arc::make_mut(shard).find_entry(hash, |(other, _)| **other == *name) {
            known.remove();
            self.len -= 1;
        }
    }

    fn grow(&mut self) {
        let mut larger = Self { hasher: self.hasher.clone(), ..Self::with_capacity(self.len * 2 + 1) };
        for (name, value) in self.shards.iter().flat_map(|shard| shard.iter()) {
            larger.insert(name, value.clone());
        }
        *self = larger;
    }
}

impl<V> Default for Names<V> {
    fn default() -> Self {
        Self { shards: Vec::new(), hasher: RandomState::new(), len: 0 }
    }
}

impl<V: fmt::Debug> fmt::Debug for Names<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.shards.iter().flat_map(|shard| shard.iter());
        f.debug_map().entries(all.map(|(name, value)| (name, value))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_copy_that_is_changed_leaves_the_other_as_it_was(
            first in prop::collection::vec((0..500u16, any::<Option<u8>>()), 0..1_000),
            then in prop::collection::vec((0..500u16, any::<Option<u8>>()), 0..200),
        ) {
            let (mut names, mut plain) = (Names::default(), HashMap::new());
            let mut copies = Vec::new();
            for changes in [first, then] {
                for (name, value) in changes {
                    let name: Arc<str> = name.to_string().into();
                    match value {
                        Some(value) => {
                            names.insert(&name, value);
                            plain.insert(name, value);
                        }
                        None => {
                            names.remove(&name);
                            plain.remove(&name);
                        }
                    }
                }
                copies.push((names.clone(), plain.clone()));
            }
            for (names, plain) in copies {
                prop_assert!((0..500).map(|n| n.to_string()).all(|n| names.get(&n) == plain.get(&*n)));
                prop_assert_eq!(names.is_empty(), plain.is_empty());
            }
        }
    }
}
