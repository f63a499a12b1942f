//! Serving: what a request loads, once, and lets go once routed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backend::Backend;
use super::mesh::MeshServing;
use super::tls::SocketTls;
use super::workloads::Workloads;
use crate::snapshot::Socket;
use crate::table::backend::WeightedBackend;
use crate::table::lookup::PortIndex;
use crate::table::policy::Denied;
use crate::table::rule::{Action, Rule};
use crate::telemetry::series::RuleSeries;

/// How long what a socket was served from is kept for its connections, from when the socket is wanted no longer: they drain,
/// and a request that is on its way must find its route.
const LEAVE: Duration = Duration::from_secs(30);

/// Everything that is served at one moment.
#[derive(Debug, Default)]
pub struct Serving {
    /// Counts publications, from 1.
    pub generation: u64,
    /// By socket: what its connections are served from.
    pub sockets: BTreeMap<Socket, Arc<SocketServing>>,
    /// By socket: what ztunnel hands over there is served from. These sockets are wanted too.
    pub inbound: BTreeMap<Socket, Arc<MeshServing>>,
    /// Sockets that are wanted no longer: what their last connections are still served from.
    pub leaving: BTreeMap<Socket, Leaving>,
    /// The pods by address; the same at every moment.
    pub workloads: Arc<Workloads>,
}

/// What a socket was served from when it was wanted last.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Until then it is kept.
    pub until: Instant,
    /// As it was.
    pub serving: Arc<SocketServing>,
}

impl Serving {
    /// The sockets that are wanted.
    pub fn wanted(&self) -> impl Iterator<Item = Socket> {
        self.sockets.keys().chain(self.inbound.keys()).copied()
    }

    /// What the connections of a socket are served from, also while they drain because it is wanted no longer.
    pub fn socket(&self, socket: Socket) -> Option<&SocketServing> {
        let leaving = || self.leaving.get(&socket).map(|leaving| &leaving.serving);
        self.sockets.get(&socket).or_else(leaving).map(|serving| &**serving)
    }

    /// What is leaving besides `sockets`, after this was served.
    pub(super) fn leaving_after(&self, sockets: &BTreeMap<Socket, Arc<SocketServing>>) -> BTreeMap<Socket, Leaving> {
        let now = Instant::now();
        let before = self.sockets.iter().map(|(socket, serving)| {
            let leaving = Leaving { until: now + LEAVE, serving: serving.clone() };
            (*socket, leaving)
        });
        let earlier = self.leaving.iter().map(|(socket, leaving)| (*socket, leaving.clone()));
        earlier.chain(before).filter(|(socket, leaving)| leaving.until > now && !sockets.contains_key(socket)).collect()
    }

    /// The same without what has left. `None`: nothing has.
    pub fn without_left(&self) -> Option<Self> {
        let now = Instant::now();
        self.leaving.values().any(|leaving| leaving.until <= now).then(|| Self {
            generation: self.generation,
            sockets: self.sockets.clone(),
            inbound: self.inbound.clone(),
            leaving: self.leaving_after(&self.sockets),
            workloads: self.workloads.clone(),
        })
    }
}

/// What one socket's connections are served from.
#[derive(Debug)]
pub struct SocketServing {
    /// Routes.
    pub index: PortIndex<Arc<LiveRule>>,
    /// TLS, of HTTPS sockets.
    pub tls: Option<SocketTls>,
    /// What its Gateway refuses because of Istio's policies; `None`: nothing.
    pub denied: Option<Arc<Denied>>,
}

/// A rule with its live backends. Requests hold this, never [`Serving`].
#[derive(Debug)]
pub struct LiveRule {
    /// The plain rule.
    pub rule: Arc<Rule>,
    /// In the order of the rule's backends; `None` where the reference leads nowhere.
    pub backends: Vec<Option<Arc<Backend>>>,
    /// Its metric series.
    pub series: Arc<RuleSeries>,
    /// Sums of the weights up to and with each backend.
    shares: Box<[u64]>,
}

impl LiveRule {
    /// Binds a rule. `backends`: one for each of the rule's, in their order.
    pub fn new(rule: Arc<Rule>, backends: Vec<Option<Arc<Backend>>>, series: Arc<RuleSeries>) -> Self {
        let add = |sum: &mut u64, backend: &WeightedBackend| {
            *sum += u64::from(backend.weight);
            Some(*sum)
        };
        let shares = weighted(&rule).iter().scan(0, add).collect();
        Self { rule, backends, series, shares }
    }

