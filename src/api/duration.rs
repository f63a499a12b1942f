//! Durations of the Gateway API (GEP-2257): `1h30m`, `500ms`.

use std::time::Duration;

/// Reads `([0-9]{1,5}(h|m|s|ms)){1,4}`. `None`: the text is none.
pub fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut total, mut parts) = (text, Duration::ZERO, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let unit = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = behind.split_at(unit);
        let one = match unit {
            "h" => Duration::from_secs(3600),
            "m" => Duration::from_secs(60),
            "s" => Duration::from_secs(1),
            "ms" => Duration::from_millis(1),
            _ => return None,
        };
        if digits > 5 {
            return None;
        }
        total += one * number.parse::<u32>().ok()?;
        (rest, parts) = (behind, parts + 1);
    }
    (1..=4).contains(&parts).then_some(total)
}

/// A field that is a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let what = "is not a duration: up to four numbers of up to five digits, each with h, m, s or ms";
        duration(&text).map(Self).ok_or_else(|| format!("{text:?} {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_strictly() {
        for (text, millis) in [("1h30m", 5_400_000), ("10s", 10_000), ("500ms", 500), ("1s1s", 2_000), ("0s", 0)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "1", "s", "1.5s", "-1s", "1us", "1d", "123456s", "1s1s1s1s1s", "1 s", "+1s", "1S", "1sm"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
