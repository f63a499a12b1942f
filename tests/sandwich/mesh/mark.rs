//! What ztunnel itself opens is marked, so that it is not captured; everything else of a pod is.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

/// ztunnel's mark.
const MARK: u32 = 0x539;

/// Where what leaves a pod is redirected to.
pub(super) const OUTBOUND: u16 = 15001;

/// The rules that capture what leaves a pod. What stays in it is not touched.
pub(super) fn rules() -> String {
    format!(
        "table inet ztunnel {{\n  chain output {{\n    type nat hook output priority -110;\n    meta mark {MARK} return\n    \
         oifname lo return\n    meta l4proto tcp redirect to :{OUTBOUND}\n  }}\n}}\n"
    )
}

/// Connects as ztunnel does.
///
/// # Errors
/// As connecting has them.
pub(crate) async fn connect_marked(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    SockRef::from(&socket).set_mark(MARK)?;
    socket.connect(to).await
}

/// What a connection was for that was redirected.
///
/// # Errors
/// It was not redirected.
pub(super) fn original_destination(tcp: &TcpStream) -> io::Result<SocketAddr> {
    let socket = SockRef::from(tcp);
    let taken = if tcp.local_addr()?.is_ipv4() { socket.original_dst_v4() } else { socket.original_dst_v6() }?;
    taken.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
}
