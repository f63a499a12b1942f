//! Listening sockets that come, go and change while others serve.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;

use super::{Bed, GET, ask, connect, in_time, response, rest, settings, socket};
use crate::settings::Settings;

#[tokio::test]
async fn socket_appears_and_disappears() {
    let bed = Bed::start(settings());
    let [first] = bed.listen([80]).await;
    let [kept, second] = bed.listen([80, 81]).await;
    assert_eq!(first, kept);
    assert!(ask(&mut connect(second).await, GET).await.starts_with("http/1.1 404"));
    bed.listen([80]).await;
    assert!(StdStream::connect(second).is_err());
    assert!(ask(&mut connect(first).await, GET).await.starts_with("http/1.1 404"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sockets_lose_nothing_while_one_comes_and_goes() {
    let bed = Bed::start(settings());
    let [steady] = bed.listen([80]).await;
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients = (0..4).map(|_| {
        let (stop, asked) = (stop.clone(), asked.clone());
        tokio::spawn(async move {
            let mut kept = connect(steady).await;
            while !stop.load(Ordering::Relaxed) {
                assert!(ask(&mut kept, GET).await.contains("connection: keep-alive"));
                assert!(ask(&mut connect(steady).await, GET).await.starts_with("http/1.1 404"));
                asked.fetch_add(2, Ordering::Relaxed);
            }
        })
    });
    let clients = clients.collect::<Vec<_>>();
    for _ in 0..25 {
        let [_, other] = bed.listen([80, 81]).await;
        ask(&mut connect(other).await, GET).await;
        let [_, moved] = bed.listen([80, 82]).await;
        ask(&mut connect(moved).await, GET).await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        in_time(client).await.unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn port_that_is_taken_is_reported_and_bound_once_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut settings = settings();
    settings.port_map.insert(80, port);
    let mut bed = Bed::start(settings);
    bed.publish(vec![(socket(80), None), (socket(81), None)]);
    let known = |o: &crate::snapshot::Observed| o.sockets.len() == 2;
    let observed = in_time(bed.observed.wait_for(known)).await.unwrap().clone();
    let message = &observed.sockets[&socket(80)].as_ref().unwrap_err().message;
    assert!(message.contains(&format!("127.0.0.1:{port}")) && message.contains("listener port 80"), "{message}");
    assert_eq!(observed.sockets[&socket(81)], Ok(()));

    drop(taken);
    in_time(bed.observed.wait_for(|o| o.sockets[&socket(80)] == Ok(()))).await.unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    assert!(ask(&mut connect(address).await, GET).await.starts_with("http/1.1 404"));
}

#[tokio::test]
async fn socket_that_is_wanted_no_longer_is_not_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings();
    settings.port_map.insert(80, taken.local_addr().unwrap().port());
    let mut bed = Bed::start(settings);
    bed.publish(vec![(socket(80), None)]);
    in_time(bed.observed.wait_for(|o| o.sockets.contains_key(&socket(80)))).await.unwrap();
    bed.publish(Vec::new());
    in_time(bed.observed.wait_for(|o| o.sockets.is_empty())).await.unwrap();
}

/// The worker is kept from accepting by its limit, so that the clients are surely in the accept queue.
#[tokio::test]
async fn who_waits_in_the_accept_queue_is_served_before_the_socket_closes() {
    let bed = Bed::start(Settings { max_connections: 1, workers: 1, ..settings() });
    let [address] = bed.listen([80]).await;
    let mut first = connect(address).await;
    ask(&mut first, GET).await;
    let mut queued = Vec::new();
    for _ in 0..20 {
        queued.push(connect(address).await);
    }
    bed.listen([]).await;
    for mut client in queued {
        let head = ask(&mut client, GET).await;
        assert!(head.starts_with("http/1.1 404") && head.contains("connection: close"), "{head}");
        assert_eq!(rest(&mut client).await, b"");
    }
}

#[tokio::test]
async fn open_connections_of_a_removed_socket_end_with_connection_close() {
    let bed = Bed::start(settings());
    let [steady, removed] = bed.listen([80, 81]).await;
    let (mut kept, mut told) = (connect(steady).await, connect(removed).await);
    ask(&mut kept, GET).await;
    ask(&mut told, GET).await;
    told.write_all(&GET[..10]).await.unwrap();
    bed.listen([80]).await;
    told.write_all(&GET[10..]).await.unwrap();
    assert!(in_time(response(&mut told)).await.contains("connection: close"));
    assert_eq!(rest(&mut told).await, b"");
    assert!(ask(&mut kept, GET).await.contains("connection: keep-alive"));
}

#[test]
fn idle_connection_of_a_removed_socket_is_closed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bed = runtime.block_on(async { Bed::start(settings()) });
    let [address] = runtime.block_on(bed.listen([80]));
    let mut client = StdStream::connect(address).unwrap();
    client.write_all(GET).unwrap();
    runtime.block_on(bed.listen([]));
    let mut all = String::new();
    client.read_to_string(&mut all).unwrap();
    assert!(all.starts_with("HTTP/1.1 404"), "{all}");
}
