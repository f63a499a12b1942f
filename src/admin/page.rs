//! The page for people: everything at a glance, nothing to load.

use std::fmt::{self, Display, Write as _};
use std::sync::atomic::Ordering::Relaxed;

use super::{Sources, dump};
use crate::pipeline::Report;
use crate::proxy::Phase;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1a1a1a}\
    h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd;vertical-align:top}\
    th{font-weight:600}.bad{color:#a40000}.good{color:#126312}code{font-size:.95em}";

/// Rows of the table of routes; more are in `/routes`.
const ROUTES: usize = 200;

/// Text that may hold anything, for HTML.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string().chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The page.
pub(super) fn html(report: &Report, sources: &Sources) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Pingway</title><style>{STYLE}</style><h1>Pingway {}</h1>",
        env!("CARGO_PKG_VERSION")
    );
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, report, sources);
    page
}

fn write_page(page: &mut String, report: &Report, sources: &Sources) -> fmt::Result {
    let phase = match *sources.phase.borrow() {
        Phase::Running => "serving",
        Phase::Leaving => "leaving: not ready, still accepting",
        Phase::Draining => "draining",
        Phase::Cutting => "ending",
    };
    write!(page, "<p>{phase}, generation {}", report.generation)?;
    write!(page, ", compiled in {:?}, linked in {:?}", report.last_compile, report.last_link)?;
    if let Some(log) = &sources.log {
        write!(page, ", log filter <code>{}</code>", Escaped(log.filter()))?;
    }
    page.push_str("</p><p>As JSON: ");
    for path in ["/listeners", "/mesh", "/routes", "/endpoints", "/problems", "/statuses", "/log"] {
        write!(page, "<a href=\"{path}\">{path}</a> ")?;
    }
    page.push_str("— <code>curl -X PUT -d debug localhost:PORT/log</code> changes the log filter.</p>");
    problems(page, report)?;
    listeners(page, report, sources)?;
    backends(page, report)?;
    routes(page, report)
}

fn problems(page: &mut String, report: &Report) -> fmt::Result {
    page.push_str("<h2>Problems</h2>");
    let mut lines = 0;
    for problem in report.problems() {
        write!(page, "<p class=\"bad\">{}</p>", Escaped(problem))?;
        lines += 1;
    }
    for warning in report.warnings() {
        write!(page, "<p>{}</p>", Escaped(warning))?;
        lines += 1;
    }
    if lines == 0 {
        page.push_str("<p class=\"good\">None.</p>");
    }
    Ok(())
}

fn listeners(page: &mut String, report: &Report, sources: &Sources) -> fmt::Result {
    page.push_str("<h2>Listeners</h2>");
    head(page, &["gateway", "listener", "hostname", "port", "bound"])?;
    let addresses = sources.addresses.borrow();
    for (gateway, table) in report.tables.iter() {
        for listener in &table.listeners {
            for socket in &listener.sockets {
                let failure = report.observed.sockets.get(socket).and_then(|bound| bound.as_ref().err());
                let (class, bound) = match (failure, addresses.get(socket)) {
                    (Some(failure), _) => ("bad", failure.message.clone()),
                    (None, Some(address)) => ("good", address.to_string()),
                    (None, None) => ("bad", "not yet".to_owned()),
                };
                let cells = [gateway.to_string(), listener.name.to_string(), listener.hostname.to_string()];
                page.push_str("<tr>");
                cells.iter().try_for_each(|text| cell(page, text))?;
                cell(page, socket.port)?;
                write!(page, "<td class=\"{class}\">{}</td></tr>", Escaped(bound))?;
            }
        }
    }
    page.push_str("</table>");
    Ok(())
}

fn backends(page: &mut String, report: &Report) -> fmt::Result {
    page.push_str("<h2>Endpoints</h2>");
    head(page, &["backend", "endpoint", "in flight", "time to response head"])?;
    for (name, backend) in dump::alive(report) {
        let set = backend.endpoints();
        if set.endpoints.is_empty() {
            write!(page, "<tr><td>{}</td><td class=\"bad\" colspan=\"3\">none</td></tr>", Escaped(&name))?;
        }
        for endpoint in &set.endpoints {
            let latency = dump::latency(endpoint).map_or_else(|| "not yet known".to_owned(), |ms| format!("{ms} ms"));
            page.push_str("<tr>");
            cell(page, &name)?;
            cell(page, endpoint.address)?;
            cell(page, endpoint.in_flight.load(Relaxed))?;
            cell(page, latency)?;
            page.push_str("</tr>");
        }
    }
    page.push_str("</table>");
    Ok(())
}

fn routes(page: &mut String, report: &Report) -> fmt::Result {
    page.push_str("<h2>Routes</h2>");
    head(page, &["listener", "host", "match", "route", "rule", "action"])?;
    let listeners = report.tables.values().flat_map(|table| &table.listeners);
    let rows = listeners
        .flat_map(|listener| listener.hosts.iter().map(move |host| (listener, host)))
        .flat_map(|(listener, host)| host.entries.iter().map(move |entry| (listener, host, entry)));
    for (listener, host, entry) in rows.take(ROUTES) {
        page.push_str("<tr>");
        cell(page, &listener.name)?;
        cell(page, &host.hostname)?;
        cell(page, dump::matched(&entry.matches))?;
        cell(page, &entry.rule.route)?;
        cell(page, entry.rule.label())?;
        cell(page, dump::action(&entry.rule))?;
        page.push_str("</tr>");
    }
    page.push_str("</table><h2>Routes of Services</h2>");
    head(page, &["port", "clients", "match", "route", "rule", "action"])?;
    for one in dump::of_services(report).take(ROUTES) {
        page.push_str("<tr>");
        cell(page, one.port)?;
        cell(page, one.clients)?;
        cell(page, one.matched)?;
        cell(page, &one.rule.route)?;
        cell(page, one.rule.label())?;
        cell(page, dump::action(one.rule))?;
        page.push_str("</tr>");
    }
    write!(page, "</table><p>At most {ROUTES} rows: all are in <a href=\"/routes\">/routes</a>.</p>")
}

fn head(page: &mut String, names: &[&str]) -> fmt::Result {
    page.push_str("<table><tr>");
    names.iter().try_for_each(|name| write!(page, "<th>{name}</th>"))?;
    page.push_str("</tr>");
    Ok(())
}

fn cell(page: &mut String, text: impl Display) -> fmt::Result {
    write!(page, "<td>{}</td>", Escaped(text))
}
