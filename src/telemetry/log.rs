//! Log set-up: where lines go, which are written, and how that is changed while the process runs.
//!
//! Pingora and other libraries log through `log`; those lines are bridged, kept to warnings unless a filter names their
//! module, and to a few each second: many of them tell of what a client sent.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{Event, Subscriber};
use tracing_log::AsLog;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Always in front of the filter, which can name these modules itself. What kube's client says at each try, the source says
/// once, as a problem.
const LIBRARIES: &str = "pingora=warn,pingora_core=warn,h2=warn,hyper=warn,rustls=warn,tungstenite=warn,notify=warn,\
    tower=warn,kube_runtime=error,kube_client=off";

/// Lines a second that libraries may write.
const LIBRARY_LINES: u64 = 10;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A text that is no filter.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a log filter, like `debug` or `info,pingway::proxy=debug`: {why}")]
pub struct InvalidLogFilter {
    text: String,
    why: String,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The filter is not one.
    #[error(transparent)]
    Filter(#[from] InvalidLogFilter),
    /// The process has a logger already.
    #[error("logging is set up already")]
    Twice,
}

/// What is logged now, and the way to change it.
#[derive(Debug)]
pub struct LogControl {
    handle: reload::Handle<EnvFilter, Registry>,
    text: Mutex<String>,
}

/// Sets up logging for the process: to stderr, so that stdout is the access log's.
pub fn set_up(filter: &str, format: Format) -> Result<LogControl, SetUpError> {
    let (layer, handle) = reload::Layer::new(parse(filter)?);
    let lines: Box<dyn Layer<_> + Send + Sync> = match format {
        Format::Text => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            Box::new(tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colours))
        }
        Format::Json => Box::new(tracing_subscriber::fmt::layer().json().with_writer(io::stderr)),
    };
    let subscriber = Registry::default().with(layer).with(Few::default()).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| SetUpError::Twice)?;
    tracing_log::LogTracer::init().map_err(|_| SetUpError::Twice)?;
    follow_level();
    Ok(LogControl { handle, text: Mutex::new(filter.to_owned()) })
}

impl LogControl {
    /// The filter in force, as it was given.
    pub fn filter(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another filter in force.
    pub fn set_filter(&self, filter: &str) -> Result<(), InvalidLogFilter> {
        let filter = filter.trim();
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = |why: reload::Error| InvalidLogFilter { text: filter.to_owned(), why: why.to_string() };
        self.handle.reload(parse(filter)?).map_err(gone)?;
        follow_level();
        filter.clone_into(&mut text);
        Ok(())
    }
}

/// Lets `log` make no records that the filter would drop.
fn follow_level() {
    tracing_log::log::set_max_level(tracing::level_filters::LevelFilter::current().as_log());
}

fn parse(text: &str) -> Result<EnvFilter, InvalidLogFilter> {
    let invalid = |why: &dyn std::fmt::Display| InvalidLogFilter { text: text.to_owned(), why: why.to_string() };
    if text.trim().is_empty() {
        return Err(invalid(&"it is empty"));
    }
    EnvFilter::builder().parse(format!("{LIBRARIES},{text}")).map_err(|why| invalid(&why))
}

/// Lets only a few lines a second through that come from `log`.
#[derive(Debug)]
struct Few {
    started: Instant,
    /// Second since the start, and lines in it, in one word: 32 bits each.
    window: AtomicU64,
}

impl Default for Few {
    fn default() -> Self {
        Self { started: Instant::now(), window: AtomicU64::new(0) }
    }
}

impl Few {
    fn admits(&self, second: u64) -> bool {
        let count = |window: u64| if window >> 32 == second { window + 1 } else { (second << 32) + 1 };
        let before = self.window.fetch_update(Relaxed, Relaxed, |window| Some(count(window)));
        count(before.unwrap_or_else(|unchanged| unchanged)) & u64::from(u32::MAX) <= LIBRARY_LINES
    }
}

impl<S: Subscriber> Layer<S> for Few {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        // The target that the bridge gives to every record.
        event.metadata().target() != "log" || self.admits(self.started.elapsed().as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_can_name_a_library_and_must_be_one() {
        assert!(parse("info,pingora_core=debug").is_ok());
        for text in ["", "  ", "info,pingway=loud"] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains("is not a log filter"), "{error}");
        }
    }

    #[test]
    fn libraries_get_a_few_lines_a_second() {
        let few = Few::default();
        let admitted = |second| (0..100).filter(|_| few.admits(second)).count();
        assert_eq!(admitted(0), 10);
        assert_eq!(admitted(1), 10);
        assert_eq!(admitted(1), 0);
    }

    #[test]
    fn the_level_changes_while_the_process_runs() {
        let control = set_up("warn", Format::Text).expect("the first in this process");
        assert!(!tracing::enabled!(tracing::Level::INFO));
        assert!(matches!(set_up("info", Format::Text), Err(SetUpError::Twice)));
        control.set_filter("debug\n").expect("a filter");
        assert!(tracing::enabled!(tracing::Level::DEBUG));
        assert!(tracing_log::log::max_level() >= tracing_log::log::LevelFilter::Debug);
        assert!(control.set_filter("pingway=loud").is_err());
        assert_eq!(control.filter(), "debug");
        control.set_filter("error").expect("a filter");
        assert!(!tracing::enabled!(tracing::Level::WARN));
    }
}
