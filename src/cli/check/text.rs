//! A check's findings for people: a line for each condition, a `!` before what is wrong, and the sum at the end.

use std::fmt::Write;

use super::findings::{Findings, Subject, is_wrong};
use crate::api::ObjectRef;
use crate::status::Condition;

/// How many wrong things the last line names.
const NAMED: usize = 3;

/// The whole text.
pub(super) fn print(findings: &Findings) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, findings);
    text
}

fn write(text: &mut String, findings: &Findings) -> std::fmt::Result {
    let subjects = findings.subjects();
    let all = || subjects.iter().flat_map(|subject| subject.conditions);
    let kinds = all().map(|condition| condition.kind.as_str().len()).max().unwrap_or_default();
    let reasons = all().map(|condition| condition.reason.as_str().len()).max().unwrap_or_default();
    let mut last: Option<&ObjectRef> = None;
    for Subject { object, part, conditions } in &subjects {
        if last.replace(object) != Some(object) {
            writeln!(text, "{object}")?;
        }
        if let Some(part) = part {
            writeln!(text, "  {part}")?;
        }
        for condition in *conditions {
            line(text, condition, kinds, reasons)?;
        }
    }
    for not_ours in &findings.not_ours {
        let mark = if not_ours.dangling { '!' } else { ' ' };
        writeln!(text, "{}\n  {mark} not ours: {}", not_ours.object, not_ours.why)?;
    }
    for warning in &findings.statuses.warnings {
        let field = if warning.field.is_empty() { String::new() } else { format!(" {}", warning.field) };
        writeln!(text, "warning {}: {}{field}: {}", warning.kind.as_str(), warning.object, warning.message)?;
    }
    for problem in &findings.oddities {
        writeln!(text, "warning {}: {problem}", problem.kind.as_str())?;
    }
    for problem in &findings.problems {
        writeln!(text, "problem {}: {problem}", problem.kind.as_str())?;
    }
    writeln!(text, "{}", sum(findings, &subjects))
}

fn line(text: &mut String, condition: &Condition, kinds: usize, reasons: usize) -> std::fmt::Result {
    let (kind, reason) = (condition.kind.as_str(), condition.reason.as_str());
    let (wrong, status) = (is_wrong(condition), if condition.holds { "True" } else { "False" });
    let mark = if wrong { '!' } else { ' ' };
    // A condition that says what its name says needs no more words.
    let plain = !wrong && (reason == kind || !condition.holds);
    if plain {
        writeln!(text, "  {mark} {kind:kinds$}  {status:5}  {reason}")
    } else {
        writeln!(text, "  {mark} {kind:kinds$}  {status:5}  {reason:reasons$}  {}", condition.message)
    }
}

/// The last line.
fn sum(findings: &Findings, subjects: &[Subject<'_>]) -> String {
    let warnings = match findings.statuses.warnings.len() + findings.oddities.len() {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        more => format!(", {more} warnings"),
    };
    let wrong = findings.wrong();
    if wrong.is_empty() {
        let mut objects: Vec<&ObjectRef> = subjects.iter().map(|subject| &subject.object).collect();
        objects.dedup();
        return match objects.len() {
            0 => format!("nothing here is ours{warnings}"),
            1 => format!("ok: 1 object is served as it is written{warnings}"),
            more => format!("ok: {more} objects are served as they are written{warnings}"),
        };
    }
    let named = wrong.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = wrong.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    format!("wrong: {named}{more}{warnings}")
}
