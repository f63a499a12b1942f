//! The writer thread and the bounded queue that leads to it.

use std::io::{BufWriter, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::LineCounters;

/// Lines that may wait; one that finds so many waiting is dropped.
const QUEUE: usize = 4096;

/// Longest time that the end of the log waits for an output that does not take what is queued.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What waits in the queue.
enum Entry {
    Line(Vec<u8>),
    /// Whoever waits for all before it to be written.
    Flush(SyncSender<()>),
}

#[derive(Debug)]
pub(super) struct Writer {
    queue: SyncSender<Entry>,
    counters: LineCounters,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(output: Box<dyn Write + Send>, counters: LineCounters) -> std::io::Result<Self> {
        let (queue, entries) = mpsc::sync_channel(QUEUE);
        let dropped = counters.dropped.clone();
        thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            let lost = write_all(&entries, output);
            if lost > 0 {
                dropped.inc_by(lost);
                tracing::error!("the access log's output is closed: lines are dropped from now on");
            }
            for entry in entries {
                match entry {
                    Entry::Line(_) => dropped.inc(),
                    Entry::Flush(done) => acknowledge(&done),
                }
            }
        })?;
        Ok(Self { queue, counters })
    }

    /// Queues a line, or drops it: never waits.
    pub(super) fn write(&self, line: Vec<u8>) {
        let taken = self.queue.try_send(Entry::Line(line)).is_ok();
        let counter = if taken { &self.counters.written } else { &self.counters.dropped };
        counter.inc();
    }

    /// Waits until what is queued is written, for a second at most.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + LAST_WORDS;
        let (done, is_done) = mpsc::sync_channel(1);
        while self.queue.try_send(Entry::Flush(done.clone())).is_err() {
            if Instant::now() >= deadline {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // Written, or not in time: either way this is the end.
        let _ = is_done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.flush();
    }
}

fn acknowledge(done: &SyncSender<()>) {
    // Nobody waits any more: fine as well.
    let _ = done.try_send(());
}

/// Writes until the queue's other end is gone, or the output fails; answers how many lines the output did not take.
fn write_all(entries: &Receiver<Entry>, output: Box<dyn Write + Send>) -> u64 {
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    while let Ok(first) = entries.recv() {
        let (mut pending, mut waiting) = (0, Vec::new());
        // What is queued goes out together, and at once when nothing more waits.
        let mut written = Ok(());
        for entry in std::iter::once(first).chain(entries.try_iter().take(QUEUE)) {
            match entry {
                Entry::Line(line) => {
                    pending += 1;
                    written = written.and_then(|()| output.write_all(&line));
                }
                Entry::Flush(done) => waiting.push(done),
            }
        }
        let written = written.and_then(|()| output.flush());
        waiting.iter().for_each(acknowledge);
        if written.is_err() {
            return pending;
        }
    }
    0
}
