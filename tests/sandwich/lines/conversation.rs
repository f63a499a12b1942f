//! Streams that last: what a client says comes back, word by word, until it ends.

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::manifests::{BYTES, ECHO};
use crate::support::{read_head, within};
use crate::world::World;

/// A stream through the waypoint, by one protocol.
pub(super) struct Conversation {
    by: By,
    /// What came and was not waited for.
    came: Vec<u8>,
}

enum By {
    Tcp(TcpStream),
    /// A request that is sent in chunks, and answered before it ends.
    Http1(TcpStream),
    /// HTTP/1.1 that is upgraded.
    Upgrade(TcpStream),
    /// A request of HTTP/2 that is answered before it ends, and the trailers after the answer.
    Http2(SendStream<Bytes>, RecvStream),
}

impl Conversation {
    /// One by each protocol, by a client in `web`.
    pub(super) async fn all(world: &World) -> [Self; 4] {
        let connect = async |to| world.web.run(TcpStream::connect(to)).await.expect("it accepts");
        let mut http1 = connect(ECHO.v4(80)).await;
        let head = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        http1.write_all(head.as_bytes()).await.expect("it is open");
        let mut upgrade = connect(ECHO.v4(80)).await;
        let head = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: words\r\n\r\n";
        upgrade.write_all(head.as_bytes()).await.expect("it is open");
        let (head, _) = read_head(&mut upgrade).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let (mut requests, connection) = h2::client::handshake(connect(ECHO.v6(84)).await).await.expect("HTTP/2");
        tokio::spawn(connection);
        let request = Request::post("http://a/echo").header("te", "trailers").body(()).expect("a request");
        let (response, send) = requests.send_request(request, false).expect("a stream");
        let response = within("a response", response).await.expect("a response");
        assert_eq!(response.status(), 200);
        let tcp = connect(BYTES.v4(5)).await;
        let by = [By::Tcp(tcp), By::Http1(http1), By::Upgrade(upgrade), By::Http2(send, response.into_body())];
        by.map(|by| Self { by, came: Vec::new() })
    }

    /// Says a word, and waits until it has come back.
    pub(super) async fn say(&mut self, word: &str) {
        match &mut self.by {
            By::Tcp(stream) | By::Upgrade(stream) => stream.write_all(word.as_bytes()).await.expect("it is open"),
            By::Http1(stream) => {
                let chunk = format!("{:x}\r\n{word}\r\n", word.len());
                stream.write_all(chunk.as_bytes()).await.expect("it is open");
            }
            By::Http2(send, _) => send.send_data(Bytes::copy_from_slice(word.as_bytes()), false).expect("it is open"),
        }
        while !self.came.windows(word.len()).any(|came| came == word.as_bytes()) {
            assert!(self.more().await, "{} ended before {word:?}", self.name());
        }
        self.came.clear();
    }

    /// Ends it, and waits until the other side has.
    pub(super) async fn end(mut self) {
        match &mut self.by {
            By::Tcp(stream) | By::Upgrade(stream) => stream.shutdown().await.expect("it is open"),
            By::Http1(stream) => stream.write_all(b"0\r\n\r\n").await.expect("it is open"),
            By::Http2(send, _) => send.send_data(Bytes::new(), true).expect("it is open"),
        }
        // An answer of HTTP/1.1 ends by its last chunk; its connection may serve on.
        while !self.came.ends_with(b"0\r\n\r\n") && self.more().await {}
        assert!(!matches!(self.by, By::Http1(_)) || self.came.ends_with(b"0\r\n\r\n"), "it is whole");
        if let By::Http2(_, mut receive) = self.by {
            let trailers = within("trailers", receive.trailers()).await.expect("no error").expect("trailers");
            assert_eq!(trailers["grpc-status"], "0");
        }
    }

    /// Reads on. `false`: it has ended as it should.
    async fn more(&mut self) -> bool {
        let name = self.name();
        let read = async {
            match &mut self.by {
                By::Tcp(stream) | By::Http1(stream) | By::Upgrade(stream) => {
                    stream.read_buf(&mut self.came).await.expect(name) > 0
                }
                By::Http2(_, receive) => {
                    let Some(piece) = receive.data().await else { return false };
                    let piece = piece.expect(name);
                    receive.flow_control().release_capacity(piece.len()).expect(name);
                    self.came.extend(&piece);
                    true
                }
            }
        };
        within(name, read).await
    }

    fn name(&self) -> &'static str {
        match self.by {
            By::Tcp(_) => "TCP",
            By::Http1(_) => "HTTP/1.1",
            By::Upgrade(_) => "an upgrade",
            By::Http2(..) => "HTTP/2",
        }
    }
}
