//! Capacity: how much of what there is is in use, and whether it suffices for the next week.

use serde::Serialize;
use taskpulse_engine::advice;
use taskpulse_engine::model::Labels;
use utoipa::ToSchema;

use super::{Interval, seconds};

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapacityResource {
    /// The processors of the machine.
    Cpu,
    /// The memory of the machine, or of a unit, container or process.
    Memory,
    /// A file system.
    Disk,
    /// Runners of the CI of a repository.
    Runners,
}

/// When a resource is used up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct CapacityExhaustion {
    /// At the earliest (95 %); `null` where it is not known.
    #[schema(required = true)]
    pub low: Option<f64>,
    /// By the estimate; `null` where it is not before the end of what is forecast.
    #[schema(required = true)]
    pub value: Option<f64>,
    /// At the latest (95 %); `null` where it may also never be.
    #[schema(required = true)]
    pub high: Option<f64>,
}

/// What is known of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Capacity {
    /// What of.
    pub resource: CapacityResource,
    /// Which: mount point, repository, unit. None for the CPU and the memory of the machine.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// The share in use: of the CPU over the last hour, of all else now; `null` where it is not known.
    #[schema(required = true)]
    pub utilization: Option<f64>,
    /// By how much it falls short at the worst time of the next week, in `unit`; 0 where it suffices, `null` where that is not known.
    #[schema(required = true)]
    pub shortfall: Option<Interval>,
    /// Of `shortfall`: `ratio`, a share of what there is, or `runners`.
    #[schema(example = "ratio")]
    pub unit: String,
    /// When it is used up; `null` where no date is known.
    #[schema(required = true)]
    pub exhaustion: Option<CapacityExhaustion>,
    /// Why the shortfall is not known; `null` where it is, or was not asked for: of what is far from its limit.
    #[schema(required = true)]
    pub missing: Option<String>,
}

impl From<advice::Resource> for CapacityResource {
    fn from(resource: advice::Resource) -> Self {
        match resource {
            advice::Resource::Cpu => Self::Cpu,
            advice::Resource::Memory => Self::Memory,
            advice::Resource::Disk => Self::Disk,
            advice::Resource::Runners => Self::Runners,
        }
    }
}

impl From<&advice::Capacity> for Capacity {
    fn from(known: &advice::Capacity) -> Self {
        let [low, value, high] = known.exhaustion.map(|at| at.map(seconds));
        Self {
            resource: known.resource.into(),
            metric: known.labels.clone(),
            utilization: known.utilization,
            shortfall: known.shortfall.map(|range| Interval { value: range.estimate, low: range.low, high: range.high }),
            unit: known.unit().to_owned(),
            exhaustion: low.or(value).or(high).map(|_| CapacityExhaustion { low, value, high }),
            missing: known.missing.clone(),
        }
    }
}
