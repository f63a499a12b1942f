//! Names that fit: what is too long is cut, and told apart by a hash of the whole.

use crate::api::{Gateway, LONGEST_LABEL, hashed};

/// Name of every object in the Gateway's namespace: `NAME-CLASS` (GEP-1762). One that no Service could have (RFC 1035: up
/// to 63 of a-z, 0-9 and '-', a letter first) is made to fit, and ends in a hash of the whole.
pub fn object_name(gateway: &Gateway) -> String {
    let whole = format!("{}-{}", gateway.meta.name.name, gateway.spec.gateway_class_name);
    let letter_first = whole.starts_with(|first: char| first.is_ascii_lowercase());
    if whole.len() <= LONGEST_LABEL && letter_first && !whole.contains('.') {
        return whole;
    }
    let lead = if letter_first { "" } else { "g" };
    hashed(&format!("{lead}{}", whole.replace('.', "-")), &whole, LONGEST_LABEL)
}
