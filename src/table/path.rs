//! The normal form of a request's path: one form for matching and for the backend.
//!
//! Two spellings that a backend may take for the same path must be the same path to the rules, or a rule that keeps
//! something shut can be walked around. So dot segments are resolved (RFC 3986, 5.2.4, percent-encoded dots included),
//! percent-encoded unreserved characters are decoded, hexadecimal digits are upper case (6.2.2), and bytes beyond
//! ASCII are percent-encoded. Encoded slashes and backslashes stay as they are, since backends differ about
//! them; where one of them would make a dot segment once decoded, the path is refused. So is a dot segment with a
//! parameter (`..;x`), which some backends resolve. Doubled slashes stay.

use std::borrow::Cow;

/// Why a path is refused; the answer is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It does not begin with `/`.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// A control character, a space or `#`, or an encoded NUL.
    #[error("the path has a character that no path may have")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("the path has an incomplete percent-encoding")]
    Escape,
    /// A dot segment behind an encoded slash or a backslash, or one with a parameter.
    #[error("the path hides a dot segment")]
    HiddenDots,
}

/// The normal form of a path (without query). Borrowed where the path is in normal form already. `*`, the target of
/// `OPTIONS *` (RFC 9112, 3.2.4), stays.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, BadPath> {
    if path == "*" {
        return Ok(Cow::Borrowed(path));
    }
    let segments = path.strip_prefix('/').ok_or(BadPath::NotAbsolute)?.split('/');
    let mut changes = false;
    for segment in segments.clone() {
        changes |= inspect(segment)? != Segment::Plain;
    }
    if !changes {
        return Ok(Cow::Borrowed(path));
    }
    let mut out = String::with_capacity(path.len());
    let mut slash_behind = false;
    for segment in segments {
        slash_behind = match inspect(segment)? {
            Segment::Dot => true,
            Segment::DotDot => {
                out.truncate(out.rfind('/').unwrap_or(0));
                true
            }
            Segment::Plain | Segment::Respell => {
                out.push('/');
                respell(segment, &mut out);
                false
            }
        };
    }
    if slash_behind {
        out.push('/');
    }
    Ok(Cow::Owned(out))
}

/// Whether a path that [`normalise`] takes has dot segments.
pub(crate) fn has_dot_segments(path: &str) -> bool {
    path.split('/').any(|segment| matches!(inspect(segment), Ok(Segment::Dot | Segment::DotDot)))
}

/// What the normal form does to a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
    /// Nothing.
    Plain,
    /// Spells it otherwise.
    Respell,
    /// `.`, in whatever spelling: leaves it out.
    Dot,
    /// `..`, in whatever spelling: takes out the one before.
    DotDot,
}

fn inspect(segment: &str) -> Result<Segment, BadPath> {
    let mut bytes = segment.as_bytes();
    let mut respell = false;
    // A piece is what some backend may take for a segment. `dots`: its length, while it has nothing but dots.
    let (mut dots, mut pieces) = (Some(0_usize), 1);
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        let mut decoded = byte;
        match byte {
            b'%' => {
                let (value, upper) = escape(bytes).ok_or(BadPath::Escape)?;
                bytes = bytes.get(2..).unwrap_or_default();
                respell |= !upper || unreserved(value);
                decoded = value;
            }
            0..=b' ' | b'#' | 0x7f => return Err(BadPath::Character),
            0x80.. => respell = true,
            _ => {}
        }
        match decoded {
            0 => return Err(BadPath::Character),
            b'.' => dots = dots.map(|n| n + 1),
            b'/' | b'\\' if matches!(dots, Some(1 | 2)) => return Err(BadPath::HiddenDots),
            b'/' | b'\\' => (dots, pieces) = (Some(0), pieces + 1),
            b';' if matches!(dots, Some(1 | 2)) => return Err(BadPath::HiddenDots),
            _ => dots = None,
        }
    }
    match dots {
        Some(1 | 2) if pieces > 1 => Err(BadPath::HiddenDots),
        Some(1) => Ok(Segment::Dot),
        Some(2) => Ok(Segment::DotDot),
        _ if respell => Ok(Segment::Respell),
        _ => Ok(Segment::Plain),
    }
}

