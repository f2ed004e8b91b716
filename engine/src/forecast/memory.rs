//! Which series say how much memory something uses, and which say when that is used up.

use crate::model::Labels;

/// Memory is used up from this share on: what is left is what the kernel keeps for itself before it ends processes.
pub const EXHAUSTED: f64 = 0.98;

/// The series of when memory is used up, in seconds from then on, with the labels of what uses it; the machine has none.
pub const ESTIMATE: &str = "system_memory_time_to_full_seconds";
/// The same by share of cases.
pub const BOUND: &str = "system_memory_time_to_full_bound_seconds";

/// One kind of what uses memory.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The series of what is used.
    pub level: &'static str,
    /// The labels of which it has one or more.
    labels: &'static [&'static str],
}

impl Kind {
    /// Whether a series of a forecast is of this kind.
    #[must_use]
    pub fn has(&self, labels: &Labels) -> bool {
        let any = |names: &[&str]| names.iter().any(|name| labels.get(name).is_some());
        if self.labels.is_empty() { !KINDS.iter().any(|kind| any(kind.labels)) } else { any(self.labels) }
    }
}

/// The machine.
pub const MACHINE: Kind = Kind { level: "system_memory_utilization_ratio", labels: &[] };
/// Units and containers.
pub const UNIT: Kind = Kind { level: "container_memory_uncached_bytes", labels: &["unit", "container"] };
/// Processes of one name.
pub const PROCESS: Kind = Kind { level: "process_memory_usage_bytes", labels: &["process"] };
/// All of them.
pub const KINDS: [Kind; 3] = [MACHINE, UNIT, PROCESS];
