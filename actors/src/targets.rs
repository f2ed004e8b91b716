//! The targets of probes: each probe reports its own, and the newest state of all is published.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::view::Target;

/// Targets by name.
pub type TargetsByName = BTreeMap<String, Target>;

/// Where the state of targets is reported. Cheap to clone; all clones report to the same place.
#[derive(Debug, Clone, Default)]
pub struct TargetRegistry(watch::Sender<TargetsByName>);

impl TargetRegistry {
    /// The newest state of all targets.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<TargetsByName> {
        self.0.subscribe()
    }

    /// Reports the state of a target.
    pub fn report(&self, target: Target) {
        self.0.send_modify(|targets| {
            targets.insert(target.target.clone(), target);
        });
    }
}