/// The byte that two hexadecimal digits mean, and whether they are upper case.
fn escape(digits: &[u8]) -> Option<(u8, bool)> {
    let (high, low) = (*digits.first()?, *digits.get(1)?);
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
    let upper = !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
    Some((value(high)? * 16 + value(low)?, upper))
}

/// RFC 3986, 2.3
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends a segment that [`inspect`] took, in its normal spelling.
fn respell(segment: &str, out: &mut String) {
    let mut bytes = segment.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        let (value, escaped) = match escape(bytes) {
            Some((value, _)) if byte == b'%' => {
                bytes = bytes.get(2..).unwrap_or_default();
                (value, !unreserved(value))
            }
            _ => (byte, !byte.is_ascii()),
        };
        if escaped {
            const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            out.push('%');
            out.push(DIGITS[usize::from(value >> 4)]);
            out.push(DIGITS[usize::from(value & 15)]);
        } else {
            out.push(char::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(path: &str) -> String {
        normalise(path).unwrap().into_owned()
    }

    #[test]
    fn dot_segments_are_resolved_in_every_spelling() {
        for (path, wanted) in [
            ("/pub/%2e%2e/adm", "/adm"),
            ("/pub/.%2E/adm", "/adm"),
            ("/a/./b/../c", "/a/c"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/..", "/"),
            ("/../../x", "/x"),
            ("/.", "/"),
            ("/a//../b", "/a/b"),
            ("/.hidden/...", "/.hidden/..."),
        ] {
            assert_eq!(normal(path), wanted, "{path}");
        }
    }

    #[test]
    fn unreserved_characters_are_decoded_and_hexadecimal_digits_are_upper_case() {
        assert_eq!(normal("/%7euser/%61%2d%5F"), "/~user/a-_");
        assert_eq!(normal("/a%2fb%3a%c3%a9"), "/a%2Fb%3A%C3%A9");
        assert_eq!(normal("/é"), "/%C3%A9");
        assert_eq!(normal("/%252e%252e/x"), "/%252e%252e/x");
    }

    #[test]
    fn a_path_in_normal_form_is_borrowed() {
        for path in ["/", "*", "/a/b", "/a//b/", "/a%20b", "/x%2Fy", "/a\\b", "/a;v=1/{b}", "/.well-known/..."] {
            assert!(matches!(normalise(path), Ok(Cow::Borrowed(p)) if p == path), "{path}");
        }
    }

    #[test]
    fn what_hides_a_dot_segment_is_refused() {
        for path in ["/pub%2F..%2Fadm", "/pub%2f%2e%2e", "/..%5Cadm", "/a\\..\\b", "/a\\.", "/pub/..;/adm", "/.;a"] {
            assert_eq!(normalise(path), Err(BadPath::HiddenDots), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        assert_eq!(normalise("a"), Err(BadPath::NotAbsolute));
        assert_eq!(normalise(""), Err(BadPath::NotAbsolute));
        for path in ["/a b", "/a\u{7f}", "/a\n", "/a#b", "/a%00"] {
            assert_eq!(normalise(path), Err(BadPath::Character), "{path:?}");
        }
        for path in ["/%", "/%4", "/%zz", "/a%/b"] {
            assert_eq!(normalise(path), Err(BadPath::Escape), "{path}");
        }
    }

    #[test]
    fn the_normal_form_of_a_normal_form_is_itself() {
        for path in ["/a/%2e/%7E", "/é/..", "/x%2fy", "/a//..//"] {
            let once = normal(path);
            assert_eq!(normal(&once), once);
        }
    }
}
