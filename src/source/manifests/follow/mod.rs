//! Following a folder: what changes on disk becomes events, on a thread of its own.
//!
//! A file that was closed by its writer, moved into place, or that a link leads to anew is read at once; one that is just
//! being written, is suddenly empty or is gone must stay so for [`SETTLE`]: many editors take a file away before they put
//! the new one in its place. Events of the file system are only hints. What counts is the tree, read again after each,
//! and now and then without one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::UnboundedSender;

use super::collection::Collection;
use super::load;
use super::tree::{Found, Inode, Mark, walk};
use crate::source::SourceEvent;

/// How long a file must stay as it is, where it may be half of something.
const SETTLE: Duration = Duration::from_millis(100);

/// How long a file is left alone after a write that no close followed.
const WRITING: Duration = Duration::from_secs(2);

/// Shortest time from one reading of the tree to the next, so that bursts become one.
const COALESCE: Duration = Duration::from_millis(25);

/// Longest time between two readings of the tree: a net under what the system's events do not tell.
const RESCAN: Duration = Duration::from_secs(2);

/// Follows a folder on a thread of its own, until the receiver is dropped. The first event holds all that is there, and
/// is sent also where that is nothing; later ones are sent when something changes.
///
/// # Errors
/// The folder can't be read, or the thread not be started.
pub fn follow(folder: &Path, events: UnboundedSender<SourceEvent>) -> io::Result<()> {
    fs::metadata(folder)?;
    let (hint, hints) = channel();
    let watcher = notify::recommended_watcher(move |event| {
        // The thread has ended: nobody is interested.
        let _ = hint.send(event);
    });
    let watcher = watcher.inspect_err(|error| tracing::warn!(%error, "no file events: the folder is polled")).ok();
    let follower = Follower {
        folder: folder.to_owned(),
        events,
        watcher,
        watched: BTreeMap::new(),
        known: BTreeMap::new(),
        unsettled: BTreeMap::new(),
        writing: BTreeMap::new(),
        complete: BTreeSet::new(),
        collection: Collection::default(),
    };
    thread::Builder::new().name("manifests".to_owned()).spawn(move || follower.run(&hints)).map(|_| ())
}

type Hint = notify::Result<notify::Event>;

struct Follower {
    folder: PathBuf,
    events: UnboundedSender<SourceEvent>,
    watcher: Option<RecommendedWatcher>,
    /// Real folders that are watched.
    watched: BTreeMap<PathBuf, Inode>,
    /// Files as they were read.
    known: BTreeMap<PathBuf, Found>,
    /// Files that differ from what was read, as they were seen first (`None`: gone), and when.
    unsettled: BTreeMap<PathBuf, (Option<Mark>, Instant)>,
    /// Real files that were written to and not closed since, and when they were last written to.
    writing: BTreeMap<PathBuf, Instant>,
    /// Real files of which an event said that their writer is done.
    complete: BTreeSet<PathBuf>,
    collection: Collection,
}

