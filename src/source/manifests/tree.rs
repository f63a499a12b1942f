//! A folder's tree: which manifests there are, each once, and which real folders hold them.
//!
//! Names that begin with a dot are passed over, as are the `..data` folders by which ConfigMaps are mounted: the links
//! beside them lead to the same files. A file or folder that several names lead to counts once, by the first name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::source::{Origin, Problem, ProblemKind};

/// A manifest that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it really is, links resolved.
    pub(super) real: PathBuf,
    /// Its state on disk when it was found.
    pub(super) mark: Mark,
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    inode: Inode,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Device and number of a file or folder.
pub(super) type Inode = (u64, u64);

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Manifests by their names from the folder that was named.
    pub(super) files: BTreeMap<PathBuf, Found>,
    /// The real folders where a change may change the tree.
    pub(super) folders: BTreeMap<PathBuf, Inode>,
    /// What could not be read, by name: nothing is known of what is below.
    pub(super) unreadable: Vec<Problem>,
    seen: BTreeSet<Inode>,
}

/// Walks a folder, or takes a single file. What can't be read is in the answer, never an end of the walk.
pub(super) fn walk(root: &Path) -> Tree {
    let mut tree = Tree::default();
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_file() => tree.entry(root),
        Ok(_) => tree.folder(root),
        Err(error) => tree.cannot_read(root, &error),
    }
    tree
}

impl Tree {
    fn folder(&mut self, shown: &Path) {
        match self.entries(shown) {
            Ok(entries) => entries.iter().for_each(|entry| self.entry(entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.cannot_read(shown, &error),
        }
    }

    /// Names in a folder, sorted; none where it was walked before.
    fn entries(&mut self, shown: &Path) -> io::Result<Vec<PathBuf>> {
        let real = fs::canonicalize(shown)?;
        let inode = inode_of(&fs::metadata(&real)?);
        if !self.seen.insert(inode) {
            return Ok(Vec::new());
        }
        self.folders.insert(real, inode);
        let mut entries = Vec::new();
        for entry in fs::read_dir(shown)? {
            let entry = entry?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                entries.push(entry.path());
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }

    fn entry(&mut self, shown: &Path) {
        let metadata = match fs::metadata(shown) {
            Ok(metadata) => metadata,
            // Gone since, or a link that leads nowhere (yet).
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.cannot_read(shown, &error),
        };
        if metadata.is_dir() {
            self.folder(shown);
        } else if metadata.is_file() && is_manifest(shown) && self.seen.insert(inode_of(&metadata)) {
            match fs::canonicalize(shown) {
                Ok(real) => {
                    self.watch_parent(&real);
                    self.files.insert(shown.to_owned(), Found { real, mark: Mark::of(&metadata) });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.cannot_read(shown, &error),
            }
        }
    }

    /// A link may lead out of the tree: a change there is one here.
    fn watch_parent(&mut self, real: &Path) {
        if let Some(parent) = real.parent()
            && !self.folders.contains_key(parent)
            && let Ok(metadata) = fs::metadata(parent)
        {
            self.folders.insert(parent.to_owned(), inode_of(&metadata));
        }
    }

    fn cannot_read(&mut self, shown: &Path, error: &io::Error) {
        self.unreadable.push(Problem {
            origin: Origin::line(shown, 0),
            object: String::new(),
            field: String::new(),
            kind: ProblemKind::Unreadable,
            message: error.to_string(),
        });
    }
}

impl Mark {
    /// The state that the metadata tell of.
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            inode: inode_of(metadata),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn inode_of(metadata: &fs::Metadata) -> Inode {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}
