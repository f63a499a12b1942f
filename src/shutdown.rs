//! Ending the process: signal, drain delay, drain, deadline.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::proxy::Running;

/// The signals that end the process: SIGTERM, and SIGINT (Ctrl-C).
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// The times of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Not ready, and still accepting: what routes to this process needs to learn that it leaves.
    pub delay: Duration,
    /// After the delay, for exchanges in flight to finish.
    pub deadline: Duration,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The last connection ended by itself.
    Drained,
    /// This many connections and HTTP/2 streams were cut at the deadline.
    Cut(usize),
    /// A second signal came: exit at once, without waiting for anything.
    Interrupted,
}

impl Signals {
    /// Takes the signals from their default, which kills. Call it within a Tokio runtime, before anything else starts.
    pub fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal; answers its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

impl Ended {
    /// The process's exit code: 0, but for [`Ended::Interrupted`].
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Drained | Self::Cut(_) => 0,
            Self::Interrupted => 1,
        }
    }
}

/// Serves until a signal comes, then ends by the plan; a second signal ends the wait.
///
/// Pass the answer's code to `std::process::exit` at once: after [`Ended::Interrupted`] workers are still running.
pub async fn serve_until_signal(running: Running, plan: Plan, signals: &mut Signals) -> Ended {
    let name = signals.next().await;
    info!(signal = name, delay = ?plan.delay, deadline = ?plan.deadline, "leaving");
    tokio::select! {
        ended = end(running, plan) => ended,
        name = signals.next() => {
            warn!(signal = name, "second signal: exiting at once");
            Ended::Interrupted
        }
    }
}

/// Ends by the plan.
pub async fn end(mut running: Running, plan: Plan) -> Ended {
    running.leave();
    sleep(plan.delay).await;
    info!("draining: accepting no more connections");
    if timeout(plan.deadline, running.drain()).await.is_ok() {
        info!(ended = running.telemetry().drained(), "drained");
        return Ended::Drained;
    }
    let cut = running.cut().await;
    let telemetry = running.telemetry();
    let (ended, connections) = (telemetry.drained(), telemetry.cut());
    warn!(ended, cut = connections, tasks = cut, "the drain deadline has passed: what was left was cut");
    Ended::Cut(cut)
}
