//! Hosts to values: exact names, wildcards (the longest first), any.

use std::collections::HashMap;
use std::sync::Arc;

use crate::table::hostname::HostPattern;

/// Values by host pattern.
#[derive(Debug)]
pub(super) struct HostMap<V> {
    exact: HashMap<Arc<str>, V>,
    /// By suffix, without `*.`.
    wildcard: HashMap<Arc<str>, V>,
    /// Length of the longest suffix: a longer one of a host need not be looked up.
    longest: usize,
    any: Option<V>,
}

impl<V> HostMap<V> {
    /// Of two values of one pattern the first stays.
    pub(super) fn new<'p>(values: impl IntoIterator<Item = (&'p HostPattern, V)>) -> Self {
        let values = values.into_iter();
        let exact = HashMap::with_capacity(values.size_hint().0);
        let mut map = Self { exact, wildcard: HashMap::new(), longest: 0, any: None };
        for (pattern, value) in values {
            match pattern {
                HostPattern::Exact(name) => {
                    map.exact.entry(name.clone()).or_insert(value);
                }
                HostPattern::Wildcard(suffix) => {
                    map.longest = map.longest.max(suffix.len());
                    map.wildcard.entry(suffix.clone()).or_insert(value);
                }
                HostPattern::Any => {
                    map.any.get_or_insert(value);
                }
            }
        }
        map
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
        let map = HostMap::new(patterns.iter().enumerate().map(|(i, p)| (p, i)));
        let matching = |host| map.matching(host).copied().collect::<Vec<_>>();
        assert_eq!(matching("a.b.test"), [3, 2, 1, 0]);
        assert_eq!(matching("x.a.b.test"), [2, 1, 0]);
        assert_eq!(matching("b.test"), [1, 0]);
        assert_eq!(matching("test"), [0]);
        assert_eq!(matching(".test"), [0]);
    }
}
