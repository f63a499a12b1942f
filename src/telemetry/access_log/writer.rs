//! The writer thread and the bounded queue that leads to it.

use std::io::{BufWriter, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::LineCounters;

/// Lines that may wait; one that finds so many waiting is dropped.
const QUEUE: usize = 4096;

/// Longest time that the end of the log waits for an output that does not take what is queued.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while the writer is dropped.
    queue: Option<SyncSender<Vec<u8>>>,
    counters: LineCounters,
    /// Only for the drop; in a lock so that workers can share the writer.
    ended: Mutex<Receiver<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(output: Box<dyn Write + Send>, counters: LineCounters) -> std::io::Result<Self> {
        let (queue, lines) = mpsc::sync_channel(QUEUE);
        let (end, ended) = mpsc::sync_channel(1);
        let dropped = counters.dropped.clone();
        thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            let lost = write_all(&lines, output);
            if lost > 0 {
                dropped.inc_by(lost);
                tracing::error!("the access log's output is closed: lines are dropped from now on");
                lines.iter().for_each(|_| dropped.inc());
            }
            // Nobody waits any more: fine as well.
            let _ = end.send(());
        })?;
        Ok(Self { queue: Some(queue), counters, ended: Mutex::new(ended) })
    }

    /// Queues a line, or drops it: never waits.
    pub(super) fn write(&self, line: Vec<u8>) {
        let taken = self.queue.as_ref().is_some_and(|queue| queue.try_send(line).is_ok());
        let counter = if taken { &self.counters.written } else { &self.counters.dropped };
        counter.inc();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        // Ended, or not in time: either way this was the last.
        let _ = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(LAST_WORDS);
    }
}

/// Writes until the queue's other end is gone, or the output fails; answers how many lines the output did not take.
fn write_all(lines: &Receiver<Vec<u8>>, output: Box<dyn Write + Send>) -> u64 {
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    while let Ok(first) = lines.recv() {
        let mut pending = 0;
        // What is queued goes out together, and at once when nothing more waits.
        for line in std::iter::once(first).chain(lines.try_iter().take(QUEUE)) {
            pending += 1;
            if output.write_all(&line).is_err() {
                return pending;
            }
        }
        if output.flush().is_err() {
            return pending;
        }
    }
    0
}
