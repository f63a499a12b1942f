//! What is written, what is not, and that nobody waits for it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::mpsc;
use std::time::Duration;

use http::HeaderValue;
use prometheus::IntCounter;

use super::{AccessLog, FIELDS, Filter, LineCounters, Options, Record, SentTo};
use crate::telemetry::outcome::{Outcome, Reason};
use crate::telemetry::series::{RuleLabels, RuleSeries};

struct Sent(mpsc::Sender<Vec<u8>>);

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn counters() -> LineCounters {
    let counter = |name| IntCounter::new(name, "a counter").expect("a counter");
    LineCounters { written: counter("written"), dropped: counter("dropped") }
}

fn series() -> RuleSeries {
    RuleSeries::new(RuleLabels {
        kind: "HTTPRoute",
        namespace: "shop".into(),
        name: "web".into(),
        rule: "checkout".into(),
    })
}

fn record() -> Record<'static> {
    Record {
        request_id: "id-1",
        method: "GET",
        host: "a.test",
        path: "/x?y=\"z\"",
        protocol: "HTTP/1.1",
        peer: SocketAddr::from(([127, 0, 0, 1], 4000)),
        to: SentTo::Listener(80),
        server_name: None,
        source_principal: None,
        source_workload: None,
        backend: None,
        endpoint: None,
        destination_workload: None,
        user_agent: None,
        traceparent: None,
    }
}

/// The lines that a log with these options writes for these outcomes.
fn logged(options: Options, outcomes: &[Outcome]) -> Vec<serde_json::Value> {
    let (sender, written) = mpsc::channel();
    let log = AccessLog::start(options, Box::new(Sent(sender)), counters()).expect("a thread");
    for outcome in outcomes {
        log.log(&series(), outcome, record);
    }
    drop(log);
    let text: Vec<u8> = written.iter().flatten().collect();
    String::from_utf8(text)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect()
}

fn status(status: u16) -> Outcome {
    Outcome { status, ..Outcome::default() }
}

#[test]
fn a_full_line_has_the_documented_fields_in_order() {
    let outcome = Outcome {
        status: 503,
        grpc_status: Some(14),
        reason: Some(Reason::ConnectFailed),
        duration: Duration::from_micros(1_500),
        upstream_head: Some(Duration::from_millis(1)),
        connect: Some(Duration::from_micros(250)),
        attempts: 2,
        request_bytes: 10,
        response_bytes: 20,
    };
    let (agent, trace) = (
        HeaderValue::from_bytes(b"agent \xff").expect("opaque bytes"),
        HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    );
    let full = Record {
        server_name: Some("a.test"),
        source_principal: Some("spiffe://cluster.local/ns/shop/sa/web"),
        source_workload: Some(&"shop/till"),
        backend: Some(&"shop/web:80"),
        endpoint: Some(SocketAddr::from(([127, 0, 0, 1], 9101))),
        destination_workload: Some(&"shop/web-v1"),
        user_agent: Some(&agent),
        traceparent: Some(&trace),
        ..record()
    };
    let time = "2026-01-02T03:04:05.678Z".parse().expect("a time");
    let line = super::line::json(time, series().labels(), &outcome, &full);
    assert_eq!(line.last(), Some(&b'\n'));
    let line = String::from_utf8(line).expect("text");
    let mut at = 0;
    // It was sent to a listener, so that nothing was dialled.
    let fields = || FIELDS.iter().map(|(field, _)| *field).filter(|field| *field != "dialled");
    for field in fields() {
        let found =
            line[at..].find(&format!("\"{field}\":")).unwrap_or_else(|| panic!("{field} after {}", &line[at..]));
        at += found + 1;
    }
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line.as_object().expect("an object").len(), fields().count());
    assert_eq!(line["time"], "2026-01-02T03:04:05.678Z");
    assert_eq!(line["route"], "HTTPRoute shop/web");
    assert_eq!(line["rule"], "checkout");
    assert_eq!(line["duration_ms"], 1.5);
    assert_eq!(line["path"], "/x?y=\"z\"");
    assert_eq!(line["user_agent"], "agent \u{fffd}");
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[test]
fn what_there_is_nothing_to_say_of_is_left_out() {
    let lines = logged(Options::default(), &[status(200)]);
    assert_eq!(lines.len(), 1);
    for field in [
        "dialled",
        "server_name",
        "source_principal",
        "source_workload",
        "destination_workload",
        "grpc_status",
        "reason",
        "backend",
        "endpoint",
        "connect_ms",
        "upstream_head_ms",
        "user_agent",
        "trace_id",
    ] {
        assert_eq!(lines[0].get(field), None, "{field}");
    }
}

#[test]
fn filters_take_what_they_name() {
    let failed = Outcome { reason: Some(Reason::NoRoute), ..status(404) };
    let all = [status(200), status(404), failed, status(500), status(0)];
    for (filter, expected) in [
        ("", vec![200, 404, 404, 500, 0]),
        ("errors", vec![404, 500, 0]),
        ("status>=404", vec![404, 404, 500, 0]),
        ("route=shop/web, errors", vec![404, 500, 0]),
        ("route=shop/other", vec![]),
        ("route=shop/other,route=shop/web", vec![200, 404, 404, 500, 0]),
    ] {
        let options = Options { filter: filter.parse().expect(filter), ..Options::default() };
        let statuses: Vec<_> = logged(options, &all).iter().map(|line| line["status"].as_u64()).collect();
        assert_eq!(statuses, expected.into_iter().map(Some).collect::<Vec<_>>(), "{filter}");
    }
}

#[test]
fn a_filter_that_is_not_known_is_named() {
    let error = "errors,stauts>=500".parse::<Filter>().expect_err("a typing error");
    assert!(error.to_string().contains("stauts>=500"), "{error}");
    assert!("status>=many".parse::<Filter>().is_err());
    assert!("route=web".parse::<Filter>().is_err());
}

#[test]
fn sampling_takes_one_of_n_that_the_filter_takes() {
    let sample = NonZeroU32::new(10).expect("not zero");
    let options = Options { sample, filter: "errors".parse().expect("a filter") };
    let outcomes: Vec<_> = (0..100).flat_map(|_| [status(200), status(500)]).collect();
    assert_eq!(logged(options, &outcomes).len(), 10);
}

#[test]
fn a_record_that_is_not_wanted_is_never_built() {
    let (sender, _written) = mpsc::channel();
    let options = Options { filter: "errors".parse().expect("a filter"), ..Options::default() };
    let log = AccessLog::start(options, Box::new(Sent(sender)), counters()).expect("a thread");
    log.log(&series(), &status(200), || panic!("built"));
}

/// An output that takes nothing until it is let go.
struct Stuck(mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The sender's drop lets it go.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_is_stuck_costs_lines_and_no_waiting() {
    let (go, wait) = mpsc::channel();
    let counters = counters();
    let log = AccessLog::start(Options::default(), Box::new(Stuck(wait)), counters.clone()).expect("a thread");
    for _ in 0..20_000 {
        log.log(&series(), &status(200), record);
    }
    assert!(counters.dropped.get() > 0);
    assert_eq!(counters.dropped.get() + counters.written.get(), 20_000);
    drop(go);
}

#[test]
fn lines_for_a_closed_output_are_counted_as_dropped() {
    let (sender, written) = mpsc::channel();
    drop(written);
    let counters = counters();
    let log = AccessLog::start(Options::default(), Box::new(Sent(sender)), counters.clone()).expect("a thread");
    for _ in 0..10 {
        log.log(&series(), &status(200), record);
    }
    drop(log);
    assert_eq!(counters.dropped.get(), 10);
}
