//! How bad something is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Of use to developers only.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth attention.
    Notice,
    /// Needs attention soon.
    Warning,
    /// Something does not work.
    Error,
    /// Act now.
    Critical,
}

impl Severity {
    /// As the label `severity` of rule files has it, with the words that other files use for the same. None for any other word.
    #[must_use]
    pub fn of_label(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "debug" => Self::Debug,
            "info" | "information" | "informational" | "none" => Self::Info,
            "notice" | "minor" | "low" => Self::Notice,
            "warning" | "warn" | "medium" => Self::Warning,
            "error" | "err" | "major" | "high" => Self::Error,
            "critical" | "crit" | "page" | "emergency" | "fatal" => Self::Critical,
            _ => return None,
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}
