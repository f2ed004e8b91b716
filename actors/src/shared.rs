//! Where collectors publish what they own, and count.

use std::sync::Arc;

use parking_lot::RwLock;
use taskpulse_engine::board::cost::Costs;

use crate::pipeline_stats::PipelineStats;
use crate::published::Publishers;

/// See the module.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Where views are published.
    pub publishers: Publishers,
    /// What is counted.
    pub stats: Arc<PipelineStats>,
    /// What went on while tasks were in progress.
    pub costs: Arc<RwLock<Arc<Costs>>>,
}

impl std::ops::Deref for Shared {
    type Target = Publishers;

    fn deref(&self) -> &Publishers {
        &self.publishers
    }
}

#[cfg(test)]
impl Default for Shared {
    fn default() -> Self {
        Self { publishers: Publishers::new().0, stats: Arc::default(), costs: Arc::default() }
    }
}
