//! Labels that are only asked whether a selector takes them: a number for each in place of its text.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Labels, each as a hash of 64 bits. Who could make two of them meet could as well set the label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(Box<[u64]>);

impl LabelSet {
    /// Of these.
    pub fn of(labels: &BTreeMap<String, String>) -> Self {
        let mut hashes: Box<[u64]> = labels.iter().map(|(key, value)| hash(key, value)).collect();
        hashes.sort_unstable();
        Self(hashes)
    }

    /// Whether all of these are among them.
    pub fn has_all(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.iter().all(|(key, value)| self.0.binary_search(&hash(key, value)).is_ok())
    }
}

fn hash(key: &str, value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, value).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_selector_takes_what_has_all_of_its_labels() {
        let set = LabelSet::of(&labels(&[("app", "pay"), ("version", "v1"), ("team", "")]));
        for (selector, taken) in [
            (&[("app", "pay")][..], true),
            (&[("version", "v1"), ("app", "pay")], true),
            (&[("team", "")], true),
            (&[], true),
            (&[("app", "cart")], false),
            (&[("app", "pay"), ("version", "v2")], false),
            (&[("pay", "app")], false),
            (&[("apppay", "")], false),
        ] {
            assert_eq!(set.has_all(&labels(selector)), taken, "{selector:?}");
        }
        assert!(!LabelSet::default().has_all(&labels(&[("app", "pay")])));
    }
}
