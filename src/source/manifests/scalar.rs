//! Scalars by the core schema of YAML 1.2 (section 10.3).

use saphyr_parser::{ScalarStyle, Tag};
use serde_json::{Number, Value};

/// The value of a scalar: what is quoted, or tagged `!!str`, is a string.
pub(super) fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let tag = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    match tag {
        Some("str") => Ok(Value::String(text.to_owned())),
        None if style != ScalarStyle::Plain => Ok(Value::String(text.to_owned())),
        None => plain(text),
        Some(tag) => {
            let value = plain(text)?;
            let fits = match tag {
                "null" => value.is_null(),
                "bool" => value.is_boolean(),
                "int" => value.is_i64() || value.is_u64(),
                "float" => value.is_number(),
                _ => false,
            };
            if fits { Ok(value) } else { Err(format!("{text:?} is no !!{tag}")) }
        }
    }
}

/// A scalar without quotes.
fn plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match number(text) {
            None => Value::String(text.to_owned()),
            Some(Some(number)) => Value::Number(number),
            Some(None) => return Err(format!("{text} is a number that JSON can't hold; put it in quotes")),
        },
    })
}

/// `None`: no number. `Some(None)`: one that JSON can't hold.
fn number(text: &str) -> Option<Option<Number>> {
    if let Some(digits) = text.strip_prefix("0x") {
        return digits_of(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return digits_of(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let integer = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        return Some(integer.ok());
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(None);
    }
    let shaped = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let starts = unsigned.trim_start_matches('.').starts_with(|first: char| first.is_ascii_digit());
    let float = if shaped && starts { text.parse::<f64>().ok() } else { None };
    float.map(Number::from_f64)
}

fn digits_of(digits: &str, radix: u32) -> Option<Option<Number>> {
    let all = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    all.then(|| u64::from_str_radix(digits, radix).ok().map(Number::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("80", json!(80)),
            ("-1", json!(-1)),
            ("+7", json!(7)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1.5", json!(1.5)),
            (".5e1", json!(5.0)),
            ("1.2.3", json!("1.2.3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("1s", json!("1s")),
            ("e5", json!("e5")),
            ("-", json!("-")),
            ("yes", json!("yes")),
            ("off", json!("off")),
            ("True", json!(true)),
            ("~", json!(null)),
            ("", json!(null)),
        ] {
            assert_eq!(plain(text), Ok(expected), "{text}");
        }
        assert!(plain("99999999999999999999").is_err());
        assert!(plain(".nan").is_err());
    }
}
