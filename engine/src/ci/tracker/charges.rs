//! What runs cost: one sample a run, at its end, by the prices of the settings.

use std::sync::Arc;

use super::{RunKey, RunRecord, RunTracker};
use crate::money::RUN_COST;
use crate::money::prices::{Charge, Prices};

impl RunTracker {
    /// The same with prices. Runs that are remembered cost what these prices say: a sample that is written again at the same time
    /// replaces the one before.
    #[must_use]
    pub fn with_prices(mut self, prices: Arc<Prices>) -> Self {
        self.prices = prices;
        let keys: Vec<RunKey> = self.records.iter().filter(|(_, record)| !record.runners.is_empty()).map(|(key, _)| *key).collect();
        for key in keys {
            let Some(mut record) = self.records.get(&key).cloned() else { continue };
            if self.charge(&mut record) {
                self.records.insert(key, record);
                self.changed.insert(key);
            }
        }
        self
    }

    /// Charges a run that ended for its jobs. Whether that changed anything; without a price what was said before stays.
    pub(super) fn charge(&mut self, record: &mut RunRecord) -> bool {
        let (Some(at), true) = (record.at, record.run.ended()) else { return false };
        let Some(charge) = self.prices.charge(&self.repo, &record.runners, record.end()) else { return false };
        let before = record.charge.as_ref().filter(|said| said.currency == charge.currency).map_or(0.0, |said| said.before);
        let charge = Charge { before, ..charge };
        if record.charge.as_ref() == Some(&charge) {
            return false;
        }
        let labels = self.run_labels(RUN_COST, &record.run).with("currency", &charge.currency);
        self.pending.batch.push(labels, at, charge.amount - before);
        record.charge = Some(charge);
        true
    }
}
