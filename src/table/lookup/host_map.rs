//! Hosts to values: exact names, wildcards (the longest first), any.

use super::names::Names;
use crate::table::hostname::HostPattern;

/// Values by host pattern. A copy shares what is the same.
#[derive(Clone, Debug)]
pub(super) struct HostMap<V> {
    exact: Names<V>,
    /// By suffix, without `*.`.
    wildcard: Names<V>,
    /// No suffix is longer than that: a longer one of a host need not be looked up.
    longest: usize,
    any: Option<V>,
}

impl<V: Clone> HostMap<V> {
    /// Room for this many names.
    pub(super) fn with_capacity(names: usize) -> Self {
        Self { exact: Names::with_capacity(names), wildcard: Names::default(), longest: 0, any: None }
    }

    /// Puts a value in the place of the one that the pattern had.
    pub(super) fn insert(&mut self, pattern: &HostPattern, value: V) {
        match pattern {
            HostPattern::Exact(name) => self.exact.insert(name, value),
            HostPattern::Wildcard(suffix) => {
                self.longest = self.longest.max(suffix.len());
                self.wildcard.insert(suffix, value);
            }
            HostPattern::Any => self.any = Some(value),
        }
    }

    pub(super) fn remove(&mut self, pattern: &HostPattern) {
        match pattern {
            HostPattern::Exact(name) => self.exact.remove(name),
            HostPattern::Wildcard(suffix) => self.wildcard.remove(suffix),
            HostPattern::Any => self.any = None,
        }
    }
}

impl<V> HostMap<V> {
    /// The value of just this pattern.
    pub(super) fn get(&self, pattern: &HostPattern) -> Option<&V> {
        match pattern {
            HostPattern::Exact(name) => self.exact.get(name),
            HostPattern::Wildcard(suffix) => self.wildcard.get(suffix),
            HostPattern::Any => self.any.as_ref(),
        }
    }

    /// The values whose patterns match a host, the most specific first.
    pub(super) fn matching<'m>(&'m self, host: &str) -> impl Iterator<Item = &'m V> {
        let suffixes = host.match_indices('.').filter(|&(dot, _)| dot > 0 && !self.wildcard.is_empty());
        let wildcards = suffixes.filter_map(|(dot, _)| {
            let suffix = host.get(dot + 1..).filter(|suffix| suffix.len() <= self.longest)?;
            self.wildcard.get(suffix)
        });
        self.exact.get(host).into_iter().chain(wildcards).chain(&self.any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_comes_before_the_longest_wildcard_and_any_comes_last() {
        let patterns: Vec<_> = ["", "*.test", "*.b.test", "a.b.test"].map(|t| HostPattern::parse(t).unwrap()).into();
        let mut map = HostMap::with_capacity(0);
        patterns.iter().enumerate().for_each(|(i, pattern)| map.insert(pattern, i));
        let matching = |host| map.matching(host).copied().collect::<Vec<_>>();
        assert_eq!(matching("a.b.test"), [3, 2, 1, 0]);
        assert_eq!(matching("x.a.b.test"), [2, 1, 0]);
        assert_eq!(matching("b.test"), [1, 0]);
        assert_eq!(matching("test"), [0]);
        assert_eq!(matching(".test"), [0]);
        let before = map.clone();
        patterns[1..].iter().for_each(|pattern| map.remove(pattern));
        assert_eq!(map.matching("a.b.test").collect::<Vec<_>>(), [&0]);
        assert_eq!((before.get(&patterns[2]), map.get(&patterns[2])), (Some(&2), None));
    }
}
