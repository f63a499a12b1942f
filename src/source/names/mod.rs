//! Names of DNS: asks what the names of ExternalName Services stand for, again and again, for as long as they are wanted.
//!
//! An answer counts for as long as it says, within bounds. A name that has no address has none at once; one that cannot
//! be asked keeps the addresses that it had. Nothing of it is on a worker.
//!
//! Never here: whether an address may be dialled, which `compile::endpoints` says of every endpoint in one place.

mod system;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use crate::snapshot::Resolution;

pub use system::SystemResolver;

/// Names to ask, in lower case, without trailing dots, each with a number. A name that comes with another number than
/// before was let go in between, and is asked and told anew.
pub type Names = BTreeMap<Arc<str>, u64>;

/// How long an answer counts that does not say.
const UNSAID: Duration = Duration::from_secs(30);
/// How long an answer counts at least and at most, whatever it says.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// After how long a name is asked again that could not be asked.
const AGAIN: Duration = Duration::from_secs(5);
/// Longest time for an answer, all of the resolver's own tries included.
const LONGEST: Duration = Duration::from_secs(15);
/// Names that are asked at once.
const AT_ONCE: usize = 16;

/// What a resolver says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its addresses, in any order. None: the name does not exist, or has none.
    pub addresses: Vec<IpAddr>,
    /// How long that counts. `None`: unsaid.
    pub ttl: Option<Duration>,
}

/// Whoever knows what names stand for.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// Asks for a name. An error says why there is no answer; that there is no address is an answer.
    async fn resolve(&self, name: &str) -> Result<Answer, String>;
}

/// Asks for the names that are wanted, and tells what differs, until nobody wants any more.
pub async fn follow(
    resolver: Arc<dyn Resolve>,
    mut wanted: watch::Receiver<Names>,
    told: UnboundedSender<(Arc<str>, Resolution)>,
) {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked: BTreeMap<Arc<str>, (u64, AbortOnDropHandle<()>)> = BTreeMap::new();
    loop {
        let names = wanted.borrow_and_update().clone();
        asked.retain(|name, (number, _)| names.get(name) == Some(number));
        for (name, number) in names {
            asked.entry(name.clone()).or_insert_with(|| {
                let asking = keep_asking(resolver.clone(), name, permits.clone(), told.clone());
                (number, AbortOnDropHandle::new(tokio::spawn(asking)))
            });
        }
        if wanted.changed().await.is_err() {
            return;
        }
    }
}

/// Asks for one name until nobody listens.
async fn keep_asking(
    resolver: Arc<dyn Resolve>,
    name: Arc<str>,
    permits: Arc<Semaphore>,
    told: UnboundedSender<(Arc<str>, Resolution)>,
) {
    let mut before = None;
    loop {
        let Ok(permit) = permits.acquire().await else { return };
        let answer =
            timeout(LONGEST, resolver.resolve(&name)).await.unwrap_or_else(|_| Err("no answer in time".into()));
        drop(permit);
        let (now, pause) = judge(answer, before.as_ref());
        if before.as_ref() != Some(&now) {
            log(&name, &now);
            if told.send((name.clone(), now.clone())).is_err() {
                return;
            }
            before = Some(now);
        }
        sleep(pause).await;
    }
}

/// What an answer comes to, and when to ask again.
fn judge(answer: Result<Answer, String>, before: Option<&Resolution>) -> (Resolution, Duration) {
    match answer {
        Ok(Answer { mut addresses, ttl }) => {
            addresses.sort_unstable();
            addresses.dedup();
            let failure = addresses.is_empty().then(|| "it has no address".into());
            (Resolution { addresses, failure }, ttl.unwrap_or(UNSAID).clamp(BOUNDS.0, BOUNDS.1))
        }
        Err(why) => {
            let addresses = before.map(|before| before.addresses.clone()).unwrap_or_default();
            let kept = if addresses.is_empty() { "" } else { "; the addresses that it had are kept" };
            (Resolution { addresses, failure: Some(format!("{why}{kept}").into()) }, AGAIN)
        }
    }
}

fn log(name: &str, now: &Resolution) {
    match &now.failure {
        Some(failure) => warn!(name, "external name not resolved: {failure}"),
        None => info!(name, addresses = ?now.addresses, "external name resolved"),
    }
}
