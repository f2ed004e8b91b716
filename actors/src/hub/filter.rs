//! Which series a subscription is about.

use roaring::RoaringBitmap;
use taskpulse_engine::model::{Selector, SeriesId};
use taskpulse_engine::promql::EvalError;
use taskpulse_engine::store::Store;

/// Which series a subscription is about. The session makes it on a thread that may take its time: in the hub all sessions wait.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    selectors: Vec<Selector>,
    /// Series that the selectors were applied to, and those that passed. A series never changes its labels.
    known: RoaringBitmap,
    passing: RoaringBitmap,
}

impl Filter {
    /// A filter that every series passes where there is no selector, else those that any selector accepts.
    ///
    /// # Errors
    /// Those of `go_on`, and where patterns match too much.
    pub fn new(store: &Store, selectors: Vec<Selector>, go_on: &dyn Fn() -> Result<(), EvalError>) -> Result<Self, EvalError> {
        if selectors.is_empty() {
            return Ok(Self::default());
        }
        // Series that come meanwhile are not known: the selectors are applied when the hub meets them.
        let mut known = store.select(&[]).into_iter().map(|id| id.0).collect::<RoaringBitmap>();
        let mut passing = store.select_while(&selectors, go_on)?.into_iter().map(|id| id.0).collect::<RoaringBitmap>() & &known;
        // Most ids follow each other: as runs they take bytes where bits take kilobytes.
        known.optimize();
        passing.optimize();
        Ok(Self { selectors, known, passing })
    }

    /// Whether a series passes.
    pub(super) fn passes(&mut self, id: SeriesId, store: &Store) -> bool {
        if self.selectors.is_empty() {
            return true;
        }
        if self.known.insert(id.0) && store.labels(id).is_some_and(|labels| self.selectors.iter().any(|s| s.accepts(&labels))) {
            self.passing.insert(id.0);
        }
        self.passing.contains(id.0)
    }

    #[cfg(test)]
    pub(super) fn of_selectors(selectors: Vec<Selector>) -> Self {
        Self { selectors, ..Self::default() }
    }
}
