//! Opening one listening socket, and saying clearly why that failed.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};

use crate::snapshot::{BindFailure, Socket};

/// Connections that may wait to be accepted (the system may allow fewer).
const BACKLOG: i32 = 4096;

/// A dead peer is noticed after this much silence, and four probes a quarter of it apart.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Opens a socket at `port` (which the listener's may be mapped to). Accepted connections inherit its keep-alive.
pub(crate) fn bind(socket: Socket, port: u16) -> Result<TcpListener, BindFailure> {
    let attempt = match socket.address {
        Some(address) => listen(SocketAddr::new(address, port), false),
        None => match listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), true) {
            Err(error) if lacks_ipv6(&error) => listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port), false),
            done => done,
        },
    };
    attempt.map_err(|error| BindFailure { message: describe(socket, port, &error) })
}

fn listen(address: SocketAddr, both_families: bool) -> io::Result<TcpListener> {
    let raw = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    raw.set_nonblocking(true)?;
    raw.set_reuse_address(true)?;
    if address.is_ipv6() {
        raw.set_only_v6(!both_families)?;
    }
    raw.bind(&address.into())?;
    raw.listen(BACKLOG)?;
    let probes = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4).with_retries(4);
    SockRef::from(&raw).set_tcp_keepalive(&probes)?;
    Ok(raw.into())
}

/// Whether the machine has no IPv6, or has it switched off.
fn lacks_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == ErrorKind::AddrNotAvailable
}

fn describe(socket: Socket, port: u16, error: &io::Error) -> String {
    let place = match socket.address {
        Some(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        Some(address) => format!("{address}:{port}"),
        None => format!("port {port}"),
    };
    let mapped = if port == socket.port { String::new() } else { format!(" (for listener port {})", socket.port) };
    let why = match error.kind() {
        ErrorKind::AddrInUse => format!("something else listens there; --port-map {}=PORT opens another", socket.port),
        ErrorKind::PermissionDenied if port < 1024 => format!(
            "ports below 1024 need a privilege; --port-map {}=PORT opens another, CAP_NET_BIND_SERVICE is the privilege",
            socket.port
        ),
        ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot listen on {place}{mapped}: {why}")
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn no_address_means_both_families() {
        let listener = bind(Socket { address: None, port: 80 }, 0).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            TcpStream::connect(("::1", port)).unwrap();
        }
    }

    #[test]
    fn taken_port_is_named() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let failure = bind(Socket { address: LOOPBACK, port: 80 }, port).unwrap_err();
        let wanted =
            format!("cannot listen on 127.0.0.1:{port} (for listener port 80): something else listens there; ");
        assert_eq!(failure.message, wanted + "--port-map 80=PORT opens another");
    }

    #[test]
    fn privileged_port_says_what_helps() {
        let message = describe(Socket { address: None, port: 80 }, 80, &ErrorKind::PermissionDenied.into());
        assert!(message.starts_with("cannot listen on port 80: ports below 1024 need a privilege; --port-map 80=PORT"));
    }

    #[test]
    fn port_is_free_again_right_after_it_closed() {
        let socket = Socket { address: LOOPBACK, port: 80 };
        let listener = bind(socket, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (server, _) = queued_one(&listener);
        drop((server, client, listener));
        bind(socket, address.port()).unwrap();
    }

    #[test]
    fn a_client_that_vanished_is_noticed() {
        let listener = bind(Socket { address: LOOPBACK, port: 80 }, 0).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = queued_one(&listener);
        let options = SockRef::from(&server);
        assert!(options.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!((options.tcp_keepalive_time().unwrap(), options.tcp_keepalive_retries().unwrap()), (KEEPALIVE, 4));
    }

    fn queued_one(listener: &TcpListener) -> (TcpStream, SocketAddr) {
        listener.set_nonblocking(false).unwrap();
        listener.accept().unwrap()
    }
}
