//! Durations as flags spell them: `500ms`, `5s`, `1m30s`, `1h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration as a flag has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

/// Longest that a flag may name: what is added to an instant must stay one.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map(Self)
    }
}

/// As [`Time::from_str`] reads it; parts of a millisecond are left out.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        if !milliseconds.is_multiple_of(1_000) {
            write!(f, "{milliseconds}ms")
        } else if !milliseconds.is_multiple_of(60_000) || milliseconds == 0 {
            write!(f, "{}s", milliseconds / 1_000)
        } else {
            write!(f, "{}m", milliseconds / 60_000)
        }
    }
}

/// Reads numbers with a unit each (`ms`, `s`, `m`, `h`), or `0`.
fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let invalid = || format!("{text:?} is not a duration, like 500ms, 5s or 1m30s");
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(invalid()),
        };
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let part = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(invalid)?;
        total = total.checked_add(part).ok_or_else(invalid)?;
        rest = tail;
    }
    if total > LONGEST { Err(format!("{text:?} is longer than a year")) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        for wrong in ["", "5", "s", "5 s", "-5s", "5d", "1.5s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_year_is_the_longest() {
        assert_eq!(parse("8760h"), Ok(LONGEST));
        assert_eq!(parse("8760h1ms"), Err("\"8760h1ms\" is longer than a year".to_owned()));
    }

    #[test]
    fn what_is_shown_can_be_read() {
        for text in ["0s", "250ms", "5s", "90s", "5m"] {
            assert_eq!(text.parse::<Time>().expect(text).to_string(), text);
        }
    }
}
