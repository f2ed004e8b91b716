//! "Better" and "worse": more of some figures, less of others.

use super::{Refusal, Slots, Subject};
use crate::ask::Trend;

/// Whether better is more of something, or less.
pub(super) fn trend(slots: &Slots, subject: Subject, better: bool) -> Result<Trend, Refusal> {
    let more = match subject {
        Subject::CiSuccess
        | Subject::CiSuccesses
        | Subject::Completed
        | Subject::Completion
        | Subject::Throughput
        | Subject::MemoryFree
        | Subject::DiskFree
        | Subject::Health => true,
        Subject::Cpu
        | Subject::Load
        | Subject::Memory
        | Subject::Swap
        | Subject::Disk
        | Subject::CpuPressure
        | Subject::MemoryPressure
        | Subject::IoPressure
        | Subject::Pressure
        | Subject::Temperature
        | Subject::CiDuration
        | Subject::CiQueue
        | Subject::CiFailure
        | Subject::CiFailures
        | Subject::CiFlaky
        | Subject::CiWasted
        | Subject::TaskTime
        | Subject::ReviewTime
        | Subject::ProbeTime
        | Subject::Alerts => false,
        _ => return Err(Refusal::new("Better or worse in what is missing, such as faster, fuller or more")),
    };
    if slots.trend.is_some() {
        return Err(Refusal::new("\"Better\" and \"more\" or \"less\" are said together"));
    }
    Ok(if more == better { Trend::Up } else { Trend::Down })
}
