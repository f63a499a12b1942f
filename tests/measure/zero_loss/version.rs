//! Versions: what may be served while something changes.

use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The versions of one thing that changes, from 0.
#[derive(Debug, Default)]
pub(crate) struct Version {
    written: AtomicU64,
    settled: AtomicU64,
}

impl Version {
    /// The next version, which is about to be written.
    pub(crate) fn next(&self) -> u64 {
        self.written.fetch_add(1, SeqCst) + 1
    }

    /// The version that was written last has been seen in service.
    pub(crate) fn settle(&self) {
        self.settled.store(self.written.load(SeqCst), SeqCst);
    }

    /// The version that has been seen in service: whatever begins now gets no older one.
    pub(crate) fn settled(&self) -> u64 {
        self.settled.load(SeqCst)
    }

    /// What may have been served since `settled` was asked.
    pub(crate) fn since(&self, settled: u64) -> RangeInclusive<u64> {
        settled..=self.written.load(SeqCst)
    }
}

/// What has come of the requests so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Tally {
    /// A request has ended.
    pub(crate) fn count(&self, result: Result<(), String>) {
        self.requests.fetch_add(1, SeqCst);
        if let Err(failure) = result {
            self.failures.lock().expect("no panic").push(failure);
        }
    }

    /// Requests that have ended.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(SeqCst)
    }

    /// Fails where a request failed.
    pub(crate) fn check(&self) {
        let failures = self.failures.lock().expect("no panic");
        let first = failures.iter().take(10).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(failures.is_empty(), "{} of {} failed:\n{first}", failures.len(), self.requests());
    }
}
