//! W3C Trace Context: read for the access log only. The field itself is passed on as it came.

/// The trace id of a `traceparent` field (Trace Context, 3.2), 32 hexadecimal digits; `None` where the field is not valid.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version_is_known = match version {
        // Version 00 has four parts and no more; later ones may have more; ff is never valid.
        "00" => parts.next().is_none(),
        "ff" => false,
        _ => is_hex(version, 2),
    };
    let valid = version_is_known && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
    valid.then_some(trace)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_valid_field_gives_its_trace_id() {
        for field in [
            format!("00-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01-what-will-come"),
        ] {
            assert_eq!(trace_id(&field), Some(TRACE), "{field}");
        }
    }

    #[test]
    fn a_field_that_is_not_valid_gives_none() {
        for field in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}é-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(trace_id(&field), None, "{field}");
        }
    }
}
