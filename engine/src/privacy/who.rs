//! Which records are of a coding agent.

pub(super) use crate::agent::is_agent;
use crate::model::Labels;

/// Labels that name the program whose lines a stream has.
const SERVICE_LABELS: [&str; 4] = ["service_name", "service", "job", "app"];
/// Whether a stream is of one.
pub(super) fn is_agents(labels: &Labels) -> bool {
    labels.iter().any(|(name, value)| SERVICE_LABELS.contains(&name) && is_agent(value))
}
