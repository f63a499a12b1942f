//! What a request finds in the compiled tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::candidates::{Candidate, Compiled, Recorder, nearest};
use super::compare::Logged;
use super::effect::{self, Effect};
use super::mesh::{self, Nowhere, Place};
use super::request::Request;
use super::words;
use crate::api::ObjectName;
use crate::compile::{Memo, Options};
use crate::snapshot::{Snapshot, Socket};
use crate::table::RouteTable;
use crate::table::filter::Scheme;
use crate::table::hostname::HostPattern;
use crate::table::listener::{Listener, Protocol};
use crate::table::lookup::{HostIndex, NotFound, PathTrees, PortIndex};
use crate::table::matches::Match;
use crate::table::rule::Rule;
use crate::telemetry::outcome::Reason;

/// The answer: where the request goes, or why nowhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation {
    pub(super) request: String,
    /// The path in normal form, where it was written otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) normal_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listener: Option<ListenerFound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<RuleFound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effect: Option<Effect>,
    /// Why no rule takes the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_found: Option<String>,
    /// The reason word with which that is answered; `None`: the connection is not taken, or its bytes are passed on.
    #[serde(skip)]
    not_found_reason: Option<Reason>,
    pub(super) others: Vec<Candidate>,
    /// What came of the request, where a line of the access log tells of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logged: Option<Logged>,
    /// Whether a match lost by a header field.
    #[serde(skip)]
    pub(super) asks_for_headers: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ListenerFound {
    pub(super) gateway: String,
    pub(super) name: String,
    pub(super) hostname: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RuleFound {
    pub(super) route: String,
    pub(super) rule: String,
    /// The rule as logs and metrics name it.
    #[serde(skip)]
    pub(super) label: String,
    /// The route's hostname by which it matched.
    pub(super) hostname: String,
    #[serde(rename = "match")]
    pub(super) matches: String,
}

/// What there is to search.
#[derive(Clone, Copy)]
pub(super) struct Configuration<'a> {
    pub(super) tables: &'a BTreeMap<ObjectName, Arc<RouteTable>>,
    /// Of the compile that made the tables.
    pub(super) memo: &'a Memo,
    pub(super) snapshot: &'a Snapshot,
    pub(super) options: &'a Options,
}

impl Explanation {
    /// Why the proxy answers by itself; `None`: it does not, or redirects.
    pub(super) fn reason(&self) -> Option<Reason> {
        match &self.effect {
            Some(Effect::Answer { reason, .. }) => Some(*reason),
            _ => self.not_found_reason,
        }
    }
}

/// Explains a request.
pub(super) fn explain(configuration: Configuration<'_>, request: &Request) -> Explanation {
    let view = request.view();
    let answer = Explanation {
        request: format!("{} {}://{}:{}", request.method, request.scheme.as_str(), view.host, request.port)
            + &request.written_path
            + &view.query.map(|query| format!("?{query}")).unwrap_or_default(),
        normal_path: (view.path != request.written_path).then(|| view.path.to_owned()),
        listener: None,
        rule: None,
        effect: None,
        not_found: None,
        not_found_reason: None,
        others: Vec::new(),
        logged: None,
        asks_for_headers: false,
    };
    let place = match &request.dialled {
        Some(dialled) => mesh::place(configuration, dialled, view.host),
        None => place(configuration.tables, request),
    };
    match place {
        Ok(place) => look_up(configuration, request, &place, answer),
        Err(Nowhere::Closed(why)) => Explanation { not_found: Some(why), ..answer },
        Err(Nowhere::Answered(status, reason, why)) => {
            Explanation { effect: Some(effect::answer((status, reason), request, &why)), ..answer }
        }
        Err(Nowhere::Pod(pod)) => to_pod(&pod, request, answer),
    }
}

/// What goes to a pod by its own address, as logs name it.
fn to_pod(pod: &ObjectName, request: &Request, answer: Explanation) -> Explanation {
    let rule = RuleFound {
        route: "Pod /*".to_owned(),
        rule: "straight to the pod that was dialled".to_owned(),
        label: String::new(),
        hostname: HostPattern::Any.to_string(),
        matches: words::matches(&Match::any()),
    };
    Explanation { rule: Some(rule), effect: effect::to_pod(pod, request), ..answer }
}

/// Where a request is looked up that comes to a listener. Errors: nowhere, and why.
fn place<'a>(tables: &'a BTreeMap<ObjectName, Arc<RouteTable>>, request: &Request) -> Result<Place<'a>, Nowhere> {
    let (gateway, listeners) = on_port(tables, request).map_err(Nowhere::Closed)?;
    let denied = tables.get(gateway).and_then(|table| table.denied.as_deref());
    mesh::refuse(denied, None)?;
    Ok(Place { gateway, listeners, denied })
}

