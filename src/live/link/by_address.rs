//! Live parts by the plain part that they were made of.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

/// Live counterparts `L` of plain parts `P`, by the plain part's address. A live part holds its plain one, so that an
/// address means the same part for as long as the live one lives.
#[derive(Debug)]
pub(super) struct ByAddress<P, L> {
    live: HashMap<usize, Weak<L>>,
    /// How many entries to have before the next tidying, so that its cost is spread over many links.
    tidy_at: usize,
    made: usize,
    plain: PhantomData<fn(&P)>,
}

impl<P, L> Default for ByAddress<P, L> {
    fn default() -> Self {
        Self { live: HashMap::new(), tidy_at: 0, made: 0, plain: PhantomData }
    }
}

impl<P, L> ByAddress<P, L> {
    pub(super) fn find(&self, plain: &Arc<P>) -> Option<Arc<L>> {
        self.live.get(&Arc::as_ptr(plain).addr())?.upgrade()
    }

    pub(super) fn keep(&mut self, plain: &Arc<P>, live: &Arc<L>) {
        self.made += 1;
        self.live.insert(Arc::as_ptr(plain).addr(), Arc::downgrade(live));
    }

    /// Lets go of what has died, once half may have.
    pub(super) fn tidy(&mut self) {
        if self.live.len() >= self.tidy_at {
            self.live.retain(|_, live| live.strong_count() > 0);
            self.tidy_at = 2 * self.live.len() + 64;
        }
    }

    /// How many live parts were ever made.
    #[cfg(test)]
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// How many entries there are, dead ones among them.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Lets go of what has died.
    pub(super) fn tidy_now(&mut self) {
        self.tidy_at = 0;
        self.tidy();
        self.live.shrink_to(self.tidy_at);
    }
}
