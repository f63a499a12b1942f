//! The nearest other candidates, and why each lost.

use std::sync::Arc;

use super::words;
use crate::compile::{DroppedRule, Memo};
use crate::table::hostname::HostPattern;
use crate::table::listener::{Host, Listener};
use crate::table::lookup::Witness;
use crate::table::matches::{LostBy, Match, PathMatch};
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

impl Recorder {
    /// Whether a match lost by a header field.
    pub(super) fn asked_for_headers(&self) -> bool {
        self.lost.iter().any(|(_, by)| matches!(by, LostBy::Header(_)))
    }
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

/// What compile knows of candidates, beside the listener.
pub(super) struct Compiled<'a> {
    /// What decided between matches.
    pub(super) memo: &'a Memo,
    /// The dropped rules of the listener's routes.
    pub(super) dropped: &'a [DroppedRule],
}

/// The candidates of a listener, the nearest first: rules that were not accepted and fit; those that lookup tried and that
/// lost by something else than their path; those that would have taken the request had none gone before; those whose path
/// is alike; those of other hosts.
pub(super) fn nearest(
    listener: &Listener,
    request: &RequestView<'_>,
    recorder: &Recorder,
    compiled: Compiled<'_>,
) -> Vec<Candidate> {
    let rules = recorder.found.iter().map(|entry| entry.rule.clone()).collect();
    let mut told = Told { candidates: Vec::new(), rules };
    for rule in compiled.dropped {
        told.tell_dropped(rule, request);
    }
    for (entry, by) in recorder.lost.iter().filter(|(_, by)| *by != LostBy::Path) {
        told.tell(entry, || words::lost(&entry.matches, *by, request));
    }
    let (meant, others): (Vec<_>, Vec<_>) = listener.hosts.iter().partition(|host| host.hostname.matches(request.host));
    let mut other_paths = Vec::new();
    for (i, host) in meant.iter().enumerate() {
        for entry in &host.entries {
            match entry.matches.check(request) {
                Ok(_) if i < recorder.searched => told.tell(entry, || {
                    let by = recorder.found.as_ref().and_then(|found| compiled.memo.decided(host, found, entry));
                    words::behind(by, &entry.rule)
                }),
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
            rule: words::rule(entry.rule.index, entry.rule.name.as_deref()),
            matches: words::matches(&entry.matches),
            lost: lost(),
        });
    }

    /// A rule that is not served, where its match fits, or where nobody can say.
    fn tell_dropped(&mut self, rule: &DroppedRule, request: &RequestView<'_>) {
        let fits = |one: &&Option<Match>| one.as_ref().is_none_or(|one| one.check(request).is_ok());
        let Some(fitting) = rule.matches.iter().find(fits) else { return };
        if self.candidates.len() == TOLD || !rule.hostnames.iter().any(|hostname| hostname.matches(request.host)) {
            return;
        }
        self.candidates.push(Candidate {
            route: rule.route.to_string(),
            rule: words::rule(rule.index, rule.name.as_deref()),
            matches: fitting.as_ref().map_or_else(|| "cannot be read".to_owned(), words::matches),
            lost: format!("not accepted ({}): {}", rule.reason.as_str(), rule.message),
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
