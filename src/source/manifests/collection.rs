//! What all files say together: each object once, and what changed since it was last told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::api::{Item, ObjectRef};
use crate::snapshot::Change;
use crate::source::{Origin, Problem, ProblemKind, SourceEvent};

use super::file::{Contents, Placed};

/// The files of a folder, and what of them has been told.
#[derive(Debug, Default)]
pub(super) struct Collection {
    files: BTreeMap<PathBuf, State>,
    told: BTreeMap<ObjectRef, Item>,
    /// `None`: nothing has been told yet.
    told_problems: Option<Vec<Problem>>,
}

/// What counts of one file.
#[derive(Debug, Default)]
struct State {
    /// The last good objects.
    objects: Vec<Placed>,
    /// Whether they are all that the file said: it was not broken then.
    whole: bool,
    /// What is wrong with it now.
    problems: Vec<Problem>,
}

/// Where an object stands.
struct Place<'a> {
    file: &'a Path,
    placed: &'a Placed,
}

impl Collection {
    /// How many objects count of a file.
    pub(super) fn objects_of(&self, file: &Path) -> usize {
        self.files.get(file).map_or(0, |state| state.objects.len())
    }

    /// A file says something new. Where it is broken, what it said before counts on; where it never was whole, what is
    /// good of it counts.
    pub(super) fn put(&mut self, file: &Path, contents: Contents) {
        let state = self.files.entry(file.to_owned()).or_default();
        if !contents.is_broken() {
            (state.objects, state.whole) = (contents.objects, true);
        } else if !state.whole && !contents.objects.is_empty() {
            state.objects = contents.objects;
        }
        state.problems = contents.problems;
    }

    /// A file is gone.
    pub(super) fn remove(&mut self, file: &Path) {
        self.files.remove(file);
    }

    /// What changed since the last call; `None` where nothing did. `unreadable`: problems that are of no file's contents.
    pub(super) fn tell(&mut self, unreadable: &[Problem]) -> Option<SourceEvent> {
        let mut problems: Vec<Problem> = self.files.values().flat_map(|state| &state.problems).cloned().collect();
        problems.extend_from_slice(unreadable);
        let objects = merge(&self.files, &mut problems);
        problems.sort_unstable();
        let put = objects.iter().filter(|(name, place)| self.told.get(*name) != Some(&place.placed.item));
        let mut changes: Vec<Change> = put.map(|(_, place)| Change::Put(place.placed.item.clone())).collect();
        changes.extend(self.told.keys().filter(|name| !objects.contains_key(*name)).cloned().map(Change::Remove));
        self.told = objects.into_iter().map(|(name, place)| (name, place.placed.item.clone())).collect();
        let news = !changes.is_empty() || self.told_problems.as_ref() != Some(&problems);
        self.told_problems = Some(problems.clone());
        news.then_some(SourceEvent { changes, problems, ..SourceEvent::default() })
    }
}

/// Every object once: of two by the same name the first counts, by the order of files, and the other is a problem that
/// names both places.
fn merge<'a>(files: &'a BTreeMap<PathBuf, State>, problems: &mut Vec<Problem>) -> BTreeMap<ObjectRef, Place<'a>> {
    let mut objects: BTreeMap<ObjectRef, Place<'a>> = BTreeMap::new();
    let all = files.iter().flat_map(|(file, state)| state.objects.iter().map(move |placed| Place { file, placed }));
    for place in all {
        let name = place.placed.item.reference();
        match objects.get(&name) {
            None => {
                objects.insert(name, place);
            }
            Some(first) => problems.push(Problem {
                origin: Origin::line(place.file, place.placed.line),
                object: name.to_string(),
                field: String::new(),
                kind: ProblemKind::Duplicate,
                message: format!("is in {}:{} already, which counts", first.file.display(), first.placed.line),
            }),
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::manifests::file::parse;

    const GOOD: &str = "kind: Namespace\napiVersion: v1\nmetadata: {name: a}\n---\n\
                        kind: Namespace\napiVersion: v1\nmetadata: {name: b}\n";
    const HALF_BAD: &str = "kind: Namespace\napiVersion: v1\nmetadata: {name: a}\n---\n\
                            kind: Namespace\napiVersion: v1\nmetadata: {name: B}\n";

    fn tell(collection: &mut Collection, text: &str) -> (Vec<String>, usize) {
        collection.put(Path::new("x.yaml"), parse(Path::new("x.yaml"), text.as_bytes()));
        let event = collection.tell(&[]).expect("news");
        let change = |change: &Change| match change {
            Change::Put(item) => format!("+{}", item.reference().name),
            Change::Remove(object) => format!("-{}", object.name),
        };
        (event.changes.iter().map(change).collect(), event.problems.len())
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_broken_file_keeps_its_last_good_objects() {
        let mut collection = Collection::default();
        assert_eq!(tell(&mut collection, GOOD), (words(&["+a", "+b"]), 0));
        assert_eq!(tell(&mut collection, HALF_BAD), (words(&[]), 1));
        assert_eq!(tell(&mut collection, "kind: [\n"), (words(&[]), 1));
        assert_eq!(tell(&mut collection, ""), (words(&["-a", "-b"]), 0));
    }

    #[test]
    fn of_a_file_that_never_was_whole_the_good_objects_count() {
        let mut collection = Collection::default();
        assert_eq!(tell(&mut collection, "kind: [\n"), (words(&[]), 1));
        assert_eq!(tell(&mut collection, HALF_BAD), (words(&["+a"]), 1));
        assert_eq!(tell(&mut collection, "kind: [\n"), (words(&[]), 1));
        assert_eq!(tell(&mut collection, GOOD), (words(&["+b"]), 0));
    }
}
