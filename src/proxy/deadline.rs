//! Time limits of one exchange: the whole, one try, and idleness.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Which limit has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// `timeouts.request`
    Request,
    /// `timeouts.backendRequest`
    Try,
    /// No byte either way for too long.
    Idle,
}

/// The limits, with one timer for all: made only once something is waited for, since most exchanges end sooner.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    limits: Limits,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Default)]
struct Limits {
    request: Option<Instant>,
    of_try: Option<Instant>,
    idle: Option<Idle>,
}

#[derive(Clone, Copy, Debug)]
struct Idle {
    limit: Duration,
    since: Instant,
}

impl Clock {
    /// Starts the time of the whole exchange.
    pub(crate) fn new(started: std::time::Instant, request: Option<Duration>) -> Self {
        let request = request.map(|limit| Instant::from_std(started) + limit);
        Self { limits: Limits { request, ..Limits::default() }, timer: None }
    }

    /// Starts the time of one try.
    pub(crate) fn begin_try(&mut self, limit: Option<Duration>) {
        self.limits.of_try = limit.map(|limit| Instant::now() + limit);
    }

    /// From now on no more than this may pass without a byte either way. `None`: any time.
    pub(crate) fn watch_idleness(&mut self, limit: Option<Duration>) {
        self.limits.idle = limit.map(|limit| Idle { limit, since: Instant::now() });
    }

    /// A byte has passed.
    pub(crate) fn touch(&mut self) {
        if let Some(idle) = &mut self.limits.idle {
            idle.since = Instant::now();
        }
    }

    /// Whether the whole exchange still has this much time.
    pub(crate) fn has(&self, time: Duration) -> bool {
        self.limits.request.is_none_or(|deadline| Instant::now() + time < deadline)
    }

    /// Ready once a limit has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        let Self { limits, timer } = self;
        let Some((mut deadline, mut expired)) = limits.next() else { return Poll::Pending };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // A timer that is too early is set anew only when it rings: so a byte that passes costs nothing here.
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            (deadline, expired) = limits.next().unwrap_or((deadline, expired));
            if deadline <= Instant::now() {
                return Poll::Ready(expired);
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl Limits {
    fn next(&self) -> Option<(Instant, Expired)> {
        let request = self.request.map(|deadline| (deadline, Expired::Request));
        let of_try = self.of_try.map(|deadline| (deadline, Expired::Try));
        let idle = self.idle.map(|idle| (idle.since + idle.limit, Expired::Idle));
        [request, of_try, idle].into_iter().flatten().min_by_key(|(deadline, _)| *deadline)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn expires(clock: &mut Clock) -> (Expired, Duration) {
        let before = Instant::now();
        let expired = poll_fn(|cx| clock.poll(cx)).await;
        (expired, before.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_limit_that_passes_counts() {
        let mut clock = Clock::new(Instant::now().into_std(), Some(3 * SECOND));
        clock.begin_try(Some(SECOND));
        assert_eq!(expires(&mut clock).await, (Expired::Try, SECOND));
        clock.begin_try(None);
        assert_eq!(expires(&mut clock).await, (Expired::Request, 2 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn idleness_counts_from_the_last_byte() {
        let mut clock = Clock::default();
        clock.watch_idleness(Some(2 * SECOND));
        assert!(poll_fn(|cx| Poll::Ready(clock.poll(cx))).await.is_pending());
        tokio::time::advance(SECOND).await;
        clock.touch();
        assert_eq!(expires(&mut clock).await, (Expired::Idle, 2 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_it_never_rings() {
        let mut clock = Clock::default();
        assert!(poll_fn(|cx| Poll::Ready(clock.poll(cx))).await.is_pending());
        assert!(clock.timer.is_none() && clock.has(SECOND));
    }
}
