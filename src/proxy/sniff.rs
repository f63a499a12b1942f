//! HTTP/1, HTTP/2 or neither, by the client's first bytes (HTTP/2 with prior knowledge: RFC 9113, 3.3 and 3.4).

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::io::Io;
use crate::table::mesh::Spoken;

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

/// How long a client may stay silent before it is taken for one that waits for its server to speak first.
const SERVER_FIRST: Duration = Duration::from_millis(500);

/// The longest request line that is waited for; a longer one is HTTP's to refuse, in bytes.
const LONGEST_LINE: usize = 8 * 1024;

/// The longest method, in bytes.
const LONGEST_METHOD: usize = 32;

/// Whether a port's client speaks something else than HTTP. Where the port does not say, its first bytes do.
pub(crate) async fn is_tcp(io: &mut Io, spoken: Spoken) -> bool {
    match spoken {
        Spoken::Http => false,
        Spoken::Tcp => true,
        Spoken::Undeclared => {
            let until = timeout(SERVER_FIRST, first_words(io)).await;
            // Half a request line is no other protocol's; half a word can be.
            until.map_or_else(|_| !io.ahead().contains(&b' '), |is_http| !is_http)
        }
    }
}

/// Whether a client begins to speak HTTP.
async fn first_words(io: &mut Io) -> bool {
    loop {
        if let Some(is_http) = begins_http(io.ahead()) {
            return is_http;
        }
        if !matches!(poll_fn(|cx| io.poll_read_ahead(cx)).await, Ok(1..)) {
            return false;
        }
    }
}

/// Whether bytes are a request line of HTTP/1 (RFC 9112, 3) or the preface of HTTP/2. `None`: too early to say.
fn begins_http(seen: &[u8]) -> Option<bool> {
    let prefaced = seen.get(..PREFACE.len()).unwrap_or(seen);
    if PREFACE.starts_with(prefaced) {
        return (prefaced.len() == PREFACE.len()).then_some(true);
    }
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let method = seen.iter().take_while(|byte| is_token(byte)).count();
    match seen.get(method) {
        None => (method > LONGEST_METHOD).then_some(false),
        Some(b' ') if method > 0 => match seen.iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                let line = seen.get(..end).unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                Some(line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0"))
            }
            None => (seen.len() > LONGEST_LINE).then_some(true),
        },
        Some(_) => Some(false),
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
    fn a_request_line_or_the_preface_is_http_and_nothing_else() {
        for (seen, is_http) in [
            (&b"GET / HTTP/1.1\r\n"[..], Some(true)),
            (b"GET / HTTP/1.0\n", Some(true)),
            (PREFACE, Some(true)),
            (b"", None),
            (b"P", None),
            (b"GET / HTT", None),
            (b"PRI * HTTP/2.0\r\n", None),
            (b"PING\r\n", Some(false)),
            (b"get key\r\n", Some(false)),
            (b"*1\r\n$4\r\nPING\r\n", Some(false)),
            (b"\x16\x03\x01", Some(false)),
            (b" / HTTP/1.1\r\n", Some(false)),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Some(false)),
        ] {
            assert_eq!(begins_http(seen), is_http, "{}", seen.escape_ascii());
        }
        assert_eq!(begins_http(&[b'a'; LONGEST_METHOD + 1]), Some(false));
        assert_eq!(begins_http(&[b"GET /".as_slice(), &[b'a'; LONGEST_LINE]].concat()), Some(true));
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
