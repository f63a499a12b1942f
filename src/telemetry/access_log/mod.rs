//! The access log: one line of JSON for each request that ended, if it is wanted.
//!
//! A line is built only when it is going to be written. A bounded queue leads to a writer thread of its own: a worker never
//! waits for the output, and lines that find the queue full are dropped and counted. `docs/access-log.md` describes it.

mod filter;
mod line;
#[cfg(test)]
mod tests;
mod writer;

use std::io::Write;

pub use filter::{Filter, InvalidFilter, Options};
pub use line::{FIELDS, LONGEST_PATH, Record, SentTo};

use super::outcome::Outcome;
use super::series::RuleSeries;
use filter::Sampler;
use prometheus::IntCounter;
use writer::Writer;

/// Counts what became of lines.
#[derive(Clone, Debug)]
pub(super) struct LineCounters {
    /// Handed to the writer.
    pub(super) written: IntCounter,
    /// Dropped: the queue was full, or the output is closed.
    pub(super) dropped: IntCounter,
}

/// A running access log. Its drop writes what is queued, for a second at most.
#[derive(Debug)]
pub(super) struct AccessLog {
    sampler: Sampler,
    writer: Writer,
}

impl AccessLog {
    /// Starts the writer thread.
    pub(super) fn start(
        options: Options,
        output: Box<dyn Write + Send>,
        counters: LineCounters,
    ) -> std::io::Result<Self> {
        Ok(Self { sampler: Sampler::new(options), writer: Writer::start(output, counters)? })
    }

    /// Logs a request that ended, if it is wanted; only then is its record asked for.
    pub(super) fn log<'a>(&self, series: &RuleSeries, outcome: &Outcome, record: impl FnOnce() -> Record<'a>) {
        if self.sampler.takes(series.labels(), outcome) {
            self.writer.write(line::json(jiff::Timestamp::now(), series.labels(), outcome, &record()));
        }
    }

    /// Waits until what is queued is written, for a second at most.
    pub(super) fn flush(&self) {
        self.writer.flush();
    }
}
