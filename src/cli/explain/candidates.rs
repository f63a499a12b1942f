//! The nearest other candidates, and why each lost.

use std::sync::Arc;

use super::words;
use crate::table::hostname::HostPattern;
use crate::table::listener::{Host, Listener};
use crate::table::lookup::Witness;
use crate::table::matches::{LostBy, PathMatch};
use crate::table::request::RequestView;
use crate::table::rule::{Entry, Rule};

/// How many are told.
const TOLD: usize = 5;

/// A match that did not get the request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Candidate {
    pub(super) route: String,
    pub(super) rule: String,
    #[serde(rename = "match")]
    pub(super) matches: String,
    pub(super) lost: String,
}

/// The witness: remembers what lookup tried, in order, and what it found.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    lost: Vec<(Entry, LostBy)>,
    /// How many hosts were searched, the most specific first.
    searched: usize,
    /// The host that was searched last.
    pub(super) hostname: Option<HostPattern>,
    pub(super) found: Option<Entry>,
}

impl Witness for Recorder {
    fn lost(&mut self, entry: &Entry, by: LostBy) {
        self.lost.push((entry.clone(), by));
    }

    fn found(&mut self, entry: &Entry) {
        self.found = Some(entry.clone());
    }

    fn host(&mut self, host: &Host) {
        self.searched += 1;
        self.hostname = Some(host.hostname.clone());
    }
}

/// The candidates of a listener, the nearest first: those that lookup tried and that lost by something else than their path;
/// those that would have taken the request had none gone before; those whose path is alike; those of other hosts.
pub(super) fn nearest(listener: &Listener, request: &RequestView<'_>, recorder: &Recorder) -> Vec<Candidate> {
    let rules = recorder.found.iter().map(|entry| entry.rule.clone()).collect();
    let mut told = Told { candidates: Vec::new(), rules };
    for (entry, by) in recorder.lost.iter().filter(|(_, by)| *by != LostBy::Path) {
        told.tell(entry, || words::lost(&entry.matches, *by, request));
    }
    let (meant, others): (Vec<_>, Vec<_>) = listener.hosts.iter().partition(|host| host.hostname.matches(request.host));
    let mut other_paths = Vec::new();
    for (i, host) in meant.iter().enumerate() {
        for entry in &host.entries {
            match entry.matches.check(request) {
                Ok(_) if i < recorder.searched => told.tell(entry, || "goes behind in precedence".to_owned()),
                Ok(_) => told.tell(entry, || format!("hostname {} is less specific", host.hostname)),
                Err(LostBy::Path) => other_paths.push(entry),
                Err(by) => told.tell(entry, || words::lost(&entry.matches, by, request)),
            }
        }
    }
    other_paths.sort_by_key(|entry| std::cmp::Reverse(alike(&entry.matches.path, request.path)));
    for entry in other_paths {
        told.tell(entry, || words::lost(&entry.matches, LostBy::Path, request));
    }
    for host in others {
        for entry in host.entries.iter().filter(|entry| entry.matches.check(request).is_ok()) {
            told.tell(entry, || format!("hostname: wanted {}, request has {:?}", host.hostname, request.host));
        }
    }
    told.candidates
}

/// What has been told, each rule once.
struct Told {
    candidates: Vec<Candidate>,
    rules: Vec<Arc<Rule>>,
}

impl Told {
    fn tell(&mut self, entry: &Entry, lost: impl FnOnce() -> String) {
        let known = self.rules.iter().any(|rule| Arc::ptr_eq(rule, &entry.rule));
        if known || self.candidates.len() == TOLD {
            return;
        }
        self.rules.push(entry.rule.clone());
        self.candidates.push(Candidate {
            route: entry.rule.route.to_string(),
            rule: words::rule(&entry.rule),
            matches: words::matches(&entry.matches),
            lost: lost(),
        });
    }
}

/// How many bytes of a path are as in the request's.
fn alike(path: &PathMatch, request: &str) -> usize {
    let text = match path {
        PathMatch::Exact(text) | PathMatch::Prefix(text) => text,
        PathMatch::Regex(pattern) => &pattern.source,
    };
    text.bytes().zip(request.bytes()).take_while(|(a, b)| a == b).count()
}
