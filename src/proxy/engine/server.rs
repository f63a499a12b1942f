//! Sessions of a client's connection: made here, with their limits.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v1::server::HttpSession as Http1;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::server::ShutdownWatch;

use super::Downstream;
use crate::proxy::connection::Connection;
use crate::proxy::connections::Connections;
use crate::proxy::http;
use crate::proxy::io::Io;
use crate::settings::Settings;

/// Streams that a client may have open at once on one HTTP/2 connection (RFC 9113, 5.1.2): each may make us hold as much as
/// docs/limits.md says.
const HTTP2_STREAMS: u32 = 256;
/// Bytes that a client may send on one stream before any is taken on.
const HTTP2_STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes that a client may send on one connection before any is taken on.
const HTTP2_CONNECTION_WINDOW: u32 = 1024 * 1024;

/// An HTTP/1 session over a stream whose next request has begun to arrive. It has no timeouts of its own: Pingora's hold
/// for each read, which a slow client can go round.
pub(crate) fn http1(io: Box<Io>, settings: &Settings) -> Downstream {
    let mut session = Http1::new(io);
    session.set_read_timeout(None);
    session.set_total_drain_timeout(Some(settings.client_head_timeout));
    session.set_abort_on_close(settings.abort_on_half_close);
    session.set_pipelining_enabled(true);
    Downstream::H1 { session: Box::new(session), half_close: !settings.abort_on_half_close }
}

/// Serves an HTTP/2 connection to its end: Pingora accepts its streams, sends GOAWAY when the socket drains, and closes it
/// when it has been idle for too long.
pub(crate) async fn serve_http2(mut io: Box<Io>, connection: &Arc<Connection>, connections: &Arc<Connections>) {
    io.set_http2();
    let drain = connection.drain().watch();
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(connections.worker.settings.client_idle_timeout);
    let app = Arc::new(Http2 { connection: connection.clone(), connections: connections.clone(), options });
    app.process_new(io, &drain).await;
}

/// The streams of one HTTP/2 connection.
struct Http2 {
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    options: HttpServerOptions,
}

#[async_trait]
impl HttpServerApp for Http2 {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        _drain: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let _counted = self.connections.tasks.token();
        if let ServerSession::H2(session) = session {
            let downstream = Downstream::H2(Box::new(session));
            http::serve(downstream, &self.connection, &self.connections.worker).await;
        }
        None
    }

    fn h2_options(&self) -> Option<H2Options> {
        let mut options = default_h2_options();
        options
            .max_concurrent_streams(HTTP2_STREAMS)
            .initial_window_size(HTTP2_STREAM_WINDOW)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW);
        Some(options)
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}
