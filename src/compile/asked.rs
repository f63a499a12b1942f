//! What `explain` asks beside the tables: what decided between two matches, and which rules are not served.

use std::sync::Arc;

use super::attachment;
use super::precedence::Predicate;
use super::route::{self, Parsed};
use super::{Memo, verdict::Refusal};
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::snapshot::Snapshot;
use crate::status::Reason;
use crate::table::hostname::HostPattern;
use crate::table::listener::Host;
use crate::table::matches::Match;
use crate::table::rule::Entry;

/// A rule that its route lost, because it cannot be served as it is written.
#[derive(Clone, Debug)]
pub struct DroppedRule {
    /// The route.
    pub route: ObjectRef,
    /// Its place in `spec.rules`, from 0.
    pub index: usize,
    /// Its name, where it has one.
    pub name: Option<Arc<str>>,
    /// The hosts that the route is for.
    pub hostnames: Vec<HostPattern>,
    /// Its matches; `None`: one that cannot be read.
    pub matches: Vec<Option<Match>>,
    /// The reason in the route's conditions.
    pub reason: Reason,
    /// Names the field and the value.
    pub message: String,
}

impl Memo {
    /// What decided between two matches of one host, as the last compile ordered them. `None`: not both are there.
    pub fn decided(&self, host: &Arc<Host>, one: &Entry, other: &Entry) -> Option<Predicate> {
        self.tables.hosts().find_map(|hosts| hosts.decided(host, one, other))
    }

    /// The dropped rules of the routes that a listener would have, by route and place. `snapshot`: the one of the last
    /// compile.
    pub fn dropped(&self, snapshot: &Snapshot, gateway: &ObjectName, listener: &str) -> Vec<DroppedRule> {
        let routes = self.routes.parsed().filter(|route| !route.dropped.is_empty());
        let has = |route: &&Arc<Parsed>| {
            let hostnames = route.hostnames.as_deref().unwrap_or_default();
            attachment::attach(route, hostnames, &self.history.views, snapshot).iter().any(|one| {
                let mut taken = one.listeners.iter().flatten().filter_map(|index| one.view.listeners.get(*index));
                one.view.object.kind == Kind::Gateway
                    && one.view.name() == gateway
                    && taken.any(|view| *view.name == *listener)
            })
        };
        routes.filter(has).flat_map(|route| rules(route)).collect()
    }
}

fn rules(route: &Parsed) -> impl Iterator<Item = DroppedRule> + '_ {
    let specs = route::rules(&route.source);
    let rule = move |(index, Refusal { reason, message }): &(usize, Refusal)| {
        let spec = specs.get(*index)?;
        Some(DroppedRule {
            route: route.object.clone(),
            index: *index,
            name: spec.name.map(Arc::from),
            hostnames: route.hostnames.clone().unwrap_or_default(),
            matches: route::readable(spec),
            reason: *reason,
            message: message.clone(),
        })
    };
    route.dropped.iter().filter_map(rule)
}
