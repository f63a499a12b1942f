//! Verdicts: what compile finds of an object, before it becomes conditions.

use crate::status::{Condition, ConditionType, Reason};

/// Why something does not hold: the specification's word, and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The reason of the condition.
    pub(super) reason: Reason,
    /// Names the field and the value.
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// A condition that holds.
pub(super) fn holds(kind: ConditionType, reason: Reason, message: impl Into<String>) -> Condition {
    Condition { kind, holds: true, reason, message: message.into() }
}

/// A condition that does not hold.
pub(super) fn fails(kind: ConditionType, reason: Reason, message: impl Into<String>) -> Condition {
    Condition { kind, holds: false, reason, message: message.into() }
}

/// Longest message of a condition, in bytes; the schema has 32,768 characters.
const MESSAGE: usize = 30_000;

/// A condition that does not hold because of each of these; as many are named as a message has room for. `None`: there are none.
pub(super) fn fails_by_each(
    kind: ConditionType,
    reason: Reason,
    sentences: impl ExactSizeIterator<Item = String>,
) -> Option<Condition> {
    let count = sentences.len();
    let mut message = String::new();
    for (told, sentence) in sentences.enumerate() {
        if message.len() + sentence.len() > MESSAGE {
            message += &format!("; and {} more", count - told);
            break;
        }
        message += if told == 0 { "" } else { "; " };
        message += &sentence;
    }
    (count > 0).then(|| fails(kind, reason, message))
}

/// ResolvedRefs: holds where nothing was refused; else the first refusal gives the reason, and all of them the message.
pub(super) fn resolved_refs(refusals: &[Refusal], otherwise: &str) -> Condition {
    match refusals {
        [] => holds(ConditionType::ResolvedRefs, Reason::ResolvedRefs, otherwise),
        [first, ..] => fails(ConditionType::ResolvedRefs, first.reason, sentence(refusals)),
    }
}

fn sentence(refusals: &[Refusal]) -> String {
    let messages: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    messages.join("; ")
}
