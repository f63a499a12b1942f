//! Regular expressions that routes bring, bounded in size and number.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use regex::{Regex, RegexBuilder};

/// Longest source, in bytes: the API's own bound for header values.
pub const MAX_SOURCE: usize = 4096;
/// Most memory that one compiled expression may take, in bytes.
pub const MAX_COMPILED: usize = 256 * 1024;
/// Most distinct expressions at a time.
pub const MAX_PATTERNS: usize = 4096;

/// A regular expression that takes whole values. Equal sources are one compiled expression.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As written.
    pub source: Arc<str>,
    /// Anchored at both ends.
    pub regex: Arc<Regex>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// Why a regular expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Longer than [`MAX_SOURCE`].
    #[error("is longer than {MAX_SOURCE} bytes")]
    TooLong,
    /// Larger than [`MAX_COMPILED`] once compiled.
    #[error("takes more than {MAX_COMPILED} bytes once compiled")]
    TooLarge,
    /// There are [`MAX_PATTERNS`] already.
    #[error("is one more than the {MAX_PATTERNS} regular expressions that are served at a time")]
    TooMany,
    /// No regular expression of the `regex` crate's syntax (RE2's, by and large).
    #[error("is no regular expression: {0}")]
    Syntax(String),
}

/// The expressions in use, by source: equal ones compile once, and those that no table holds any more go.
#[derive(Debug, Default)]
pub struct Patterns {
    known: HashMap<Arc<str>, Weak<Regex>>,
    /// How many may be known before those out of use are looked for.
    sweep_at: usize,
}

impl Patterns {
    /// The expression of a source, compiled unless it is known.
    pub fn compile(&mut self, source: &str) -> Result<Pattern, InvalidPattern> {
        if let Some((source, known)) = self.known.get_key_value(source)
            && let Some(regex) = known.upgrade()
        {
            return Ok(Pattern { source: source.clone(), regex });
        }
        if source.len() > MAX_SOURCE {
            return Err(InvalidPattern::TooLong);
        }
        self.sweep();
        if self.known.len() >= MAX_PATTERNS {
            return Err(InvalidPattern::TooMany);
        }
        let pattern = Pattern { source: source.into(), regex: Arc::new(anchored(source)?) };
        self.known.insert(pattern.source.clone(), Arc::downgrade(&pattern.regex));
        Ok(pattern)
    }

    /// How many are in use.
    pub fn in_use(&self) -> usize {
        self.known.values().filter(|known| known.strong_count() > 0).count()
    }

    /// Forgets what is out of use, now and then: a sweep costs what the compiles since the last one cost.
    fn sweep(&mut self) {
        if self.known.len() >= self.sweep_at.clamp(64, MAX_PATTERNS) {
            self.known.retain(|_, known| known.strong_count() > 0);
            self.sweep_at = self.known.len() * 2;
        }
    }
}

fn anchored(source: &str) -> Result<Regex, InvalidPattern> {
    // By itself first: `a)|(b` is an expression only once it stands in a group.
    regex_syntax::parse(source).map_err(|error| InvalidPattern::Syntax(last_line(&error)))?;
    RegexBuilder::new(&format!("^(?:{source})$"))
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(2 * MAX_COMPILED)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => InvalidPattern::TooLarge,
            other => InvalidPattern::Syntax(last_line(&other)),
        })
}

/// The line of a parser's message that says what is wrong; the others draw where.
fn last_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_whole_values_only() {
        let mut patterns = Patterns::default();
        let pattern = patterns.compile("/api/.*|/x").unwrap();
        assert!(pattern.regex.is_match("/api/y") && pattern.regex.is_match("/x"));
        assert!(
            !pattern.regex.is_match("/x/api/y") && !pattern.regex.is_match("/xy") && !pattern.regex.is_match("/x\n")
        );
    }

    #[test]
    fn cannot_break_out_of_its_anchors() {
        assert!(matches!(Patterns::default().compile("a)|(b"), Err(InvalidPattern::Syntax(_))));
        let multiline = Patterns::default().compile("(?m)a").unwrap();
        assert!(!multiline.regex.is_match("a\nb"));
    }

    #[test]
    fn equal_sources_compile_once_and_unused_ones_go() {
        let mut patterns = Patterns::default();
        let (a, b) = (patterns.compile("a+").unwrap(), patterns.compile("a+").unwrap());
        assert!(Arc::ptr_eq(&a.regex, &b.regex));
        for n in 0..1000 {
            patterns.compile(&format!("x{n}")).unwrap();
        }
        assert_eq!(patterns.in_use(), 1);
        assert!(patterns.known.len() <= 64);
    }

    #[test]
    fn size_and_number_are_bounded() {
        let mut patterns = Patterns::default();
        assert_eq!(patterns.compile(&"a".repeat(MAX_SOURCE + 1)), Err(InvalidPattern::TooLong));
        assert_eq!(patterns.compile(r"(\w{100}){100}"), Err(InvalidPattern::TooLarge));
        assert_eq!(patterns.compile("(").unwrap_err().to_string(), "is no regular expression: unclosed group");
        let held: Vec<_> = (0..MAX_PATTERNS).map(|n| patterns.compile(&format!("{n}")).unwrap()).collect();
        assert_eq!(patterns.compile("one more"), Err(InvalidPattern::TooMany));
        assert!(patterns.compile("7").is_ok());
        drop(held);
        assert!(patterns.compile("one more").is_ok());
    }
}
