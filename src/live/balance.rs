//! Balancing: power of two choices over (requests in flight + 1) × peak-EWMA of the time to the response head.
//!
//! A peak counts at once, and what was seen fades with a time constant of [`FADE`]; after [`FORGET`] an endpoint is as
//! unknown as a new one, and takes the median of its set. So a slow endpoint is tried again by and by, and a new one
//! is neither shunned nor flooded.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;

/// Time constant of the moving average.
const FADE: Duration = Duration::from_secs(10);
/// After this long without an observation nothing is known any more.
const FORGET: Duration = Duration::from_secs(60);
/// A failure counts as a response head after this long, or after twice what was known.
const FAILURE: Duration = Duration::from_secs(1);
/// At most this.
const FAILURE_MOST: Duration = Duration::from_secs(60);
/// Endpoints that a median is taken of; of a larger set, so many spread evenly.
const SAMPLE: usize = 64;

/// Nanoseconds since the process first asked.
pub(super) fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanoseconds(START.elapsed())
}

/// Picks an endpoint, another than those tried where there is one.
pub(super) fn pick<'e>(endpoints: &'e [Arc<Endpoint>], tried: &[u64]) -> Option<&'e Arc<Endpoint>> {
    match endpoints {
        [] => None,
        [only] => Some(only),
        [a, b] => Some(match (tried.contains(&a.id), tried.contains(&b.id)) {
            (true, false) => b,
            (false, true) => a,
            _ if fastrand::bool() => lighter(a, b, endpoints, now()),
            _ => lighter(b, a, endpoints, now()),
        }),
        _ if tried.is_empty() => {
            let first = fastrand::usize(..endpoints.len());
            let second = (first + fastrand::usize(1..endpoints.len())) % endpoints.len();
            Some(lighter(endpoints.get(first)?, endpoints.get(second)?, endpoints, now()))
        }
        _ => pick_untried(endpoints, tried),
    }
}

/// A further try: among those not yet tried, or among all where every one was.
fn pick_untried<'e>(endpoints: &'e [Arc<Endpoint>], tried: &[u64]) -> Option<&'e Arc<Endpoint>> {
    let untried = || endpoints.iter().filter(|e| !tried.contains(&e.id));
    match untried().count() {
        0 => pick(endpoints, &[]),
        1 => untried().next(),
        count => {
            let first = fastrand::usize(..count);
            let second = (first + fastrand::usize(1..count)) % count;
            Some(lighter(untried().nth(first)?, untried().nth(second)?, endpoints, now()))
        }
    }
}

/// The one of two with less load; the first where they are equal.
fn lighter<'e>(a: &'e Arc<Endpoint>, b: &'e Arc<Endpoint>, all: &[Arc<Endpoint>], now: u64) -> &'e Arc<Endpoint> {
    let (latency_a, latency_b) = match (known(a, now), known(b, now)) {
        (Some(a), Some(b)) => (a, b),
        (None, None) => (1.0, 1.0),
        (a, b) => {
            let median = median(all, now);
            (a.unwrap_or(median), b.unwrap_or(median))
        }
    };
    let in_flight = |e: &Endpoint| f64::from(e.in_flight.load(Ordering::Relaxed)) + 1.0;
    if in_flight(b) * latency_b < in_flight(a) * latency_a { b } else { a }
}

/// What is known of an endpoint's time to the response head, in nanoseconds.
fn known(endpoint: &Endpoint, now: u64) -> Option<f64> {
    let latency = endpoint.latency.load(Ordering::Relaxed);
    let age = now.saturating_sub(endpoint.observed.load(Ordering::Relaxed));
    (latency != 0 && age < nanoseconds(FORGET)).then(|| latency as f64 * remains(age))
}

/// The median of what is known; 1 where nothing is.
fn median(endpoints: &[Arc<Endpoint>], now: u64) -> f64 {
    let mut sample = [0.0; SAMPLE];
    let step = endpoints.len().div_ceil(SAMPLE).max(1);
    let mut count = 0;
    let known = endpoints.iter().step_by(step).filter_map(|e| known(e, now));
    for (slot, latency) in sample.iter_mut().zip(known) {
        *slot = latency;
        count += 1;
    }
    let Some(sample) = sample.get_mut(..count).filter(|s| !s.is_empty()) else { return 1.0 };
    let middle = (sample.len() - 1) / 2;
    *sample.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Takes an observation into an endpoint's average: a peak at once, less by and by.
pub(super) fn observe(endpoint: &Endpoint, after: Duration, now: u64) {
    let age = now.saturating_sub(endpoint.observed.swap(now, Ordering::Relaxed));
    let seen = nanoseconds(after).max(1);
    let average = |old: u64| {
        let weight = remains(age);
        if seen >= old { seen } else { (old as f64 * weight + seen as f64 * (1.0 - weight)) as u64 }
    };
    let _ = endpoint.latency.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(average(old).max(1)));
}

/// Takes a failure for a slow answer.
pub(super) fn penalise(endpoint: &Endpoint, now: u64) {
    let twice = known(endpoint, now).map_or(Duration::ZERO, |known| Duration::from_nanos(2 * known as u64));
    observe(endpoint, twice.clamp(FAILURE, FAILURE_MOST), now);
}

