//! A folder of manifests, looked at and not served: what `check` and `explain` share.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use crate::compile::Options;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::source::{Problem, manifests};

/// What a folder holds, and by what a proxy would judge it.
pub(super) struct Folder {
    /// Its good objects.
    pub(super) snapshot: Snapshot,
    /// What is wrong with it.
    pub(super) problems: Vec<Problem>,
    /// Those of a proxy without further flags.
    pub(super) options: Options,
}

impl Folder {
    /// Reads a folder, or a single file. Errors: it cannot be read at all.
    pub(super) fn read(folder: &Path, external_names: bool) -> anyhow::Result<Self> {
        let read = manifests::read(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut snapshot = Snapshot::default();
        snapshot.apply(read.changes);
        let settings = Settings::default();
        let own_ports = std::iter::once(settings.metrics).chain(settings.admin).map(|address| address.port());
        let options = Options { external_names, own_ports: own_ports.collect(), ..Options::default() };
        Ok(Self { snapshot, problems: read.problems, options })
    }
}

/// Writes to stdout. That whoever reads has seen enough is no error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}
