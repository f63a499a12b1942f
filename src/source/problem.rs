//! What is wrong with a manifest: file, line, object, field and reason.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ProblemKind {
    /// A file or folder can't be read.
    Unreadable,
    /// A file is not YAML.
    Syntax,
    /// An object is not what its kind may be.
    Object,
    /// An object that another place has already.
    Duplicate,
    /// An object of the Gateway API, of a kind that this version does not serve.
    NotSupported,
}

impl ProblemKind {
    /// One word, as logs, metrics and `check` print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "Unreadable",
            Self::Syntax => "Syntax",
            Self::Object => "Object",
            Self::Duplicate => "Duplicate",
            Self::NotSupported => "NotSupported",
        }
    }

    /// Whether it keeps what its file says from being served: the file's last good objects stay.
    pub fn breaks_file(self) -> bool {
        matches!(self, Self::Unreadable | Self::Syntax | Self::Object)
    }
}

/// Something wrong, where it is wrong. Orders by file and line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, as it is found from the folder that was named.
    pub file: PathBuf,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// `Kind namespace/name`, as much as is known of it; may be empty.
    pub object: String,
    /// The field, like `spec.rules[1].matches`; may be empty.
    pub field: String,
    /// What kind of thing is wrong.
    pub kind: ProblemKind,
    /// Why, for people.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        for part in [&self.object, &self.field, &self.message] {
            if !part.is_empty() {
                write!(f, ": {part}")?;
            }
        }
        Ok(())
    }
}