/// The part of an observation that counts after `age` nanoseconds.
fn remains(age: u64) -> f64 {
    (-(age as f64) / FADE.as_nanos() as f64).exp()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MS: u64 = 1_000_000;

    fn endpoints(latencies: &[u64], now: u64) -> Vec<Arc<Endpoint>> {
        let make = |(i, &latency): (usize, &u64)| {
            let endpoint = Endpoint::new(([127, 0, 0, 1], 1000 + i as u16).into());
            if latency != 0 {
                observe(&endpoint, Duration::from_nanos(latency), now);
            }
            Arc::new(endpoint)
        };
        latencies.iter().enumerate().map(make).collect()
    }

    fn latency(endpoint: &Endpoint) -> u64 {
        endpoint.latency.load(Ordering::Relaxed)
    }

    #[test]
    fn a_peak_counts_at_once_and_fades_by_time_not_by_count() {
        let endpoint = &endpoints(&[10 * MS], 0)[0];
        observe(endpoint, Duration::from_millis(500), SECOND);
        assert_eq!(latency(endpoint), 500 * MS);
        for _ in 0..1_000 {
            observe(endpoint, Duration::from_millis(10), SECOND);
        }
        assert_eq!(latency(endpoint), 500 * MS, "no time has passed");
        observe(endpoint, Duration::from_millis(10), 11 * SECOND);
        assert_eq!(latency(endpoint) / MS, 190, "10 + 490/e after one time constant");
    }

    #[test]
    fn what_was_seen_a_minute_ago_is_no_longer_known() {
        let endpoint = &endpoints(&[10 * MS], 0)[0];
        assert!(known(endpoint, 10 * SECOND).is_some_and(|l| (3.6e6..3.7e6).contains(&l)));
        assert_eq!(known(endpoint, 60 * SECOND), None);
    }

    #[test]
    fn an_unknown_endpoint_takes_the_median_of_its_set() {
        let set = endpoints(&[MS, 0, 5 * MS, 90 * MS, 0], 0);
        assert_eq!(median(&set, 0), 5e6);
        assert!(Arc::ptr_eq(lighter(&set[0], &set[1], &set, 0), &set[0]), "1 ms is less than the median");
        assert!(Arc::ptr_eq(lighter(&set[3], &set[1], &set, 0), &set[1]), "the median is less than 90 ms");
        assert_eq!(median(&endpoints(&[0, 0, 0], 0), 0), 1.0);
        assert_eq!(median(&endpoints(&[3 * MS; 1000], 0), 0), 3e6, "a large set is sampled");
    }

    #[test]
    fn requests_in_flight_count() {
        let set = endpoints(&[10 * MS, 15 * MS], 0);
        assert!(Arc::ptr_eq(lighter(&set[0], &set[1], &set, 0), &set[0]));
        set[0].in_flight.store(1, Ordering::Relaxed);
        assert!(Arc::ptr_eq(lighter(&set[0], &set[1], &set, 0), &set[1]));
        let unknown = endpoints(&[0, 0, 0], 0);
        unknown[0].in_flight.store(5, Ordering::Relaxed);
        assert!(
            Arc::ptr_eq(lighter(&unknown[0], &unknown[1], &unknown, 0), &unknown[1]),
            "also where nothing is known"
        );
    }

    #[test]
    fn a_slow_endpoint_of_two_gets_a_small_share() {
        let set = endpoints(&[MS, 100 * MS], now());
        let slow = (0..1_000).filter(|_| pick(&set, &[]).is_some_and(|e| e.id == set[1].id)).count();
        assert!(slow < 50, "{slow} of 1000");
    }

    #[test]
    fn all_endpoints_of_a_large_set_are_picked() {
        let set = endpoints(&[0; 20], 0);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            seen.extend(pick(&set, &[]).map(|e| e.id));
        }
        assert_eq!(seen.len(), 20);
    }

    #[test]
    fn a_further_try_goes_elsewhere_where_there_is_an_elsewhere() {
        for size in 2..6 {
            let set = endpoints(&vec![0; size], 0);
            let ids: Vec<u64> = set.iter().map(|e| e.id).collect();
            for tried in 1..size {
                for _ in 0..50 {
                    assert!(pick(&set, &ids[..tried]).is_some_and(|e| !ids[..tried].contains(&e.id)));
                }
            }
            assert!(pick(&set, &ids).is_some(), "all were tried: any");
        }
        let one = endpoints(&[0], 0);
        assert!(pick(&one, &[one[0].id]).is_some());
        assert!(pick(&[], &[]).is_none());
    }

    #[test]
    fn an_endpoint_that_fails_fast_does_not_draw_the_traffic() {
        let set = endpoints(&[5 * MS, MS], now());
        penalise(&set[1], now());
        assert!(latency(&set[1]) >= SECOND);
        penalise(&set[1], now());
        assert!(latency(&set[1]) > SECOND, "longer each time");
        let failing = (0..200).filter(|_| pick(&set, &[]).is_some_and(|e| e.id == set[1].id)).count();
        assert_eq!(failing, 0);
        for _ in 0..100 {
            penalise(&set[1], now());
        }
        assert!(latency(&set[1]) <= 60 * SECOND);
    }
}
