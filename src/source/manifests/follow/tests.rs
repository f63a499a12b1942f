//! A real folder, changed as editors and ConfigMaps change it. Tests wait for the event that must come.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::follow;
use crate::snapshot::Change;
use crate::source::SourceEvent;

/// A followed folder.
struct Followed {
    folder: TempDir,
    events: UnboundedReceiver<SourceEvent>,
    runtime: Runtime,
}

fn namespace(name: &str, label: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{v: '{label}'}}\n")
}

impl Followed {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path());
        let (sender, events) = unbounded_channel();
        follow(folder.path(), sender).expect("a follower");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { folder, events, runtime }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// The next event: changes like `+Namespace a`, and lines of problems without the folder.
    fn next(&mut self) -> (Vec<String>, Vec<String>) {
        let event =
            self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), self.events.recv()).await });
        let event = event.expect("an event in time").expect("a follower");
        let change = |change: &Change| match change {
            Change::Put(item) => format!("+{}", item.reference()),
            Change::Remove(object) => format!("-{object}"),
        };
        let folder = format!("{}/", self.folder.path().display());
        let problems = event.problems.iter().map(|problem| problem.to_string().replace(&folder, ""));
        (event.changes.iter().map(change).collect(), problems.collect())
    }

    fn expect(&mut self, changes: &[&str]) {
        let (found, problems) = self.next();
        assert_eq!(found, changes, "{problems:?}");
    }
}

#[test]
fn the_first_event_holds_what_is_there_also_nothing() {
    Followed::new(|_| {}).expect(&[]);
    let mut followed = Followed::new(|folder| {
        fs::create_dir(folder.join("sub")).expect("a folder");
        fs::write(folder.join("sub/a.yml"), namespace("a", "1")).expect("written");
        fs::write(folder.join("b.yaml"), namespace("b", "1") + "---\n" + &namespace("c", "1")).expect("written");
        fs::write(folder.join(".hidden.yaml"), namespace("d", "1")).expect("written");
        fs::write(folder.join("notes.txt"), "not a manifest: [").expect("written");
    });
    followed.expect(&["+Namespace a", "+Namespace b", "+Namespace c"]);
}

#[test]
fn a_file_that_comes_changes_and_goes_is_followed() {
    let mut followed = Followed::new(|_| {});
    followed.expect(&[]);
    followed.write("a.yaml", &(namespace("a", "1") + "---\n" + &namespace("b", "1")));
    followed.expect(&["+Namespace a", "+Namespace b"]);
    followed.write("a.yaml", &(namespace("a", "2") + "---\n" + &namespace("b", "1")));
    followed.expect(&["+Namespace a"]);
    followed.write("a.yaml", &namespace("a", "2"));
    followed.expect(&["-Namespace b"]);
    fs::remove_file(followed.path("a.yaml")).expect("removed");
    followed.expect(&["-Namespace a"]);
}

#[test]
fn a_subfolder_that_comes_later_is_followed() {
    let mut followed = Followed::new(|_| {});
    followed.expect(&[]);
    fs::create_dir_all(followed.path("x/y")).expect("folders");
    followed.write("x/y/a.json", r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}"#);
    followed.expect(&["+Namespace a"]);
    fs::remove_dir_all(followed.path("x")).expect("removed");
    followed.expect(&["-Namespace a"]);
}

#[test]
fn an_atomic_rename_is_one_change() {
    let mut followed = Followed::new(|folder| {
        fs::write(folder.join("a.yaml"), namespace("a", "1")).expect("written");
    });
    followed.expect(&["+Namespace a"]);
    followed.write(".a.yaml.swp", &namespace("a", "2"));
    fs::rename(followed.path(".a.yaml.swp"), followed.path("a.yaml")).expect("renamed");
    followed.expect(&["+Namespace a"]);
}

#[test]
fn an_editor_that_moves_the_old_file_away_first_removes_nothing() {
    let mut followed = Followed::new(|folder| {
        fs::write(folder.join("a.yaml"), namespace("a", "1") + "---\n" + &namespace("b", "1")).expect("written");
    });
    followed.expect(&["+Namespace a", "+Namespace b"]);
    fs::rename(followed.path("a.yaml"), followed.path("a.yaml~")).expect("renamed");
    followed.write("a.yaml", &(namespace("a", "2") + "---\n" + &namespace("b", "1")));
    followed.expect(&["+Namespace a"]);
}

#[test]
fn a_config_map_swaps_its_files_at_once() {
    let mut followed = Followed::new(|folder| {
        fs::create_dir(folder.join("..1")).expect("a folder");
        fs::write(folder.join("..1/a.yaml"), namespace("a", "1")).expect("written");
        fs::write(folder.join("..1/b.yaml"), namespace("b", "1")).expect("written");
        symlink("..1", folder.join("..data")).expect("a link");
        symlink("..data/a.yaml", folder.join("a.yaml")).expect("a link");
        symlink("..data/b.yaml", folder.join("b.yaml")).expect("a link");
    });
    assert_eq!(followed.next(), (vec!["+Namespace a".to_owned(), "+Namespace b".to_owned()], Vec::new()));
    fs::create_dir(followed.path("..2")).expect("a folder");
    followed.write("..2/a.yaml", &namespace("a", "2"));
    followed.write("..2/b.yaml", &namespace("b", "2"));
    symlink("..2", followed.path("..data_tmp")).expect("a link");
    fs::rename(followed.path("..data_tmp"), followed.path("..data")).expect("renamed");
    fs::remove_dir_all(followed.path("..1")).expect("removed");
    followed.expect(&["+Namespace a", "+Namespace b"]);
}

