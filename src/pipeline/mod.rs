//! The pipeline: one thread, never a worker, on which whatever changes becomes what is served.
//!
//! ```text
//! source ─► changes ─┐
//!                    ├─► Snapshot ─► compile ─► link ─► Serving (published), Report
//! proxy ─► observed ─┤         └─► endpoints ─► Backend::update   (no compile)
//! DNS ───► resolved ─┘
//! ```
//!
//! Whatever has come in while one round ran is the next round's: a first change waits for nothing, a burst is few rounds.
//! Nothing that goes wrong in a round takes down what is served.
//!
//! Never here: verdicts, files, sockets.

mod report;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use report::{Counts, GatewayServed, Report, tell_unenforced};
use state::State;

use crate::api::ObjectName;
use crate::compile::Options;
use crate::live::Serving;
use crate::snapshot::{Observed, Resolution, Scope};
use crate::source::SourceEvent;
use crate::source::names::Names;
use crate::telemetry::Telemetry;

/// How long old servings wait for their next look, while some worker may still hold one or connections drain.
const SWEEP: Duration = Duration::from_millis(100);
/// Inputs of one round at most, so that a source that never rests is still served.
const ROUND: usize = 10_000;

/// What comes in.
#[derive(Debug)]
pub enum Input {
    /// Objects that came or went, and everything that is now wrong at the source.
    Source(SourceEvent),
    /// Facts that came back from the proxy; replace those before.
    Observed(Observed),
    /// What a name of DNS stands for; replaces what it stood for before.
    Resolved(Arc<str>, Resolution),
}

/// The running pipeline. Its thread ends once every sender of inputs is dropped.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Takes what comes in.
    pub inputs: mpsc::Sender<Input>,
    /// What is served.
    pub serving: Arc<ArcSwap<Serving>>,
    /// The generation of `serving`, from 1; 0: no source has spoken yet.
    pub published: watch::Receiver<u64>,
    /// The names to resolve: those of the ExternalName Services that are served.
    pub names: watch::Receiver<Names>,
    /// What the source is to see.
    pub scope: watch::Receiver<Scope>,
    /// What is known of it, for people.
    pub report: Arc<ArcSwap<Report>>,
    /// Rounds that the report tells of: it is a new one when this differs.
    pub rounds: watch::Receiver<u64>,
}

impl Pipeline {
    /// Starts the thread. With a gateway, that one alone is served, nothing before all is seen that it needs, and
    /// [`scope`](Self::scope) follows from it. Errors: the system gives none.
    pub fn start(options: Options, gateway: Option<ObjectName>, telemetry: Arc<Telemetry>) -> io::Result<Self> {
        let (sender, inputs) = mpsc::channel();
        let (state, published) = State::new(options, gateway, telemetry, crate::compile::compile);
        let (serving, report) = (state.serving.clone(), state.report.clone());
        let (names, scope, rounds) = (state.names.subscribe(), state.scope.subscribe(), state.rounds.subscribe());
        let pipeline = Self { inputs: sender, serving, published, names, scope, report, rounds };
        std::thread::Builder::new().name("pipeline".into()).spawn(move || run(state, &inputs))?;
        Ok(pipeline)
    }
}

fn run(mut state: State, inputs: &Receiver<Input>) {
    loop {
        let first = if state.sweep() {
            inputs.recv_timeout(SWEEP)
        } else {
            inputs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match first {
            Ok(first) => state.round(std::iter::once(first).chain(inputs.try_iter().take(ROUND))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
