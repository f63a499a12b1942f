//! Many requests at once, and to whom each goes.

use tokio::task::JoinSet;

use super::spoken;
use crate::manifests::ECHO;
use crate::world::World;

super::lines![requests_of_one_http2_connection_go_to_all_endpoints, a_thousand_clients_are_served_at_once,];

async fn requests_of_one_http2_connection_go_to_all_endpoints(world: &World) {
    world.web.ztunnel.take_dialled();
    world.apps.iter().for_each(|apps| _ = apps.take_requests());
    let printed = world.web.output("h2load", &["-n", "400", "-c", "1", "-m", "10", &ECHO.url("/")]).await;
    assert!(printed.contains("400 succeeded, 0 failed, 0 errored") && printed.contains("400 2xx"), "{printed}");
    assert_eq!(world.web.ztunnel.take_dialled(), [ECHO.v4(80)], "one connection");
    let counts = world.apps.each_ref().map(|apps| apps.take_requests());
    assert!(counts.iter().sum::<usize>() == 400 && counts.iter().all(|count| *count > 100), "{counts:?}");
}

async fn a_thousand_clients_are_served_at_once(world: &World) {
    const CLIENTS: usize = 1000;
    // None is answered before all have come to the backends.
    let request = format!("GET /hold/thousand/{CLIENTS} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let asked = async move {
        let mut clients = JoinSet::new();
        for i in 0..CLIENTS {
            let (to, request) = (if i % 2 == 0 { ECHO.v4(80) } else { ECHO.v6(80) }, request.clone());
            clients.spawn(async move {
                let stream = tokio::net::TcpStream::connect(to).await.expect("it accepts");
                spoken(stream, request.as_bytes()).await
            });
        }
        clients.join_all().await
    };
    let answers = world.web.run(asked).await;
    let others: Vec<_> = answers.iter().filter(|answer| !answer.starts_with("HTTP/1.1 200 ")).collect();
    assert!(others.is_empty(), "{} of {CLIENTS}, such as {:?}", others.len(), others[0]);
}
