//! Route tables as text, one line for each match, in the order in which matches are tried.

use std::fmt::Write as _;

use pingway::compile::Compiled;
use pingway::table::backend::{Target, WeightedBackend};
use pingway::table::filter::Filters;
use pingway::table::listener::{Listener, Protocol};
use pingway::table::matches::{Match, PathMatch, ValueMatch};
use pingway::table::rule::{Action, Rule};
use pingway::table::timeouts::{Retry, Timeouts};

/// All tables of an answer.
pub(crate) fn tables(compiled: &Compiled) -> String {
    let mut text = String::new();
    for table in compiled.tables.values() {
        let _ = writeln!(text, "Gateway {}", table.gateway);
        for listener in &table.listeners {
            self::listener(&mut text, listener);
        }
    }
    text
}

fn listener(text: &mut String, listener: &Listener) {
    let sockets = listener.sockets.iter().map(|socket| match socket.address {
        Some(address) => format!("{address} {}", socket.port),
        None => format!("* {}", socket.port),
    });
    let sockets: Vec<String> = sockets.collect();
    let _ = write!(text, "  listener {} on {}, hostname {}", listener.name, sockets.join(" and "), listener.hostname);
    match &listener.protocol {
        Protocol::Http => text.push_str(", HTTP\n"),
        Protocol::Https { certificates } => {
            let certificates: Vec<String> =
                certificates.iter().map(|one| format!("{} {:?}", one.secret, one.names)).collect();
            let _ = writeln!(text, ", HTTPS with {}", certificates.join("; "));
        }
    }
    for host in listener.hosts.iter() {
        let _ = writeln!(text, "    host {}", host.hostname);
        for entry in &host.entries {
            let _ = writeln!(text, "      {} -> {}", matches(&entry.matches), rule(&entry.rule));
        }
    }
}

fn matches(matches: &Match) -> String {
    let mut text = match &matches.path {
        PathMatch::Exact(path) => format!("exact {path}"),
        PathMatch::Prefix(path) => format!("prefix {path}/"),
        PathMatch::Regex(pattern) => format!("regex {}", pattern.source),
    };
    if let Some(method) = &matches.method {
        let _ = write!(text, ", {method}");
    }
    for header in &matches.headers {
        let _ = write!(text, ", header {}{}", header.name, value(&header.value));
    }
    for query in &matches.query {
        let _ = write!(text, ", query {}{}", query.name, value(&query.value));
    }
    text
}

fn value(matches: &ValueMatch) -> String {
    match matches {
        ValueMatch::Exact(value) => format!("={value}"),
        ValueMatch::Regex(pattern) => format!("~{}", pattern.source),
    }
}

fn rule(rule: &Rule) -> String {
    let name = rule.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let mut text = format!("{} rules[{}]{name}: {}", rule.route, rule.index, action(&rule.action));
    if rule.timeouts != Timeouts::default() {
        let _ = write!(text, ", {:?}", rule.timeouts);
    }
    if rule.retry != Retry::default() {
        let _ = write!(text, ", {:?}", rule.retry);
    }
    text
}

fn action(action: &Action) -> String {
    match action {
        Action::Forward { filters, backends } => {
            let backends: Vec<String> = backends.iter().map(backend).collect();
            format!("{}{}", with(filters), backends.join(" | "))
        }
        Action::Redirect { filters, redirect } => format!("{}{redirect:?}", with(filters)),
        Action::Fail { status, why } => format!("{status} ({why})"),
    }
}

fn backend(backend: &WeightedBackend) -> String {
    let target = match &backend.target {
        Target::Backend(key) => key.to_string(),
        Target::Invalid { why } => format!("500 ({why})"),
    };
    format!("{}{target} x{}", with(&backend.filters), backend.weight)
}

fn with(filters: &Filters) -> String {
    if *filters == Filters::default() { String::new() } else { format!("{filters:?} ") }
}
