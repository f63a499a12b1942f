//! A folder of manifests, read and followed.
//!
//! YAML and JSON (`.yaml`, `.yml`, `.json`), several documents a file, `kind: List`, subfolders. Names that begin with a
//! dot are passed over. A broken file changes nothing: its last good objects stay until it is mended or deleted.

mod collection;
mod file;
mod follow;
mod scalar;
mod tree;
mod yaml;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use collection::Collection;
use file::Contents;
pub use follow::follow;
use tree::{Found, Mark};

use super::{ProblemKind, SourceEvent};

/// Largest manifest that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Reads a folder (or a single file) once: every good object as a change, and all that is wrong.
///
/// # Errors
/// The folder itself can't be read. What is wrong below it is in the answer.
pub fn read(folder: &Path) -> io::Result<SourceEvent> {
    fs::metadata(folder)?;
    let tree = tree::walk(folder);
    let mut collection = Collection::default();
    for (shown, found) in &tree.files {
        collection.put(shown, load(shown, found).1);
    }
    Ok(collection.tell(&tree.unreadable).unwrap_or_default())
}

/// Reads manifests that are no files, each a name and a text: every good object as a change, and all that is wrong.
pub fn read_texts<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> SourceEvent {
    let mut collection = Collection::default();
    for (name, text) in texts {
        collection.put(Path::new(name), file::parse(Path::new(name), text.as_bytes()));
    }
    collection.tell(&[]).unwrap_or_default()
}

/// Reads a file, with its state on disk after that.
fn load(shown: &Path, found: &Found) -> (Mark, Contents) {
    let failed = |message| Contents::failed(shown, 0, ProblemKind::Unreadable, message);
    let mut bytes = Vec::new();
    let read = File::open(&found.real).and_then(|file| {
        (&file).take(LARGEST + 1).read_to_end(&mut bytes)?;
        file.metadata()
    });
    match read {
        Err(error) => (found.mark, failed(error.to_string())),
        Ok(_) if bytes.len() as u64 > LARGEST => (found.mark, failed(format!("is larger than {LARGEST} bytes"))),
        Ok(metadata) => (Mark::of(&metadata), file::parse(shown, &bytes)),
    }
}
