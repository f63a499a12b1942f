//! Timeouts and retry of a rule (GEP-1742, GEP-1731).

use std::time::Duration;

use crate::api;
use crate::status::Reason;

/// How long an exchange may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// The whole exchange, retries included, to the last byte of the response. `None`: no limit.
    pub request: Option<Duration>,
    /// One try, to the last byte of the response. `None`: no limit.
    pub backend_request: Option<Duration>,
}

/// Whether and how a request is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries beyond the first. 0: never.
    pub attempts: u32,
    /// Status codes to try again on; empty for a rule without `retry`.
    pub codes: Vec<u16>,
    /// Shortest wait before a further try.
    pub backoff: Duration,
    /// Whether the route asked for retries: then a request that may have reached the backend may be sent again.
    pub asked: bool,
}

/// Shortest wait before a further try where the route names none: two tries fit well into half a second.
pub const DEFAULT_BACKOFF: Duration = Duration::from_millis(25);

/// Why timeouts or retry cannot be served: names the field, relative to the rule, and its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value:?} {why}")]
pub struct InvalidTimeout {
    /// The field.
    pub field: &'static str,
    /// What it says.
    pub value: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl InvalidTimeout {
    /// The reason of the route's condition Accepted.
    pub fn reason(&self) -> Reason {
        Reason::UnsupportedValue
    }
}

impl Timeouts {
    /// From `rules[].timeouts`; `0s` and nothing at all are no limit.
    pub fn compile(spec: Option<&api::Timeouts>) -> Result<Self, InvalidTimeout> {
        let Some(spec) = spec else { return Ok(Self::default()) };
        let limit = |field, text: &Option<String>| match text {
            Some(text) => duration(field, text).map(|limit| Some(limit).filter(|limit| !limit.is_zero())),
            None => Ok(None),
        };
        let request = limit("timeouts.request", &spec.request)?;
        let backend_request = limit("timeouts.backendRequest", &spec.backend_request)?;
        if let (Some(whole), Some(one)) = (request, backend_request)
            && one > whole
        {
            return Err(InvalidTimeout {
                field: "timeouts.backendRequest",
                value: spec.backend_request.clone().unwrap_or_default(),
                why: "is longer than timeouts.request",
            });
        }
        Ok(Self { request, backend_request })
    }
}

impl Default for Retry {
    /// Of a rule without `retry`: two further tries, where nothing can have reached the backend, or where the method is
    /// idempotent and no byte of a response came.
    fn default() -> Self {
        Self { attempts: 2, codes: Vec::new(), backoff: DEFAULT_BACKOFF, asked: false }
    }
}

impl Retry {
    /// From `rules[].retry`.
    pub fn compile(spec: Option<&api::Retry>) -> Result<Self, InvalidTimeout> {
        let Some(spec) = spec else { return Ok(Self::default()) };
        let attempts = spec.attempts.unwrap_or(1);
        let attempts = u32::try_from(attempts).map_err(|_| InvalidTimeout {
            field: "retry.attempts",
            value: attempts.to_string(),
            why: "is below zero",
        })?;
        let mut codes = Vec::with_capacity(spec.codes.len());
        for &code in &spec.codes {
            match u16::try_from(code) {
                Ok(valid @ 400..=599) => codes.push(valid),
                _ => {
                    let why = "is not a status of 400 to 599";
                    return Err(InvalidTimeout { field: "retry.codes", value: code.to_string(), why });
                }
            }
        }
        codes.sort_unstable();
        codes.dedup();
        let backoff = spec.backoff.as_deref().map(|text| duration("retry.backoff", text)).transpose()?;
        Ok(Self { attempts, codes, backoff: backoff.unwrap_or(DEFAULT_BACKOFF), asked: true })
    }
}

/// A duration of the Gateway API (GEP-2257): `([0-9]{1,5}(h|m|s|ms)){1,4}`.
fn duration(field: &'static str, text: &str) -> Result<Duration, InvalidTimeout> {
    api::duration(text).ok_or_else(|| InvalidTimeout {
        field,
        value: text.to_owned(),
        why: "is not a duration: up to four numbers of up to five digits, each with h, m, s or ms",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_limit_and_a_try_is_not_longer_than_the_whole() {
        let spec = |request: &str, backend: &str| api::Timeouts {
            request: Some(request.into()),
            backend_request: Some(backend.into()),
        };
        let none = Timeouts::compile(Some(&spec("0s", "5s"))).unwrap();
        assert_eq!(none, Timeouts { request: None, backend_request: Some(Duration::from_secs(5)) });
        let error = Timeouts::compile(Some(&spec("1s", "2s"))).unwrap_err();
        assert_eq!(error.to_string(), r#"timeouts.backendRequest "2s" is longer than timeouts.request"#);
        assert!(Timeouts::compile(Some(&spec("1.5s", "1s"))).is_err());
    }

    #[test]
    fn retry_has_one_attempt_and_a_short_backoff_by_default() {
        let retry = Retry::compile(Some(&api::Retry { codes: vec![503, 500, 503], ..Default::default() })).unwrap();
        assert_eq!(retry, Retry { attempts: 1, codes: vec![500, 503], backoff: DEFAULT_BACKOFF, asked: true });
        assert!(!Retry::compile(None).unwrap().asked);
        for spec in [
            api::Retry { codes: vec![399], ..Default::default() },
            api::Retry { codes: vec![600], ..Default::default() },
            api::Retry { attempts: Some(-1), ..Default::default() },
            api::Retry { backoff: Some("1".into()), ..Default::default() },
        ] {
            assert_eq!(Retry::compile(Some(&spec)).unwrap_err().reason(), Reason::UnsupportedValue);
        }
    }
}
