//! Ending: leaving, draining, cutting.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::{Bed, GET, ask, connect, in_time, response, rest, settings};
use crate::proxy::Phase;
use crate::shutdown::{Ended, Plan, Signals, end, serve_until_signal};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn new_connections_are_accepted_while_leaving() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut phase = bed.running.phase();
    let ending = tokio::spawn(end(bed.running, Plan { delay: Duration::from_secs(1), deadline: LONG }));
    in_time(phase.wait_for(|phase| *phase == Phase::Leaving)).await.unwrap();
    let mut client = connect(address).await;
    assert!(ask(&mut client, GET).await.contains("connection: keep-alive"));
    in_time(phase.wait_for(|phase| *phase == Phase::Draining)).await.unwrap();
    assert_eq!(rest(&mut client).await, b"");
    assert_eq!(in_time(ending).await.unwrap(), Ended::Drained);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn request_on_an_open_connection_is_answered_with_connection_close() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    ask(&mut client, GET).await;
    let mut phase = bed.running.phase();
    let ending = tokio::spawn(end(bed.running, Plan { delay: Duration::ZERO, deadline: LONG }));
    in_time(phase.wait_for(|phase| *phase == Phase::Draining)).await.unwrap();
    let mut answers = 0;
    loop {
        let head = ask(&mut client, GET).await;
        answers += 1;
        assert!(answers < 1_000_000, "never told to close");
        if head.contains("connection: close") {
            break;
        }
    }
    assert_eq!(rest(&mut client).await, b"");
    assert_eq!(in_time(ending).await.unwrap(), Ended::Drained);
}

#[tokio::test]
async fn nobody_connected_ends_at_once() {
    let bed = Bed::start(settings());
    bed.listen([80]).await;
    let began = Instant::now();
    let ended = end(bed.running, Plan { delay: Duration::ZERO, deadline: LONG }).await;
    assert_eq!(ended, Ended::Drained);
    assert!(began.elapsed() < LONG / 2);
}

#[tokio::test]
async fn request_that_has_begun_is_answered() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    ask(&mut client, GET).await;
    client.write_all(&GET[..10]).await.unwrap();
    let ending = tokio::spawn(end(bed.running, Plan { delay: Duration::ZERO, deadline: LONG }));
    in_time(async { while tokio::net::TcpStream::connect(address).await.is_ok() {} }).await;
    client.write_all(&GET[10..]).await.unwrap();
    assert!(in_time(response(&mut client)).await.contains("connection: close"));
    assert_eq!(rest(&mut client).await, b"");
    assert_eq!(in_time(ending).await.unwrap(), Ended::Drained);
}

#[tokio::test]
async fn what_is_left_at_the_deadline_is_cut() {
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    ask(&mut client, GET).await;
    client.write_all(&GET[..10]).await.unwrap();
    let ended = end(bed.running, Plan { delay: Duration::ZERO, deadline: Duration::from_millis(300) }).await;
    assert_eq!(ended, Ended::Cut(1));
    assert_eq!(rest(&mut client).await, b"");
}

fn kill(signal: &str) {
    let us = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &us]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_signal_ends_the_wait_at_once() {
    let mut signals = Signals::install().unwrap();
    let bed = Bed::start(settings());
    let [address] = bed.listen([80]).await;
    let mut client = connect(address).await;
    let mut phase = bed.running.phase();
    let plan = Plan { delay: LONG, deadline: LONG };
    let ending = tokio::spawn(async move { serve_until_signal(bed.running, plan, &mut signals).await });
    kill("-TERM");
    in_time(phase.wait_for(|phase| *phase == Phase::Leaving)).await.unwrap();
    assert!(ask(&mut client, GET).await.contains("connection: keep-alive"));
    kill("-INT");
    let ended = in_time(ending).await.unwrap();
    assert_eq!((ended, ended.exit_code()), (Ended::Interrupted, 1));
    // By this, what it cuts is told from clients that went away.
    assert!(*phase.borrow() == Phase::Cutting);
    assert_eq!(rest(&mut client).await, b"");
}
