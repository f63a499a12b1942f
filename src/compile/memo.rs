//! Memo: what was found before, for reuse while what it stands on is the same.

use super::Options;
use super::attached::Attached;
use super::certificate;
use super::changes::History;
use super::kept::Routes;
use super::mesh::Meshes;
use super::tables::Tables;

/// What was found before.
#[derive(Debug, Default)]
pub struct Memo {
    options: Option<Options>,
    pub(super) certificates: certificate::Known,
    pub(super) history: History,
    pub(super) routes: Routes,
    pub(super) attached: Attached,
    pub(super) meshes: Meshes,
    pub(super) tables: Tables,
}

impl Memo {
    /// Whether anything was found before.
    pub(super) fn is_fresh(&self) -> bool {
        self.options.is_none()
    }

    /// Begins a compile: all that was found by other options is forgotten.
    pub(super) fn begin(&mut self, options: &Options) {
        if self.options.as_ref() != Some(options) {
            *self = Self { options: Some(options.clone()), ..Self::default() };
        }
    }
}
