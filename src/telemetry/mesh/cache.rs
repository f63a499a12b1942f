//! The series that a worker has met, by small numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use super::counters::{Ended, Series};

/// Most entries: what is met beyond is put together anew.
const MOST: usize = 8_192;

/// A combination, as the request path knows it. An endpoint is one Service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Met {
    /// [`super::Party::id`] of who called.
    pub source: u64,
    /// The endpoint's number.
    pub endpoint: u64,
    /// How it ended.
    pub ended: Ended,
}

/// The series that a worker has met. Its lock is the worker's alone.
#[derive(Debug, Default)]
pub struct Cache(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    version: u64,
    series: HashMap<Met, Arc<Series>, BuildHasherDefault<Mixer>>,
}

impl Cache {
    /// The series of a combination; `make`: puts it together where it was not met before. `version`: of what names endpoints;
    /// with another one everything is put together anew.
    pub fn find(&self, met: Met, version: u64, make: impl FnOnce() -> Arc<Series>) -> Arc<Series> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.version != version || known.series.len() >= MOST {
            known.series.clear();
            known.version = version;
        }
        known.series.entry(met).or_insert_with(make).clone()
    }
}

/// Mixes small numbers that are given out one by one, and that no client picks.
#[derive(Default)]
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.mix(u64::from(*byte)));
    }

    fn write_u16(&mut self, number: u16) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_isize(&mut self, number: isize) {
        self.mix(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
