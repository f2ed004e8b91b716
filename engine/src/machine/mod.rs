//! The machine: what the kernel's files say of CPU, memory, network, disks, processes and mounts, and which file systems
//! are worth a figure.
//!
//! Pure: reading the files is `actors::collectors::system`. Formats are those of proc(5) and of the kernel's
//! Documentation/admin-guide/iostats.rst. A figure that a text does not hold is `None` or left out; no default takes its place.

use crate::model::Labels;

pub mod mounts;
pub mod proc;
pub mod sensors;

/// Labels that series of other machines have. `host_name` is `host.name` of OpenTelemetry, where the settings make labels of it.
pub const OTHERS: &[&str] = &["instance", "host", "host_name"];

/// Whether a series is of this machine: those of others have labels that name it.
#[must_use]
pub fn is_own(labels: &Labels) -> bool {
    OTHERS.iter().all(|name| labels.get(name).is_none())
}
