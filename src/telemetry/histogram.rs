//! A histogram of durations: one bucket and one sum to add to, no lock and no float on the request path.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus::proto;

/// Upper bounds of the buckets, in microseconds.
const BOUNDS: [u64; 13] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 30_000_000];

/// Durations, counted by bucket.
#[derive(Debug, Default)]
pub(super) struct Durations {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Durations {
    /// Counts one.
    pub(super) fn observe(&self, duration: Duration) {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < microseconds);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.nanoseconds.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(0), Relaxed);
    }

    /// What Prometheus gets, in seconds; `None` while nothing was counted.
    #[allow(clippy::cast_precision_loss, reason = "Prometheus has floats only")]
    pub(super) fn export(&self) -> Option<proto::Histogram> {
        let seconds = self.nanoseconds.load(Relaxed) as f64 / 1e9;
        export(&self.buckets, BOUNDS.map(|bound| bound as f64 / 1e6), seconds)
    }
}

/// Counts by bucket, of which the last has no bound, as Prometheus gets them; `None` while nothing was counted.
pub(super) fn export<const N: usize>(counts: &[AtomicU64], bounds: [f64; N], sum: f64) -> Option<proto::Histogram> {
    let mut total = 0;
    let mut buckets = Vec::with_capacity(N);
    for (index, count) in counts.iter().enumerate() {
        total += count.load(Relaxed);
        if let Some(bound) = bounds.get(index) {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(total);
            buckets.push(bucket);
        }
    }
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(total);
    histogram.set_sample_sum(sum);
    (total > 0).then_some(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_buckets_are_cumulative() {
        let durations = Durations::default();
        assert!(durations.export().is_none());
        for microseconds in [500, 501, 1_000, 40_000_000] {
            durations.observe(Duration::from_micros(microseconds));
        }
        let exported = durations.export().expect("four were counted");
        let counts: Vec<_> = exported.get_bucket().iter().map(proto::Bucket::cumulative_count).collect();
        assert_eq!(counts[..3], [1, 3, 3]);
        assert_eq!(counts.last(), Some(&3));
        assert_eq!(exported.get_sample_count(), 4);
        assert!((exported.get_sample_sum() - 40.002_001).abs() < 1e-9);
    }
}
