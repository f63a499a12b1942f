//! What a port speaks: as it says itself, or by the first bytes.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::spoken;
use crate::apps::TLS_NAME;
use crate::clients::Answer;
use crate::manifests::{BYTES, ECHO, SHARED};
use crate::mesh::splice::reset;
use crate::pod::Pod;
use crate::support::{Folder, within};
use crate::world::World;

super::lines![
    a_server_that_speaks_first_is_heard_whether_its_port_says_so_or_not,
    the_clients_end_reaches_the_server_whose_answer_comes_back,
    the_servers_end_reaches_the_client_who_goes_on,
    a_tcp_route_shares_connections_out_and_a_consumers_is_for_its_own_namespace,
    what_is_no_http_passes_where_nothing_says_what_a_port_speaks,
    what_is_no_http_is_refused_where_the_port_says_http,
    http_on_a_port_of_bytes_is_bytes,
    tls_is_between_client_and_server,
    megabytes_pass_in_both_directions,
    what_the_server_breaks_off_the_client_sees_broken_off,
    what_the_client_breaks_off_the_server_sees_broken_off,
];

async fn connect(world: &World, to: SocketAddr) -> TcpStream {
    within("a connection", world.web.run(TcpStream::connect(to))).await.expect("it accepts")
}

async fn a_server_that_speaks_first_is_heard_whether_its_port_says_so_or_not(world: &World) {
    for to in [BYTES.v4(1), BYTES.v6(1), BYTES.v4(11)] {
        let mut stream = connect(world, to).await;
        let mut word = [0; 15];
        within("its word", stream.read_exact(&mut word)).await.expect("it speaks");
        assert_eq!(&word, b"hello from one\n");
        stream.write_all(b"\0and bytes").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(spoken(stream, b"").await, "\0and bytes");
    }
}

async fn the_clients_end_reaches_the_server_whose_answer_comes_back(world: &World) {
    for (to, sent) in [(BYTES.v4(2), ""), (BYTES.v4(2), "SET x 1\r\n"), (BYTES.v6(12), "\u{1}\u{2}")] {
        let mut stream = connect(world, to).await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(spoken(stream, b"").await, format!("{} bytes\n", sent.len()), "{to}");
    }
}

async fn the_servers_end_reaches_the_client_who_goes_on(world: &World) {
    let mut stream = connect(world, BYTES.v4(4)).await;
    let mut all = Vec::new();
    within("its end", stream.read_to_end(&mut all)).await.expect("an end, and no reset");
    assert_eq!(all, b"all\n");
    let mut kept = world.apps[0].record.kept.subscribe();
    stream.write_all(b"what comes after").await.unwrap();
    stream.shutdown().await.unwrap();
    let came = within("what was sent after", kept.wait_for(|kept| !kept.is_empty())).await;
    assert_eq!(*came.expect("it serves"), b"what comes after");
}

async fn a_tcp_route_shares_connections_out_and_a_consumers_is_for_its_own_namespace(world: &World) {
    let greetings = async |pod: &Pod| {
        let mut seen = BTreeSet::new();
        // With two shares alike, to see one of them alone is a matter of one in 2^31.
        for _ in 0..32 {
            let mut stream =
                within("a connection", pod.run(TcpStream::connect(SHARED.v4(1)))).await.expect("it accepts");
            stream.shutdown().await.unwrap();
            seen.insert(spoken(stream, b"").await);
        }
        seen.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(greetings(&world.web).await, ["hello from one\n", "hello from two\n"]);
    assert_eq!(greetings(&world.guest).await, ["hello from one\n"]);
}

async fn what_is_no_http_passes_where_nothing_says_what_a_port_speaks(world: &World) {
    // A handshake of TLS begins like this, one of MySQL's clients like that.
    for bytes in [&b"\x16\x03\x01\x02\x00\x01"[..], b"\x20\0\0\x01\x85", b"PING\r\n"] {
        let mut stream = connect(world, BYTES.v4(12)).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(spoken(stream, b"").await, format!("{} bytes\n", bytes.len()), "{bytes:?}");
    }
}

async fn what_is_no_http_is_refused_where_the_port_says_http(world: &World) {
    let answer = spoken(connect(world, ECHO.v4(80)).await, b"\x16\x03\x01\x02\x00\x01\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

async fn http_on_a_port_of_bytes_is_bytes(world: &World) {
    let answer =
        Answer::of(&world.web, &["-H", "x-forwarded-client-cert: mine", &format!("http://{}/", BYTES.v4(3))]).await;
    let fields = &answer.told()["headers"];
    assert_eq!((fields.get("x-request-id"), &fields["x-forwarded-client-cert"]), (None, &"mine".into()));
}

async fn tls_is_between_client_and_server(world: &World) {
    let folder = Folder::of(&[("ca.pem", world.apps[0].certificate.pem.clone())]);
    let trusted = folder.path().join("ca.pem").display().to_string();
    for to in [BYTES.v4(443), BYTES.v4(13)] {
        let there = format!("{TLS_NAME}:443:{to}");
        let answer =
            Answer::of(&world.web, &["--cacert", &trusted, "--connect-to", &there, &format!("https://{TLS_NAME}/")])
                .await;
        assert!(answer.status() == 200 && answer.text.ends_with("secret"), "{to}: {}", answer.text);
    }
}

async fn megabytes_pass_in_both_directions(world: &World) {
    let sent: Vec<u8> = (0..8_000_000_u32).flat_map(u32::to_be_bytes).step_by(4).collect();
    let mut stream = connect(world, BYTES.v4(5)).await;
    let (mut read, mut write) = stream.split();
    let expected = sent.clone();
    let (written, came) = within("all of it", async {
        tokio::join!(
            async {
                write.write_all(&sent).await?;
                write.shutdown().await
            },
            async {
                let mut came = Vec::new();
                read.read_to_end(&mut came).await.map(|_| came)
            }
        )
    })
    .await;
    written.expect("it takes all");
    assert!(came.expect("it sends all back") == expected, "byte for byte");
}

async fn what_the_server_breaks_off_the_client_sees_broken_off(world: &World) {
    let mut stream = connect(world, BYTES.v4(6)).await;
    stream.write_all(b"?").await.unwrap();
    let ended = within("an end", stream.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_err(), "a part is not taken for the whole");
}

async fn what_the_client_breaks_off_the_server_sees_broken_off(world: &World) {
    let mut broken = world.apps[0].record.broken.subscribe();
    let before = *broken.borrow_and_update();
    let mut stream = connect(world, BYTES.v4(5)).await;
    stream.write_all(b"?").await.unwrap();
    within("its echo", stream.read_u8()).await.unwrap();
    reset(stream);
    within("its end", broken.wait_for(|count| *count > before)).await.unwrap();
}
