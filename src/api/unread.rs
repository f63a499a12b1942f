//! Fields that are known and not read.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value of whatever form, let go: that its field is there is all that is kept. So it is told apart from a field that
/// nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|_| Self)
    }
}
