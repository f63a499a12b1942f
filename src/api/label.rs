//! Labels that several parts go by, and names that fit: what is too long for a label, or for an object's name, is cut and told
//! apart by a hash of the whole.

/// The label by which what a Gateway runs on names it (GEP-1762). Istio finds a waypoint's pods by it.
pub const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// Longest name of a Service, and longest value of a label (RFC 1123: a label of DNS).
pub const LONGEST_LABEL: usize = 63;

/// A label's value for a name: the name where it fits.
pub fn label_value(name: &str) -> String {
    cut(name, LONGEST_LABEL)
}

/// Cuts a text of ASCII to so many bytes; one that is cut ends in a hash of the whole.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { hashed(text, text, most) }
}

/// A text, cut as needed, with a hash of the whole behind it.
pub fn hashed(text: &str, whole: &str, most: usize) -> String {
    let hash = format!("-{:08x}", fnv1a(whole));
    let kept: String = text.chars().take(most.saturating_sub(hash.len())).collect();
    kept.trim_end_matches(['-', '.', ':']).to_owned() + &hash
}

/// FNV-1a: names must not change with the compiler, as those of a `Hasher` of the standard library may.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays() {
        assert_eq!(label_value(&"n".repeat(63)), "n".repeat(63));
    }

    #[test]
    fn what_is_cut_fits_and_tells_wholes_apart() {
        let value = |last: char| label_value(&format!("{}{last}", "n".repeat(252)));
        assert_eq!(value('a').len(), 63);
        assert_ne!(value('a'), value('b'));
        assert_eq!(value('a'), value('a'));
        assert!(label_value(&"a.".repeat(100)).ends_with(|last: char| last.is_ascii_hexdigit()));
    }

    #[test]
    fn the_hash_is_the_one_that_everybody_knows() {
        assert_eq!(fnv1a("foobar"), 0xbf9c_f968);
    }
}
