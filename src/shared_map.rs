//! A sorted map that shares with its copies what is the same: a copy that is then changed costs what is changed, and two of
//! them are compared at the cost of what differs.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The most entries of a chunk.
const CHUNK: usize = 64;

/// A sorted map, of which copies are cheap. Its entries stand in chunks; a change makes its chunk anew, and all others stay
/// shared with the copies.
#[derive(Clone)]
pub struct SharedMap<K, V> {
    /// None of them empty.
    chunks: Vec<Chunk<K, V>>,
    len: usize,
}

type Chunk<K, V> = Arc<Vec<(K, V)>>;

impl<K, V> SharedMap<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    /// The values, by key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Whether both are one map, so that neither was changed since one was copied from the other.
    pub fn is(&self, other: &Self) -> bool {
        self.chunks.len() == other.chunks.len() && self.chunks.iter().zip(&other.chunks).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        let place = chunk.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        chunk.get(place).map(|(_, value)| value)
    }

    /// The chunk that a key is in, or would be.
    fn chunk_of(&self, key: &K) -> usize {
        let after = |chunk: &Chunk<K, V>| chunk.first().is_some_and(|(first, _)| first <= key);
        self.chunks.partition_point(after).saturating_sub(1)
    }

    /// Tells what is not in both maps as it is in the other: what was, and what is. Of entries that no copy shares, those too
    /// that are equal.
    pub fn differences<'m>(&'m self, now: &'m Self, mut tell: impl FnMut(Option<&'m V>, Option<&'m V>)) {
        let value = |entry: &'m (K, V)| &entry.1;
        self.different_entries(now, |was, is| tell(was.map(value), is.map(value)));
    }

    /// The same, with keys.
    pub fn different_entries<'m>(
        &'m self,
        now: &'m Self,
        mut tell: impl FnMut(Option<&'m (K, V)>, Option<&'m (K, V)>),
    ) {
        let (mut before, mut now) = (Cursor::new(self), Cursor::new(now));
        loop {
            if before.passes_what_it_shares(&mut now) {
                continue;
            }
            let order = match (before.entry(), now.entry()) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let was = if order.is_le() { before.next() } else { None };
            let is = if order.is_ge() { now.next() } else { None };
            tell(was, is);
        }
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Puts a value; answers the one that the key had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.chunk_of(&key);
        let last = at + 1 >= self.chunks.len();
        let place = self.chunks.get(at).map(|chunk| chunk.binary_search_by(|(other, _)| other.cmp(&key)));
        match (self.chunks.get_mut(at), place) {
            (Some(chunk), Some(Ok(place))) => {
                let (_, known) = Arc::make_mut(chunk).get_mut(place)?;
                return Some(std::mem::replace(known, value));
            }
            // What comes in order fills chunk after chunk.
            (Some(chunk), Some(Err(CHUNK))) if last && chunk.len() == CHUNK => self.push(key, value),
            (Some(chunk), Some(Err(place))) => {
                let entries = Arc::make_mut(chunk);
                entries.insert(place, (key, value));
                if entries.len() > CHUNK {
                    let rest = entries.split_off(CHUNK / 2);
                    self.chunks.insert(at + 1, Arc::new(rest));
                }
            }
            _ => self.push(key, value),
        }
        self.len += 1;
        None
    }

    /// Takes an entry away; answers its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.chunk_of(key);
        let chunk = self.chunks.get_mut(at)?;
        let place = chunk.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        let entries = Arc::make_mut(chunk);
        let (_, value) = entries.remove(place);
        if entries.is_empty() {
            self.chunks.remove(at);
        }
        self.len -= 1;
        Some(value)
    }

    fn push(&mut self, key: K, value: V) {
        self.chunks.push(Arc::new(vec![(key, value)]));
    }
}

/// A place in a map.
struct Cursor<'m, K, V> {
    chunks: &'m [Chunk<K, V>],
    place: usize,
}

impl<'m, K, V> Cursor<'m, K, V> {
    fn new(map: &'m SharedMap<K, V>) -> Self {
        Self { chunks: &map.chunks, place: 0 }
    }

    fn entry(&self) -> Option<&'m (K, V)> {
        self.chunks.first()?.get(self.place)
    }

    fn next(&mut self) -> Option<&'m (K, V)> {
        let entry = self.entry()?;
        self.place += 1;
        if let [chunk, rest @ ..] = self.chunks
            && self.place == chunk.len()
        {
            (self.chunks, self.place) = (rest, 0);
        }
        Some(entry)
    }

    fn passes_what_it_shares(&mut self, other: &mut Self) -> bool {
        let ([a, rest @ ..], [b, others @ ..], 0, 0) = (self.chunks, other.chunks, self.place, other.place) else {
            return false;
        };
        let same = Arc::ptr_eq(a, b);
        if same {
            (self.chunks, other.chunks) = (rest, others);
        }
        same
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// One change: a key, and its value unless it goes.
    fn change() -> impl Strategy<Value = (u16, Option<Arc<u8>>)> {
        (0..400u16, any::<Option<u8>>()).prop_map(|(key, value)| (key, value.map(Arc::new)))
    }

    fn changed(
        map: &mut SharedMap<u16, Arc<u8>>,
        plain: &mut BTreeMap<u16, Arc<u8>>,
        changes: Vec<(u16, Option<Arc<u8>>)>,
    ) {
        for (key, value) in changes {
            match value {
                Some(value) => assert_eq!(map.insert(key, value.clone()), plain.insert(key, value)),
                None => assert_eq!(map.remove(&key), plain.remove(&key)),
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_the_sorted_map_that_it_looks_like_and_tells_what_differs(
            first in prop::collection::vec(change(), 0..1_000), then in prop::collection::vec(change(), 0..300)
        ) {
            let (mut map, mut plain) = (SharedMap::default(), BTreeMap::new());
            changed(&mut map, &mut plain, first);
            let (before, plain_before) = (map.clone(), plain.clone());
            changed(&mut map, &mut plain, then);
            prop_assert!(before.iter().eq(&plain_before) && map.iter().eq(&plain));
            prop_assert!(map.len() == plain.len() && (0..400).all(|key| map.get(&key) == plain.get(&key)));
            let mut rebuilt: BTreeMap<usize, ()> = BTreeMap::new();
            let address = |value: &Arc<u8>| Arc::as_ptr(value).addr();
            rebuilt.extend(before.values().map(|value| (address(value), ())));
            before.differences(&map, |was, is| {
                was.map(|was| rebuilt.remove(&address(was)));
                is.map(|is| rebuilt.insert(address(is), ()));
            });
            let mut there: Vec<_> = plain.values().map(address).collect();
            there.sort_unstable();
            prop_assert!(rebuilt.into_keys().eq(there));
        }
    }

    #[test]
    fn a_change_among_thousands_is_told_by_a_look_at_one_chunk() {
        let map: SharedMap<u32, u32> = (0..5_000).map(|n| (n, n)).collect();
        let mut changed = map.clone();
        changed.insert(700, 0);
        changed.remove(&701);
        let mut told = 0;
        map.differences(&changed, |_, _| told += 1);
        assert!(told <= CHUNK && !changed.is(&map) && changed.clone().is(&changed));
        assert_eq!(map.len() - 1, changed.len());
    }
}
