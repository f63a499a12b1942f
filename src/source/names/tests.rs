//! What is asked when, and what comes of it, with a resolver that says what a test lets it say.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::*;

/// Says one thing after the other, and the last for ever.
struct Script(Mutex<VecDeque<Result<Answer, String>>>);

#[async_trait]
impl Resolve for Script {
    async fn resolve(&self, _: &str) -> Result<Answer, String> {
        let mut script = self.0.lock().expect("not poisoned");
        if script.len() > 1 { script.pop_front() } else { script.front().cloned() }.expect("something to say")
    }
}

fn has(addresses: &[&str], ttl: Option<u64>) -> Result<Answer, String> {
    let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    Ok(Answer { addresses, ttl: ttl.map(Duration::from_secs) })
}

/// What is told of `a.test`, and who wants it.
fn asked(script: &[Result<Answer, String>]) -> (watch::Sender<Names>, UnboundedReceiver<(Arc<str>, Resolution)>) {
    let (wants, wanted) = watch::channel(Names::from([("a.test".into(), 1)]));
    let (told, hears) = unbounded_channel();
    tokio::spawn(follow(Arc::new(Script(Mutex::new(script.to_vec().into()))), wanted, told));
    (wants, hears)
}

async fn next(hears: &mut UnboundedReceiver<(Arc<str>, Resolution)>) -> (Vec<String>, Option<String>) {
    let (_, Resolution { addresses, failure }) = hears.recv().await.expect("something told");
    (addresses.iter().map(ToString::to_string).collect(), failure.map(|failure| failure.to_string()))
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_as_long_as_it_says_within_bounds() {
    for (ttl, seconds) in [(None, 30), (Some(60), 60), (Some(0), 5), (Some(86_400), 300)] {
        let (_wants, mut hears) = asked(&[has(&["10.0.0.2", "10.0.0.1", "10.0.0.2"], ttl), has(&["10.0.0.3"], None)]);
        assert_eq!(next(&mut hears).await, (vec!["10.0.0.1".into(), "10.0.0.2".into()], None));
        let start = Instant::now();
        assert_eq!(next(&mut hears).await, (vec!["10.0.0.3".into()], None));
        assert_eq!(start.elapsed().as_secs(), seconds, "{ttl:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_stay_while_a_name_cannot_be_asked_and_go_when_it_has_none() {
    let failed = || Err("servers are silent".to_owned());
    let none = has(&[], Some(5));
    let (_wants, mut hears) = asked(&[failed(), has(&["10.0.0.1"], None), failed(), none, failed()]);
    assert_eq!(next(&mut hears).await, (vec![], Some("servers are silent".into())));
    assert_eq!(next(&mut hears).await, (vec!["10.0.0.1".into()], None));
    let kept = "servers are silent; the addresses that it had are kept";
    assert_eq!(next(&mut hears).await, (vec!["10.0.0.1".into()], Some(kept.into())));
    assert_eq!(next(&mut hears).await, (vec![], Some("it has no address".into())));
    assert_eq!(next(&mut hears).await, (vec![], Some("servers are silent".into())));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nobody_wants_is_not_asked_any_more() {
    let (wants, mut hears) = asked(&[has(&["10.0.0.1"], None), has(&["10.0.0.2"], None), has(&["10.0.0.3"], None)]);
    next(&mut hears).await;
    wants.send_replace(Names::new());
    sleep(Duration::from_secs(3600)).await;
    assert!(hears.try_recv().is_err(), "nothing more is told");
    wants.send_replace(Names::from([("a.test".into(), 1)]));
    assert_eq!(next(&mut hears).await.0, ["10.0.0.2"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_let_go_in_between_is_told_again() {
    let (wants, mut hears) = asked(&[has(&["10.0.0.1"], None)]);
    next(&mut hears).await;
    // Whoever follows does not see the moment without it.
    wants.send_replace(Names::new());
    wants.send_replace(Names::from([("a.test".into(), 2)]));
    assert_eq!(next(&mut hears).await.0, ["10.0.0.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_is_told() {
    struct Silent;
    #[async_trait]
    impl Resolve for Silent {
        async fn resolve(&self, _: &str) -> Result<Answer, String> {
            std::future::pending().await
        }
    }
    let (_wants, wanted) = watch::channel(Names::from([("a.test".into(), 1)]));
    let (told, mut hears) = unbounded_channel();
    tokio::spawn(follow(Arc::new(Silent), wanted, told));
    assert_eq!(next(&mut hears).await, (vec![], Some("no answer in time".into())));
}

#[tokio::test]
async fn the_system_knows_localhost_and_refuses_what_is_no_name() {
    let system = SystemResolver::new().expect("settings of the system");
    let answer = system.resolve("localhost").await.expect("an answer");
    assert!(!answer.addresses.is_empty() && answer.addresses.iter().all(IpAddr::is_loopback), "{answer:?}");
    assert!(system.resolve("a name").await.is_err());
}
