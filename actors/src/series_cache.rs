//! The bound of caches by series. Series end and never come back, so a cache that keeps all of them grows with time; what is
//! cached is computed again when it is needed.

use rustc_hash::FxHashMap;
use taskpulse_engine::model::SeriesId;

/// Series in a cache at the most.
const MAX_SERIES: usize = 1 << 17;

/// Clears a full cache, so that the next series has room.
pub(crate) fn clear_when_full<T>(cache: &mut FxHashMap<SeriesId, T>) {
    if cache.len() >= MAX_SERIES {
        *cache = FxHashMap::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_is_cleared_when_full_never_passes_its_bound() {
        let mut cache = FxHashMap::default();
        for id in 0..2 * MAX_SERIES as u32 + 5 {
            clear_when_full(&mut cache);
            cache.insert(SeriesId(id), ());
            assert!(cache.len() <= MAX_SERIES);
        }
        assert_eq!(cache.len(), 5);
    }
}
