//! The workers side by side: how many connections each has, and how one hands a connection to another.
//!
//! Which worker a new connection wakes is the system's choice, and uneven: connections that stay would pile up on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::worker::Command;

/// How many more connections than the least busy worker one may have and still keep a new one.
const SLACK: usize = 1;

/// All workers.
pub(super) struct Crew {
    members: Vec<Member>,
}

struct Member {
    commands: mpsc::UnboundedSender<Command>,
    connections: AtomicUsize,
}

/// A connection's place on a worker, counted until its drop.
pub(super) struct Place {
    crew: Arc<Crew>,
    worker: usize,
}

impl Crew {
    /// The workers whose commands these are.
    pub(super) fn new(commands: Vec<mpsc::UnboundedSender<Command>>) -> Self {
        let member = |commands| Member { commands, connections: AtomicUsize::new(0) };
        Self { members: commands.into_iter().map(member).collect() }
    }

    /// Takes a place for a new connection: on the worker that accepted it, unless another has fewer.
    pub(super) fn place(self: &Arc<Self>, accepted_by: usize) -> Place {
        let load = |worker: usize| self.members.get(worker).map_or(0, |m| m.connections.load(Ordering::Relaxed));
        let least = (0..self.members.len()).min_by_key(|worker| load(*worker)).unwrap_or(accepted_by);
        let worker = if load(accepted_by) > load(least) + SLACK { least } else { accepted_by };
        if let Some(member) = self.members.get(worker) {
            member.connections.fetch_add(1, Ordering::Relaxed);
        }
        Place { crew: self.clone(), worker }
    }

    /// Tells one worker. Answers whether it is there.
    pub(super) fn tell(&self, worker: usize, command: Command) -> bool {
        self.members.get(worker).is_some_and(|member| member.commands.send(command).is_ok())
    }

    /// How many workers there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }
}

impl Place {
    /// Which worker's.
    pub(super) fn worker(&self) -> usize {
        self.worker
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(member) = self.crew.members.get(self.worker) {
            member.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew(n: usize) -> Arc<Crew> {
        Arc::new(Crew::new((0..n).map(|_| mpsc::unbounded_channel().0).collect()))
    }

    #[test]
    fn one_worker_that_accepts_everything_shares_it_evenly() {
        let crew = crew(4);
        let places = (0..100).map(|_| crew.place(2)).collect::<Vec<_>>();
        for worker in 0..4 {
            let share = places.iter().filter(|place| place.worker() == worker).count();
            assert!((24..=27).contains(&share), "worker {worker}: {share}");
        }
    }

    #[test]
    fn connections_that_ended_count_no_more() {
        let crew = crew(2);
        drop((0..10).map(|_| crew.place(0)).collect::<Vec<_>>());
        assert_eq!(crew.place(0).worker(), 0);
    }
}