    /// Picks a backendRef by weight; `random` is uniform over `u32`. `None`: no share above zero.
    pub fn pick(&self, random: u32) -> Option<(&WeightedBackend, Option<&Arc<Backend>>)> {
        let total = *self.shares.last()?;
        let point = (u64::from(random) * total) >> u32::BITS;
        let chosen = self.shares.partition_point(|&share| share <= point);
        Some((weighted(&self.rule).get(chosen)?, self.backends.get(chosen)?.as_ref()))
    }
}

/// The backendRefs of a rule, none where it does not forward.
pub(super) fn weighted(rule: &Rule) -> &[WeightedBackend] {
    match &rule.action {
        Action::Forward { backends, .. } => backends,
        Action::Redirect { .. } | Action::Fail { .. } => &[],
    }
}

/// Servings that were replaced and that some worker may still hold: kept until none does, so that a table is never taken
/// apart on a worker.
#[derive(Debug, Default)]
pub struct Graveyard {
    old: Vec<Arc<Serving>>,
}

impl Graveyard {
    /// Takes a serving that is no longer published.
    pub fn bury(&mut self, old: Arc<Serving>) {
        self.old.push(old);
    }

    /// Whether nothing is buried.
    pub fn is_empty(&self) -> bool {
        self.old.is_empty()
    }

    /// Drops what nobody else holds any more; answers how many are left.
    pub fn sweep(&mut self) -> usize {
        self.old.retain(|serving| Arc::strong_count(serving) > 1);
        self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::live::testing;

    /// Where evenly spread randoms land, by backend.
    fn proportions(rule: &LiveRule, draws: u32) -> Vec<u32> {
        let refs = weighted(&rule.rule);
        let mut counts = vec![0; refs.len()];
        for i in 0..draws {
            let random = ((u64::from(i) << 32) / u64::from(draws)) as u32;
            let picked = rule.pick(random).expect("a share").0;
            let place = refs.iter().position(|r| std::ptr::eq(r, picked)).expect("one of the refs");
            counts[place] += 1;
        }
        counts
    }

    proptest! {
        #[test]
        fn shares_are_exactly_the_weights(weights in prop::collection::vec(0u32..50, 1..16)) {
            let rule = testing::live_rule(&weights);
            let total: u32 = weights.iter().sum();
            if total == 0 {
                prop_assert!(rule.pick(0).is_none() && rule.pick(u32::MAX).is_none());
            } else {
                let expected: Vec<u32> = weights.iter().map(|w| w * 100).collect();
                for (count, expected) in proportions(&rule, total * 100).iter().zip(expected) {
                    prop_assert!(count.abs_diff(expected) <= 1 && (expected > 0 || *count == 0));
                }
            }
        }
    }

    #[test]
    fn the_largest_weights_of_the_specification_fit() {
        let rule = testing::live_rule(&[1_000_000; 16]);
        assert!(proportions(&rule, 16_000).iter().all(|&count| count == 1_000));
    }

    #[test]
    fn a_backend_that_leads_nowhere_keeps_its_share() {
        let rule = testing::live_rule_with_invalid(&[1, 1]);
        assert!(rule.pick(0).is_some_and(|(_, backend)| backend.is_some()));
        assert!(rule.pick(u32::MAX).is_some_and(|(_, backend)| backend.is_none()));
    }

    #[test]
    fn a_socket_that_leaves_is_served_from_for_a_while() {
        let socket = Socket { address: None, port: 80 };
        let index = PortIndex::new(&[], None, |_, _| unreachable!("no host"));
        let sockets = BTreeMap::from([(socket, Arc::new(SocketServing { index, tls: None, denied: None }))]);
        let before = Serving { sockets, ..Serving::default() };
        let mut after = Serving { leaving: before.leaving_after(&BTreeMap::new()), ..Serving::default() };
        assert!(after.socket(socket).is_some() && after.without_left().is_none());
        assert!(after.leaving_after(&before.sockets).is_empty(), "it is back");
        after.leaving.values_mut().for_each(|leaving| leaving.until = Instant::now());
        assert!(after.without_left().is_some_and(|serving| serving.socket(socket).is_none()));
    }

    #[test]
    fn a_serving_is_buried_until_nobody_holds_it() {
        let mut graveyard = Graveyard::default();
        let serving = Arc::new(Serving::default());
        graveyard.bury(serving.clone());
        assert_eq!(graveyard.sweep(), 1);
        drop(serving);
        assert_eq!(graveyard.sweep(), 0);
    }
}
