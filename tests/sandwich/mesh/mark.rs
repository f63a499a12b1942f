//! What ztunnel itself opens is marked, so that it is not captured; everything else of a pod is.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use crate::namespace::Namespace;

/// ztunnel's mark.
const MARK: u32 = 0x539;

/// Where what leaves a pod is redirected to.
pub(super) const OUTBOUND: u16 = 15001;

/// The rules that capture what leaves a pod. What stays in it is not touched. A counter has what went past them: what somebody
/// else than ztunnel opened. The kernel's own resets have no mark either, where what came was for a connection that is gone.
pub(super) fn rules() -> String {
    format!(
        "table inet ztunnel {{
  counter escaped {{ }}
  chain output {{
    type nat hook output priority -110;
    meta mark {MARK} return
    oifname lo return
    meta l4proto tcp redirect to :{OUTBOUND}
  }}
  chain leaving {{
    type filter hook postrouting priority 0;
    oifname eth0 meta mark != {MARK} tcp flags & (syn | ack) == syn counter name escaped
    oifname eth0 meta mark != {MARK} meta l4proto udp ct direction original counter name escaped
  }}
}}
"
    )
}

/// The packets that went past the rules of a pod.
pub(crate) async fn escaped(pod: &Namespace) -> u64 {
    let printed = pod.output("nft", &["list", "counter", "inet", "ztunnel", "escaped"]).await;
    let packets = printed.split_once("packets ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    packets.unwrap_or_else(|| panic!("{printed}"))
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
