//! HTTP/2 by the frame: streams of a client, and a backend's.

use std::future::poll_fn;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;

use super::{Backend, within};

/// A client's connection.
pub(crate) struct H2Client {
    send: SendRequest<Bytes>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for H2Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl H2Client {
    /// Connects with prior knowledge.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, 65_535).await
    }

    /// The same, with a window for each stream.
    pub(crate) async fn connect_with(address: SocketAddr, window: u32) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await.expect("it accepts");
        Self::over(stream, window).await
    }

    /// The same, over a connection that is there.
    pub(crate) async fn over(stream: TcpStream, window: u32) -> Self {
        stream.set_nodelay(true).expect("a socket");
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(1 << 24);
        // As many as every server lets a client have (RFC 9113, 6.5.2), until SETTINGS tell more.
        builder.initial_max_send_streams(100);
        let (send, connection) = within("a handshake", builder.handshake(stream)).await.expect("HTTP/2");
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { send, task }
    }

    /// Opens a stream. `end`: no body follows.
    pub(crate) async fn open(&mut self, request: Request<()>, end: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let mut ready = within("a free stream", self.send.clone().ready()).await.expect("the connection is open");
        ready.send_request(request, end).expect("a valid request")
    }
}

/// What came of a stream.
#[derive(Debug)]
pub(crate) struct Came {
    /// The response's head.
    pub(crate) head: Response<()>,
    /// Whether the stream ended with its head.
    pub(crate) headers_only: bool,
    /// Its body, as far as it came.
    pub(crate) body: Vec<u8>,
    /// Trailers.
    pub(crate) trailers: Option<HeaderMap>,
    /// How it was reset.
    pub(crate) reset: Option<Reason>,
}

impl Came {
    /// The value of a field in the trailers, or in a head without a body.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        let fields = self.trailers.as_ref().or(self.headers_only.then_some(self.head.headers()))?;
        fields.get(name).map(|value| value.to_str().expect("text"))
    }
}

/// Reads a response to its end. An error: the stream was reset before a head.
pub(crate) async fn read(response: ResponseFuture) -> Result<Came, Option<Reason>> {
    let response = within("a response's head", response).await.map_err(|error| error.reason())?;
    let (head, mut stream) = response.into_parts();
    let head = Response::from_parts(head, ());
    let mut came = Came { head, headers_only: stream.is_end_stream(), body: Vec::new(), trailers: None, reset: None };
    loop {
        match within("a piece of the body", stream.data()).await {
            Some(Ok(piece)) => {
                let _ = stream.flow_control().release_capacity(piece.len());
                came.body.extend_from_slice(&piece);
            }
            Some(Err(error)) => {
                came.reset = error.reason();
                return Ok(came);
            }
            None => break,
        }
    }
    match within("trailers", stream.trailers()).await {
        Ok(trailers) => came.trailers = trailers,
        Err(error) => came.reset = error.reason(),
    }
    Ok(came)
}

/// Sends a piece once the window lets it. `false`: the stream is over.
pub(crate) async fn send(stream: &mut SendStream<Bytes>, piece: impl Into<Bytes>, end: bool) -> bool {
    let mut piece = piece.into();
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        if stream.capacity() == 0 {
            match within("a window", poll_fn(|cx| stream.poll_capacity(cx))).await {
                Some(Ok(_)) => continue,
                _ => return false,
            }
        }
        let part = piece.split_to(stream.capacity().min(piece.len()));
        if stream.send_data(part, end && piece.is_empty()).is_err() {
            return false;
        }
    }
    true
}

/// A request's stream on its way to a backend.
pub(crate) type Incoming = (Request<RecvStream>, SendResponse<Bytes>);

/// A backend of HTTP/2 alone that does as it likes with each stream.
pub(crate) async fn h2_backend<F>(window: u32, serve: impl Fn(Incoming) -> F + Clone + Send + Sync + 'static) -> Backend
where
    F: Future<Output = ()> + Send + 'static,
{
    Backend::raw(move |stream| {
        let serve = serve.clone();
        async move {
            let mut builder = h2::server::Builder::new();
            builder.initial_window_size(window).initial_connection_window_size(1 << 24);
            let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
            let mut streams = tokio::task::JoinSet::new();
            while let Some(Ok(incoming)) = connection.accept().await {
                streams.spawn(serve(incoming));
            }
        }
    })
    .await
}