fn look_up(configuration: Configuration<'_>, request: &Request, place: &Place<'_>, answer: Explanation) -> Explanation {
    let Configuration { memo, snapshot, options, .. } = configuration;
    let Place { gateway, listeners, denied } = place;
    let (view, port) = (request.view(), index(listeners));
    let opened_with = (request.scheme == Scheme::Https).then_some(request.server_name.as_str());
    if let Some(name) = opened_with.filter(|name| port.listener(name).is_none()) {
        let why = format!("no listener has a certificate for {name}");
        return Explanation { not_found: Some(why), ..answer };
    }
    let mut recorder = Recorder::default();
    let found = port.lookup(&view, opened_with, &mut recorder);
    let serving = port.listener(view.host);
    let of = serving.and_then(|serving| listeners.iter().find(|listener| Arc::ptr_eq(listener, serving)));
    // Of a request that is misdirected no rule is asked.
    let asked = of.filter(|_| !matches!(found, Err(NotFound::Misdirected)));
    let others = |listener: &Arc<Listener>| {
        let dropped = memo.dropped(snapshot, gateway, &listener.name);
        nearest(listener, &view, &recorder, Compiled { memo, dropped: &dropped })
    };
    let answer = Explanation {
        listener: of.map(|listener| ListenerFound {
            gateway: gateway.to_string(),
            name: listener.name.to_string(),
            hostname: listener.hostname.to_string(),
        }),
        others: asked.map(others).unwrap_or_default(),
        asks_for_headers: recorder.asked_for_headers(),
        ..answer
    };
    match found {
        Ok(found) => Explanation {
            rule: recorder.found.as_ref().map(|entry| RuleFound {
                route: entry.rule.route.to_string(),
                rule: words::rule(entry.rule.index, entry.rule.name.as_deref()),
                label: entry.rule.label().to_string(),
                hostname: recorder.hostname.as_ref().map(ToString::to_string).unwrap_or_default(),
                matches: words::matches(&entry.matches),
            }),
            effect: Some(effect::of(found.target, (request, found.path), found.listener, (snapshot, options, *denied))),
            ..answer
        },
        Err(why) => {
            let not_found_reason = Some(match why {
                NotFound::NoListener | NotFound::NoRule => Reason::NoRoute,
                NotFound::Misdirected => Reason::Misdirected,
            });
            Explanation { not_found: Some(why_not(why, request, listeners)), not_found_reason, ..answer }
        }
    }
}

/// Listeners of one port, as they are searched.
pub(super) fn index(listeners: &[Arc<Listener>]) -> PortIndex<Arc<Rule>> {
    let mut trees = PathTrees::default();
    PortIndex::new(listeners, None, |host, _| Arc::new(HostIndex::build(host, None, &mut trees, Arc::clone)))
}

/// The listeners that are reached at the request's port and scheme. Where Gateways have sockets of their own for one
/// port, those of the first such socket.
fn on_port<'a>(
    tables: &'a BTreeMap<ObjectName, Arc<RouteTable>>,
    request: &Request,
) -> Result<(&'a ObjectName, Vec<Arc<Listener>>), String> {
    let all = || tables.values().flat_map(|table| table.listeners.iter().map(|listener| (&table.gateway, listener)));
    let sockets =
        || all().flat_map(|(gateway, listener)| listener.sockets.iter().map(move |socket| (*socket, gateway)));
    let Some((socket, gateway)) = sockets().filter(|(socket, _)| socket.port == request.port).min() else {
        let mut ports: Vec<_> = sockets().map(|(socket, _): (Socket, _)| socket.port).collect();
        ports.sort_unstable();
        ports.dedup();
        return Err(format!("no listener that is served has port {}; there are {ports:?}", request.port));
    };
    let there: Vec<_> = all().filter(|(_, listener)| listener.sockets.contains(&socket)).collect();
    let speaks = |listener: &Listener| match listener.protocol {
        Protocol::Http => Scheme::Http,
        Protocol::Https { .. } => Scheme::Https,
    };
    match there.iter().find(|(_, listener)| speaks(listener) != request.scheme) {
        Some((gateway, listener)) => {
            let (name, speaks) = (&listener.name, speaks(listener).as_str());
            Err(format!("port {} speaks {speaks} (listener {name} of {gateway})", request.port))
        }
        None => Ok((gateway, there.into_iter().map(|(_, listener)| listener.clone()).collect())),
    }
}

fn why_not(why: NotFound, request: &Request, listeners: &[Arc<Listener>]) -> String {
    let (host, port, grpc) = (request.view().host, request.port, request.is_grpc());
    let answer = |status, reason| words::answer(status, reason, grpc);
    match why {
        NotFound::NoListener => {
            let hostnames: Vec<_> = listeners.iter().map(|listener| listener.hostname.to_string()).collect();
            format!(
                "{}: no listener on port {port} serves {host:?}; they serve {}",
                answer(404, Reason::NoRoute),
                hostnames.join(", ")
            )
        }
        NotFound::Misdirected => {
            let name = &request.server_name;
            format!(
                "{}: the connection was opened for {name}, and another listener serves {host:?}",
                answer(421, Reason::Misdirected)
            )
        }
        NotFound::NoRule => format!("{}: no rule of the listener takes the request", answer(404, Reason::NoRoute)),
    }
}
