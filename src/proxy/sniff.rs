//! HTTP/1 or HTTP/2, by the client's first bytes (HTTP/2 with prior knowledge: RFC 9113, 3.3 and 3.4).

use std::future::poll_fn;
use std::io;

use super::io::Io;

/// What every HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Reads ahead until it is certain. The first byte that differs from the preface decides for HTTP/1, so a request shorter
/// than the preface waits for nothing.
pub(crate) async fn speaks(io: &mut Io) -> io::Result<Speaks> {
    loop {
        if let Some(speaks) = judge(io.ahead()) {
            return Ok(speaks);
        }
        if poll_fn(|cx| io.poll_read_ahead(cx)).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// `None`: too early to say.
fn judge(seen: &[u8]) -> Option<Speaks> {
    let seen = seen.get(..PREFACE.len()).unwrap_or(seen);
    match PREFACE.strip_prefix(seen) {
        None => Some(Speaks::Http1),
        Some([]) => Some(Speaks::Http2),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_byte_that_differs_decides_for_http1() {
        assert_eq!(judge(b"G"), Some(Speaks::Http1));
        assert_eq!(judge(b"POST / HTTP/1.1\r\n"), Some(Speaks::Http1));
        assert_eq!(judge(b"PRI * HTTP/1.1\r\n"), Some(Speaks::Http1));
    }

    #[test]
    fn start_of_the_preface_is_undecided() {
        for n in 0..PREFACE.len() {
            assert_eq!(judge(&PREFACE[..n]), None);
        }
    }

    #[test]
    fn whole_preface_is_http2_whatever_follows() {
        assert_eq!(judge(PREFACE), Some(Speaks::Http2));
        assert_eq!(judge(&[PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat()), Some(Speaks::Http2));
    }
}