impl Follower {
    fn run(mut self, hints: &Receiver<Hint>) {
        let mut first = true;
        loop {
            let read_at = Instant::now();
            // On a thread of its own: what it read is dropped by others, and only of a thread that has ended is memory then
            // given back to the system.
            let read = thread::scope(|scope| scope.spawn(|| self.read_tree(first)).join());
            if !read.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                return;
            }
            first = false;
            if !self.wait(hints, read_at) || self.events.is_closed() {
                return;
            }
        }
    }

    /// Waits for a hint or until something may have settled. Answers false when there are no more hints.
    fn wait(&mut self, hints: &Receiver<Hint>, read_at: Instant) -> bool {
        let settles = self.unsettled.values().map(|(_, since)| *since + SETTLE).min();
        let mut until = settles.unwrap_or(read_at + RESCAN).clamp(read_at + COALESCE, read_at + RESCAN);
        loop {
            match hints.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(hint) if self.note(&hint) => until = until.min(read_at + COALESCE),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                // Without a watcher the folder is polled.
                Err(RecvTimeoutError::Disconnected) if self.watcher.is_none() => {
                    thread::sleep(until.saturating_duration_since(Instant::now()));
                    return true;
                }
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Notes what an event says of files. Answers whether anything may have changed.
    fn note(&mut self, hint: &Hint) -> bool {
        let Ok(event) = hint else { return true };
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Modify(ModifyKind::Name(_)) => {
                self.writing.retain(|path, _| !event.paths.contains(path));
                self.complete.extend(event.paths.iter().cloned());
            }
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(CreateKind::File) => {
                self.complete.retain(|path| !event.paths.contains(path));
                self.writing.extend(event.paths.iter().map(|path| (path.clone(), Instant::now())));
            }
            _ => {}
        }
        true
    }

    /// Reads what differs on disk and tells of it. Answers false when nobody listens.
    fn read_tree(&mut self, first: bool) -> bool {
        let mut tree = walk(&self.folder);
        while self.watch(&tree.folders) {
            // What changed before the watch began gave no event.
            tree = walk(&self.folder);
        }
        let now = Instant::now();
        self.writing.retain(|_, written| now.duration_since(*written) < WRITING);
        for (shown, found) in &tree.files {
            self.look_at(shown, found, first, now);
        }
        let unreadable = || tree.unreadable.iter().filter_map(|problem| problem.origin.file());
        let hidden = |shown: &Path| unreadable().any(|above| shown.starts_with(above));
        let gone = |shown: &PathBuf| !tree.files.contains_key(shown) && !hidden(shown);
        for shown in self.known.keys().filter(|shown| gone(shown)).cloned().collect::<Vec<_>>() {
            if self.is_settled(&shown, None, now) {
                self.known.remove(&shown);
                self.unsettled.remove(&shown);
                self.collection.remove(&shown);
            }
        }
        self.unsettled.retain(|shown, _| self.known.contains_key(shown) || tree.files.contains_key(shown));
        self.complete.clear();
        self.collection.tell(&tree.unreadable).is_none_or(|event| self.events.send(event).is_ok())
    }

    /// Reads a file where it differs from what was read before, and is all there.
    fn look_at(&mut self, shown: &Path, found: &Found, first: bool, now: Instant) {
        let known = self.known.get(shown);
        let complete = self.complete.contains(&found.real);
        if known == Some(found) && !complete {
            self.unsettled.remove(shown);
            return;
        }
        let led_anew = known.is_some_and(|known| known.real != found.real);
        let settled = self.is_settled(shown, Some(found.mark), now) && !self.writing.contains_key(&found.real);
        if !(first || complete || led_anew || settled) {
            return;
        }
        let (mark, contents) = load(shown, found);
        let suddenly_empty = contents.says_nothing() && self.collection.objects_of(shown) > 0;
        if !settled && (mark != found.mark || suddenly_empty) {
            return;
        }
        self.unsettled.remove(shown);
        self.known.insert(shown.to_owned(), Found { real: found.real.clone(), mark });
        self.collection.put(shown, contents);
    }

    /// Whether a file has been as it is for long enough; the time counts from the first call with this mark.
    fn is_settled(&mut self, shown: &Path, mark: Option<Mark>, now: Instant) -> bool {
        match self.unsettled.get(shown) {
            Some((seen, since)) if *seen == mark => now.duration_since(*since) >= SETTLE,
            _ => {
                self.unsettled.insert(shown.to_owned(), (mark, now));
                false
            }
        }
    }

    /// Watches these folders and no others. Answers whether a watch is new.
    fn watch(&mut self, folders: &BTreeMap<PathBuf, Inode>) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let stale = |(folder, inode): &(&PathBuf, &Inode)| folders.get(*folder) != Some(*inode);
        for (folder, _) in self.watched.iter().filter(stale) {
            // A folder that is gone has no watch any more.
            let _ = watcher.unwatch(folder);
        }
        self.watched.retain(|folder, inode| folders.get(folder) == Some(inode));
        let mut new = false;
        for (folder, inode) in folders {
            if !self.watched.contains_key(folder) {
                if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                    tracing::warn!(%error, folder = %folder.display(), "no file events: the folder is polled");
                }
                self.watched.insert(folder.clone(), *inode);
                new = true;
            }
        }
        new
    }
}

#[cfg(test)]
mod tests;
