//! Many requests at once, and to whom each goes.

use std::net::SocketAddr;

use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::spoken;
use crate::manifests::{BYTES, ECHO};
use crate::support::within;
use crate::world::World;

super::lines![
    requests_of_one_http2_connection_go_to_all_endpoints,
    a_thousand_clients_are_served_at_once,
    thousands_of_requests_by_h2load_are_answered,
];

async fn requests_of_one_http2_connection_go_to_all_endpoints(world: &World) {
    world.web.ztunnel.take_dialled();
    world.apps.iter().for_each(|apps| _ = apps.record.take_requests());
    h2load(world, 400, &["-c", "1", "-m", "10"]).await;
    assert_eq!(world.web.ztunnel.take_dialled(), [ECHO.v4(80)], "one connection");
    let counts = world.apps.each_ref().map(|apps| apps.record.take_requests());
    assert!(counts.iter().sum::<usize>() == 400 && counts.iter().all(|count| *count > 40), "{counts:?}");
}

/// All succeed.
async fn h2load(world: &World, requests: usize, flags: &[&str]) {
    let (number, url) = (requests.to_string(), ECHO.url("/"));
    let printed = world.web.output("h2load", &[&["-n", &number], flags, &[&url]].concat()).await;
    let all = [format!("{requests} succeeded, 0 failed, 0 errored"), format!("{requests} 2xx")];
    assert!(all.iter().all(|text| printed.contains(text)), "{printed}");
}

async fn thousands_of_requests_by_h2load_are_answered(world: &World) {
    for _ in 0..if crate::is_full() { 50 } else { 1 } {
        h2load(world, 4000, &["-c", "50", "-m", "10"]).await;
        h2load(world, 4000, &["-c", "50", "--h1"]).await;
    }
}

/// By HTTP/1.1, HTTP/2 and bytes; none is answered, and none ends, before all have come to the backends.
async fn a_thousand_clients_are_served_at_once(world: &World) {
    let held = world.held.clone();
    let asked = async move {
        let mut clients = JoinSet::new();
        for i in 0..CLIENTS {
            let held = held.clone();
            clients.spawn(async move {
                match i % 4 {
                    0 => http1(ECHO.v4(80)).await,
                    1 => http1(ECHO.v6(80)).await,
                    2 => http2(ECHO.v4(84)).await,
                    _ => bytes(BYTES.v4(1), || held.come(NAME)).await,
                }
            });
        }
        clients.join_all().await
    };
    let answers = within("all answers", world.web.run(asked)).await;
    let others: Vec<_> = answers.iter().filter(|answer| !answer.contains("200")).collect();
    assert!(others.is_empty(), "{} of {CLIENTS}, such as {:?}", others.len(), others[0]);
}

const CLIENTS: usize = 1000;

/// By which they wait for each other.
const NAME: &str = "thousand";

async fn http1(to: SocketAddr) -> String {
    let request = format!("GET /hold/{NAME}/{CLIENTS} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    spoken(TcpStream::connect(to).await.expect("it accepts"), request.as_bytes()).await
}

async fn http2(to: SocketAddr) -> String {
    let stream = TcpStream::connect(to).await.expect("it accepts");
    let (mut requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::get(format!("http://a/hold/{NAME}/{CLIENTS}")).body(()).expect("a request");
    let (response, _) = requests.send_request(request, true).expect("a stream");
    response.await.map_or_else(|error| error.to_string(), |response| response.status().to_string())
}

async fn bytes(to: SocketAddr, come: impl FnOnce() -> watch::Receiver<usize>) -> String {
    let mut stream = TcpStream::connect(to).await.expect("it accepts");
    let mut word = [0; 15];
    stream.read_exact(&mut word).await.expect("it speaks first");
    let _ = come().wait_for(|count| *count >= CLIENTS).await;
    stream.write_all(b"200").await.expect("it is open");
    stream.shutdown().await.expect("it is open");
    spoken(stream, b"").await
}
