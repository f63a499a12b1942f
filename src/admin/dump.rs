//! What is served and what is wrong, as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

use serde_json::{Value, json};

use crate::api::ObjectName;
use crate::live::{Backend, Endpoint};
use crate::pipeline::Report;
use crate::proxy::Addresses;
use crate::snapshot::Socket;
use crate::status;
use crate::table::backend::BackendKey;
use crate::table::listener::{Listener, Protocol};
use crate::table::matches::{Match, PathMatch, ValueMatch};
use crate::table::mesh::{ByClient, Mesh, ServicePort};
use crate::table::rule::{Action, Entry, Rule};
use crate::telemetry::log::LogControl;

/// `/log`
pub(super) fn log(control: Option<&LogControl>) -> Value {
    json!({ "filter": control.map(LogControl::filter) })
}

/// `/problems`: what is wrong, and what is legal and surely not meant.
pub(super) fn problems(report: &Report) -> Value {
    let warnings: Vec<_> = report.warnings().collect();
    json!({ "problems": report.problems().collect::<Vec<_>>(), "warnings": warnings })
}

/// `/statuses`: every object's status, as the specification has it.
pub(super) fn statuses(report: &Report) -> Value {
    let status = |rendered: status::Rendered| {
        let object = rendered.object;
        json!({
            "kind": object.kind.as_str(),
            "namespace": &*object.name.namespace,
            "name": &*object.name.name,
            "status": rendered.status,
        })
    };
    status::render(&report.statuses, jiff::Timestamp::UNIX_EPOCH).into_iter().map(status).collect()
}

/// `/listeners`: where each is opened, or why not.
pub(super) fn listeners(report: &Report, addresses: &Addresses) -> Value {
    let of_gateway = |gateway: &crate::api::ObjectName, listener: &Listener| {
        let sockets: Vec<_> = listener.sockets.iter().map(|wanted| socket(report, addresses, wanted)).collect();
        json!({
            "gateway": gateway.to_string(),
            "listener": &*listener.name,
            "protocol": match listener.protocol { Protocol::Http => "HTTP", Protocol::Https { .. } => "HTTPS" },
            "hostname": listener.hostname.to_string(),
            "sockets": sockets,
        })
    };
    let tables = report.tables.iter();
    tables.flat_map(|(gateway, table)| table.listeners.iter().map(move |l| of_gateway(gateway, l))).collect()
}

/// `/mesh`: what each Gateway serves as a waypoint, and where ztunnel hands it over.
pub(super) fn mesh(report: &Report, addresses: &Addresses) -> Value {
    let waypoint = |(gateway, mesh): (&ObjectName, &Mesh)| {
        let service = |(dialled, port): (&SocketAddr, &Arc<ServicePort>)| {
            let (backend, spoken) = (port.backend.to_string(), port.spoken.as_str());
            json!({ "dialled": dialled, "backend": backend, "spoken": spoken })
        };
        json!({
            "gateway": gateway.to_string(),
            "inbound": mesh.inbound.iter().map(|wanted| socket(report, addresses, wanted)).collect::<Vec<_>>(),
            "own": mesh.own,
            "services": mesh.ports.iter().map(service).collect::<Vec<_>>(),
        })
    };
    report.tables.iter().filter_map(|(name, table)| Some((name, table.mesh.as_deref()?))).map(waypoint).collect()
}

fn socket(report: &Report, addresses: &Addresses, wanted: &Socket) -> Value {
    let failure = report.observed.sockets.get(wanted).and_then(|bound| bound.as_ref().err());
    json!({
        "address": wanted.address,
        "port": wanted.port,
        "bound": addresses.get(wanted),
        "failure": failure.map(|failure| &failure.message),
    })
}

/// `/routes`: by gateway, listener and host, in the order in which they are tried; then those of enrolled Services, by port and by
/// whose clients they are for.
pub(super) fn routes(report: &Report) -> Value {
    let mut routes = Vec::new();
    for (gateway, table) in report.tables.iter() {
        for listener in &table.listeners {
            for host in listener.hosts.iter() {
                let entries = host.entries.iter().map(|entry| {
                    let mut entry = route(entry);
                    entry["gateway"] = gateway.to_string().into();
                    entry["listener"] = (*listener.name).into();
                    entry["host"] = host.hostname.to_string().into();
                    entry
                });
                routes.extend(entries);
            }
        }
    }
    let of_service = |one: OfService<'_>| {
        let mut shown = described(one.matched, one.rule);
        shown["gateway"] = one.gateway.to_string().into();
        shown["service"] = one.port.to_string().into();
        shown["clients"] = one.clients.into();
        shown
    };
    routes.extend(of_services(report).map(of_service));
    routes.into()
}

fn route(entry: &Entry) -> Value {
    described(matched(&entry.matches), &entry.rule)
}

