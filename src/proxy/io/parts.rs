//! What Pingora asks of a stream beside bytes. Digests are empty: who the peer is, a connection knows itself.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};

use super::Io;

#[async_trait]
impl Shutdown for Io {
    async fn shutdown(&mut self) {
        self.close().await;
    }
}

impl UniqueID for Io {
    fn id(&self) -> UniqueIDType {
        self.fd
    }
}

impl Ssl for Io {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.http2.then_some(ALPN::H2)
    }
}

impl Peek for Io {}

impl GetTimingDigest for Io {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Io {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Io {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
