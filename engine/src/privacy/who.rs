//! Which records are of a coding agent.

use crate::model::Labels;

/// Labels that name the program whose lines a stream has.
const SERVICE_LABELS: [&str; 4] = ["service_name", "service", "job", "app"];
/// How the names of agents begin, and those of the libraries that they send with.
const BEGINNINGS: [&str; 7] = ["claude-code", "claude_code", "com.anthropic.claude_code", "codex", "gemini-cli", "gemini_cli", "opencode"];

/// Whether a service, or the scope of its records, is a coding agent: `claude-code`, `codex_exec`, `gemini-cli`, `codex_otel.log_only` …
/// A shop that is called `codexes` is none.
pub(super) fn is_agent(name: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| {
        let (Some(begun), Some(rest)) = (name.get(..beginning.len()), name.get(beginning.len()..)) else { return false };
        begun.eq_ignore_ascii_case(beginning) && !rest.starts_with(|next: char| next.is_alphanumeric())
    })
}

/// Whether a stream is of one.
pub(super) fn is_agents(labels: &Labels) -> bool {
    labels.iter().any(|(name, value)| SERVICE_LABELS.contains(&name) && is_agent(value))
}