fn described(matched: String, rule: &Rule) -> Value {
    json!({ "route": rule.route.to_string(), "rule": &*rule.label(), "match": matched, "action": action(rule) })
}

/// What a route at an enrolled Service does.
pub(super) struct OfService<'a> {
    pub(super) gateway: &'a ObjectName,
    pub(super) port: &'a BackendKey,
    /// The namespace of the clients that it is for; `*`: all that have no routes of their own.
    pub(super) clients: &'a str,
    /// What it takes, in one line.
    pub(super) matched: String,
    pub(super) rule: &'a Rule,
}

/// The routes of the ports that are enrolled with each Gateway, in the order in which they are tried.
pub(super) fn of_services(report: &Report) -> impl Iterator<Item = OfService<'_>> {
    report.tables.values().flat_map(|table| {
        let ports: BTreeSet<_> =
            table.mesh.iter().flat_map(|mesh| mesh.ports.values()).map(|port| &port.backend).collect();
        let routes = ports.into_iter().filter_map(|port| table.service_routes.get_key_value(port));
        routes.flat_map(|(port, routes)| {
            let http =
                whose(&routes.http).flat_map(|(clients, host)| host.entries.iter().map(move |entry| (clients, entry)));
            let http = http.map(|(clients, entry)| (clients, matched(&entry.matches), &*entry.rule));
            let bytes = whose(&routes.bytes).map(|(clients, rule)| (clients, "bytes".to_owned(), &**rule));
            let of_service =
                |(clients, matched, rule)| OfService { gateway: &table.gateway, port, clients, matched, rule };
            http.chain(bytes).map(of_service)
        })
    })
}

fn whose<T>(routes: &ByClient<T>) -> impl Iterator<Item = (&str, &T)> {
    let producers = routes.producers.iter().map(|routes| ("*", routes));
    producers.chain(routes.consumers.iter().map(|(namespace, routes)| (&**namespace, routes)))
}

/// A match in one line.
pub(super) fn matched(matches: &Match) -> String {
    let mut parts = vec![match &matches.path {
        PathMatch::Exact(path) => format!("path {path}"),
        PathMatch::Prefix(prefix) if prefix.is_empty() => "any path".to_owned(),
        PathMatch::Prefix(prefix) => format!("path {prefix}/*"),
        PathMatch::Regex(pattern) => format!("path ~ {}", pattern.regex),
    }];
    parts.extend(matches.method.as_ref().map(|method| format!("method {method}")));
    parts.extend(matches.headers.iter().map(|header| format!("header {}{}", header.name, value(&header.value))));
    parts.extend(matches.query.iter().map(|query| format!("query {}{}", query.name, value(&query.value))));
    parts.join(", ")
}

fn value(value: &ValueMatch) -> String {
    match value {
        ValueMatch::Exact(text) => format!("={text:?}"),
        ValueMatch::Regex(pattern) => format!(" ~ {}", pattern.regex),
    }
}

/// What a rule does, in one line.
pub(super) fn action(rule: &Rule) -> String {
    match &rule.action {
        Action::Forward { backends, .. } => {
            let share = |b: &crate::table::backend::WeightedBackend| format!("{} × {}", b.weight, target(&b.target));
            format!("forward: {}", backends.iter().map(share).collect::<Vec<_>>().join(", "))
        }
        Action::Redirect { redirect, .. } => format!("redirect: {}", redirect.status),
        Action::Fail { status, why } => format!("answer {status}: {why}"),
    }
}

fn target(target: &crate::table::backend::Target) -> String {
    match target {
        crate::table::backend::Target::Backend(key) => key.to_string(),
        crate::table::backend::Target::Invalid { why } => format!("nowhere ({why})"),
    }
}

/// `/endpoints`: each backend's, with their load.
pub(super) fn endpoints(report: &Report) -> Value {
    let backends: BTreeMap<_, Vec<_>> = alive(report)
        .map(|(name, backend)| (name, backend.endpoints().endpoints.iter().map(endpoint).collect()))
        .collect();
    json!(backends)
}

/// The backends that are still there, by name.
pub(super) fn alive(report: &Report) -> impl Iterator<Item = (String, Arc<Backend>)> {
    let backends = report.backends.iter();
    backends.filter_map(|(key, backend)| Some((key.to_string(), Weak::upgrade(backend)?)))
}

fn endpoint(endpoint: &Arc<Endpoint>) -> Value {
    json!({
        "address": endpoint.address,
        "in_flight": endpoint.in_flight.load(Relaxed),
        "latency_ms": latency(endpoint),
    })
}

/// Peak-EWMA of the time to the response head, in milliseconds; `None`: not yet known.
#[allow(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn latency(endpoint: &Endpoint) -> Option<f64> {
    let nanoseconds = endpoint.latency.load(Relaxed);
    (nanoseconds > 0).then(|| (nanoseconds / 1_000) as f64 / 1_000.0)
}