#[test]
fn a_link_to_a_file_elsewhere_is_followed() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = elsewhere.path().join("real.yaml");
    fs::write(&target, namespace("a", "1")).expect("written");
    let mut followed = Followed::new(|folder| {
        symlink(&target, folder.join("one.yaml")).expect("a link");
        symlink(&target, folder.join("two.yaml")).expect("a link");
        symlink(folder, folder.join("circle")).expect("a link");
    });
    assert_eq!(followed.next(), (vec!["+Namespace a".to_owned()], Vec::new()));
    fs::write(&target, namespace("a", "2")).expect("written");
    followed.expect(&["+Namespace a"]);
}

#[test]
fn a_broken_file_changes_nothing_until_it_is_mended_or_deleted() {
    let mut followed = Followed::new(|folder| {
        fs::write(folder.join("a.yaml"), namespace("a", "1") + "---\n" + &namespace("b", "1")).expect("written");
    });
    followed.expect(&["+Namespace a", "+Namespace b"]);
    followed.write("a.yaml", &(namespace("a", "2") + "---\nkind: Namespace\napiVersion: v1\nmetadata:\n  name: B\n"));
    let problem = "a.yaml:10: Namespace B: metadata.name: \"B\" is not a name of 1 to 63 of a-z, 0-9, '-' and '.'";
    assert_eq!(followed.next(), (Vec::new(), vec![problem.to_owned()]));
    followed.write("a.yaml", "kind: [\n");
    let (changes, problems) = followed.next();
    assert!(changes.is_empty() && problems.len() == 1 && problems[0].starts_with("a.yaml:"), "{problems:?}");
    followed.write("a.yaml", &(namespace("a", "2") + "---\n" + &namespace("b", "1")));
    assert_eq!(followed.next(), (vec!["+Namespace a".to_owned()], Vec::new()));
    followed.write("a.yaml", "kind: [\n");
    assert_eq!(followed.next().0, Vec::<String>::new());
    fs::remove_file(followed.path("a.yaml")).expect("removed");
    assert_eq!(followed.next(), (vec!["-Namespace a".to_owned(), "-Namespace b".to_owned()], Vec::new()));
}

#[test]
fn a_file_that_is_half_written_removes_nothing() {
    let whole = namespace("a", "1") + "---\n" + &namespace("b", "1");
    let mut followed = Followed::new(|folder| {
        fs::write(folder.join("a.yaml"), &whole).expect("written");
    });
    followed.expect(&["+Namespace a", "+Namespace b"]);
    // Emptied, and the first half written: both are whole YAML. Another file's change is told meanwhile.
    let mut file = fs::File::create(followed.path("a.yaml")).expect("emptied");
    file.write_all(namespace("a", "1").as_bytes()).expect("written");
    followed.write("c.yaml", &namespace("c", "1"));
    followed.expect(&["+Namespace c"]);
    file.write_all(("---\n".to_owned() + &namespace("b", "2")).as_bytes()).expect("written");
    drop(file);
    followed.expect(&["+Namespace b"]);
}

#[test]
fn the_same_object_in_two_files_is_told_and_the_first_counts() {
    let mut followed = Followed::new(|folder| {
        fs::write(folder.join("a.yaml"), namespace("a", "1")).expect("written");
        fs::write(folder.join("b.yaml"), "---\n".to_owned() + &namespace("a", "2")).expect("written");
    });
    let (changes, problems) = followed.next();
    let first = followed.path("a.yaml");
    assert_eq!(changes, ["+Namespace a"]);
    let folder = format!("{}/", followed.folder.path().display());
    let shown = first.display().to_string().replace(&folder, "");
    assert_eq!(problems, [format!("b.yaml:2: Namespace a: is in {shown}:1 already, which counts")]);
    fs::remove_file(first).expect("removed");
    assert_eq!(followed.next(), (vec!["+Namespace a".to_owned()], Vec::new()));
}

#[test]
fn a_folder_that_is_gone_is_told_and_removes_nothing() {
    let outer = tempfile::tempdir().expect("a folder");
    let (folder, aside) = (outer.path().join("m"), outer.path().join("aside"));
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("a.yaml"), namespace("a", "1")).expect("written");
    let (sender, mut events) = unbounded_channel();
    follow(&folder, sender).expect("a follower");
    assert_eq!(events.blocking_recv().expect("an event").changes.len(), 1);
    fs::rename(&folder, &aside).expect("renamed");
    let event = events.blocking_recv().expect("an event");
    assert_eq!((event.changes.len(), event.problems.len()), (0, 1));
    fs::rename(&aside, &folder).expect("renamed");
    let event = events.blocking_recv().expect("an event");
    assert_eq!((event.changes.len(), event.problems.len()), (0, 0));
}
