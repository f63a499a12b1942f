//! The flags of the log.

use clap::{Args, ValueEnum};

use crate::telemetry::log::Format;

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
pub(super) struct LogFlags {
    /// What to log, on stderr: a level, or levels by module, like `info,pingway::proxy=debug`
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,

    /// How log lines look
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl LogFlags {
    /// What is logged.
    pub(super) fn filter(&self) -> &str {
        &self.log
    }

    /// How log lines look.
    pub(super) fn format(&self) -> Format {
        match self.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        }
    }
}
