//! Label sets made ahead: the request path only adds to counters that are already there.

/// The metric series of one rule.
#[derive(Debug, Default)]
pub struct RuleSeries {}
