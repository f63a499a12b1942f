//! The budget of a backend for retries: so that a backend in trouble does not get its load twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::backend::Backend;

/// Retries that are always allowed at once: a backend with little load has a budget too.
const FLOOR: u32 = 3;

/// One retry in this many requests in flight.
const SHARE: u32 = 5;

/// A retry, counted against its backend's budget until it is dropped.
#[derive(Debug)]
pub struct RetryPermit {
    backend: Arc<Backend>,
}

impl RetryPermit {
    /// A retry at this backend; `None`: a fifth of its requests in flight, over all workers, are retries already.
    pub fn of(backend: &Arc<Backend>) -> Option<Self> {
        let in_flight: u32 =
            backend.endpoints().endpoints.iter().map(|endpoint| endpoint.in_flight.load(Ordering::Relaxed)).sum();
        let budget = (in_flight / SHARE).max(FLOOR);
        let take = |retries: u32| (retries < budget).then_some(retries + 1);
        backend.retries().fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(Self { backend: backend.clone() })
    }
}

impl Drop for RetryPermit {
    fn drop(&mut self) {
        self.backend.retries().fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectName;
    use crate::live::InFlight;
    use crate::table::backend::{BackendKey, Endpoints};

    #[test]
    fn retries_are_a_fifth_of_what_is_in_flight_and_never_less_than_three() {
        let backend = Arc::new(Backend::new(BackendKey { service: ObjectName::new("shop", "cart"), port: 80 }));
        backend.update(&Endpoints { addresses: vec![([127, 0, 0, 1], 1).into()], ..Endpoints::default() });
        let permits = |backend: &Arc<Backend>| {
            let permits: Vec<_> = std::iter::from_fn(|| RetryPermit::of(backend)).collect();
            permits.len()
        };
        assert_eq!(permits(&backend), 3);
        let held: Vec<_> =
            std::iter::repeat_with(|| backend.pick(&[])).take(50).collect::<Option<Vec<InFlight>>>().unwrap();
        assert_eq!(permits(&backend), 10);
        assert_eq!(permits(&backend), 10, "permits come back");
        drop(held);
        assert_eq!(permits(&backend), 3);
    }
}
