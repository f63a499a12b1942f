//! Whether a request that failed is sent again, and after how long.

use std::time::Duration;

use http::Method;

use super::engine::{Cause, Processed};
use super::failure::Broken;
use crate::table::timeouts::Retry;
use crate::telemetry::label::RetryDenied;

/// How a try failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Nothing can have reached the backend.
    Unprocessed,
    /// Closed or reset before any byte of a response; the backend may have acted on the request.
    Unanswered,
    /// What came is no response, or not all of its head; the backend may have acted on the request.
    Misanswered,
    /// The try's time ran out.
    TimedOut,
    /// A response came, with this status.
    Status(u16),
}

impl Failed {
    /// Of what broke before a response's head; `None`: another try would not help.
    pub(crate) fn of(broken: &Broken) -> Option<Self> {
        use super::deadline::Expired;
        match broken {
            Broken::Client(_) | Broken::Unasked | Broken::NoEndpoint => None,
            Broken::Expired(Expired::Request | Expired::Idle) => None,
            Broken::Expired(Expired::Try) => Some(Self::TimedOut),
            Broken::Upstream(error) => Some(match (error.processed, error.cause) {
                (Processed::No, _) => Self::Unprocessed,
                (Processed::Maybe, Cause::Unanswered) => Self::Unanswered,
                (Processed::Maybe, _) => Self::Misanswered,
            }),
        }
    }
}

/// Whether the route and the method allow another try. `tries`: those made so far, at least 1.
///
/// A backend that may have acted on a request gets it again only where the route asks for retries (HTTPRouteRetry), or where
/// the method is idempotent and nothing came (RFC 9110, 9.2.2). In a mesh this is how an endpoint shows that is not there:
/// ztunnel accepts before it dials.
pub(crate) fn allowed(policy: &Retry, tries: u32, failed: Failed, method: &Method) -> bool {
    if tries > policy.attempts {
        return false;
    }
    match failed {
        Failed::Unprocessed => true,
        Failed::Unanswered => policy.asked || method.is_idempotent(),
        Failed::Misanswered | Failed::TimedOut => policy.asked,
        Failed::Status(code) => policy.asked && policy.codes.contains(&code),
    }
}

/// How long to wait before the next try: the route's backoff, doubled with each, and up to half of it more, so that
/// requests that failed together do not come back together. A route that asked for nothing waits for nothing
/// where nothing reached the backend.
pub(crate) fn backoff(policy: &Retry, tries: u32, failed: Failed) -> Duration {
    if !policy.asked && failed == Failed::Unprocessed {
        return Duration::ZERO;
    }
    let doubled = policy.backoff.saturating_mul(1 << tries.saturating_sub(1).min(6));
    doubled.mul_f64(1.0 + fastrand::f64() / 2.0)
}

/// Whether a try counts against the backend's budget: not where it never reached it.
pub(crate) fn needs_budget(failed: Failed) -> bool {
    failed != Failed::Unprocessed
}

/// What a request whose body cannot be sent again, or whose time is short, is denied for.
pub(crate) fn denied(whole_body: bool, time_left: bool) -> Option<RetryDenied> {
    match (whole_body, time_left) {
        (false, _) => Some(RetryDenied::BodyTooLarge),
        (_, false) => Some(RetryDenied::Deadline),
        (true, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(attempts: u32, codes: &[u16]) -> Retry {
        Retry { attempts, codes: codes.to_vec(), backoff: Duration::from_millis(100), asked: true }
    }

    #[test]
    fn without_retry_only_what_may_be_acted_on_twice_or_was_not_at_all_is_sent_again_and_twice() {
        let policy = Retry::default();
        assert!(allowed(&policy, 2, Failed::Unprocessed, &Method::POST));
        assert!(!allowed(&policy, 3, Failed::Unprocessed, &Method::POST));
        assert!(!allowed(&policy, 1, Failed::Unanswered, &Method::POST));
        assert!(allowed(&policy, 2, Failed::Unanswered, &Method::PUT));
        assert!(!allowed(&policy, 3, Failed::Unanswered, &Method::GET));
        assert!(!allowed(&policy, 1, Failed::Misanswered, &Method::GET));
        assert!(!allowed(&policy, 1, Failed::TimedOut, &Method::GET));
        assert!(!allowed(&policy, 1, Failed::Status(503), &Method::GET));
    }

    #[test]
    fn a_route_that_asks_gets_its_codes_attempts_and_connection_errors() {
        let policy = asked(2, &[503]);
        assert!(allowed(&policy, 2, Failed::Status(503), &Method::POST));
        assert!(!allowed(&policy, 3, Failed::Status(503), &Method::POST));
        assert!(!allowed(&policy, 1, Failed::Status(500), &Method::POST));
        assert!(allowed(&asked(2, &[]), 1, Failed::Unprocessed, &Method::GET));
        assert!(allowed(&asked(2, &[]), 1, Failed::Unanswered, &Method::POST));
        assert!(allowed(&asked(2, &[]), 1, Failed::Misanswered, &Method::POST));
        assert!(!allowed(&asked(0, &[503]), 1, Failed::Status(503), &Method::GET));
    }

    #[test]
    fn backoff_is_never_shorter_than_the_route_says_and_doubles() {
        let policy = asked(3, &[503]);
        for (tries, millis) in [(1, 100), (2, 200), (3, 400)] {
            let wait = backoff(&policy, tries, Failed::Status(503));
            let base = Duration::from_millis(millis);
            assert!(wait >= base && wait <= base.mul_f64(1.5), "{tries}: {wait:?}");
        }
        assert!(backoff(&Retry::default(), 1, Failed::Unanswered) < Duration::from_millis(50));
        assert_eq!(backoff(&Retry::default(), 1, Failed::Unprocessed), Duration::ZERO);
    }
}
