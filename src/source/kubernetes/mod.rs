//! The API server as a source: watches, one for each kind and namespace of a scope.
//!
//! Promises: one object that can't be decoded costs only itself, and what it was before stays; a list made anew is told as
//! differences, never as an empty moment; the first event goes out when every watch has its first list, or a definite
//! refusal. A kind that is not installed and a right that is missing are problems, asked for again until they are mended;
//! while the API server is away, everything stays as it is. For who serves one Gateway a GatewayClass that goes stays as it was,
//! and is told as a problem: a class that is missing is not another's.
//!
//! Never here: verdicts about an object, writing to the API server.

mod client;
mod collection;
mod resource;
#[cfg(test)]
mod tests;
mod thread;
mod watched;
mod watching;

use std::collections::BTreeMap;

pub use client::{ConnectError, connect, words};
use collection::Collection;
use kube::Client;
pub use thread::{Source, start};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use watched::{Watched, watches};
use watching::{Told, watch_one};

use super::SourceEvent;
use crate::snapshot::Scope;

/// Follows what the API server has of a scope, until the answer is dropped. A scope that grows or shrinks starts and ends
/// watches; what left it is told as gone.
fn follow(
    client: Client,
    scope: watch::Receiver<Scope>,
    events: UnboundedSender<SourceEvent>,
) -> AbortOnDropHandle<()> {
    let (tell, told) = unbounded_channel();
    let follower =
        Follower { client, scope, tell, events, watches: BTreeMap::new(), collection: Collection::default() };
    AbortOnDropHandle::new(tokio::spawn(follower.run(told)))
}

struct Follower {
    client: Client,
    scope: watch::Receiver<Scope>,
    tell: UnboundedSender<(Watched, Told)>,
    events: UnboundedSender<SourceEvent>,
    watches: BTreeMap<Watched, AbortOnDropHandle<()>>,
    collection: Collection,
}

impl Follower {
    async fn run(mut self, mut told: UnboundedReceiver<(Watched, Told)>) {
        self.follow_scope();
        loop {
            tokio::select! {
                changed = self.scope.changed() => match changed {
                    Ok(()) => self.follow_scope(),
                    Err(_) => return,
                },
                Some((watched, what)) = told.recv() => {
                    self.collection.take(&watched, what);
                    // A burst is one event; a first change waits for nothing.
                    while let Ok((watched, what)) = told.try_recv() {
                        self.collection.take(&watched, what);
                    }
                }
            }
            if let Some(event) = self.collection.event()
                && self.events.send(event).is_err()
            {
                return;
            }
        }
    }

    /// Starts the watches that the scope has and ends those that it has no more.
    fn follow_scope(&mut self) {
        let scope = self.scope.borrow_and_update().clone();
        let wanted = watches(&scope);
        self.watches.retain(|watched, _| wanted.contains(watched));
        self.collection.begin(scope, &wanted);
        for watched in wanted {
            if !self.watches.contains_key(&watched) {
                self.collection.expect(watched.clone());
                let watching = watch_one(self.client.clone(), watched.clone(), self.tell.clone());
                self.watches.insert(watched, AbortOnDropHandle::new(tokio::spawn(watching)));
            }
        }
    }
}
