//! The hours of a series, read from the store.

use super::{HOUR, Hours, MAX_DAYS, hour_ending};
use crate::model::{Labels, TimestampMs};
use crate::promql::{self, EvalError, Params, Query};
use crate::store::StoreReader;

/// What a query gives in hours.
#[derive(Debug, Clone, PartialEq)]
pub enum HourSeries {
    /// No series has a sample.
    None,
    /// One.
    One(Labels, Hours),
    /// So many, of which none can be compared.
    Several(usize),
}

/// The hours of what a query gives from as long before a moment as is compared, until `end`. The times of `params` do not count.
///
/// # Errors
/// As [`promql::evaluate`] has them.
pub fn hours_around(
    query: &Query,
    (at, end): (TimestampMs, TimestampMs),
    params: &Params,
    store: &StoreReader,
) -> Result<HourSeries, EvalError> {
    let start = at.saturating_sub((MAX_DAYS * 24 + 1) * HOUR).max(0);
    let params = Params { start, end, step: HOUR, ..params.clone() };
    let mut found = promql::buckets(query, &params, 2, store)?;
    Ok(match (found.total, found.series.pop()) {
        (1, Some(one)) => {
            let finite = one.buckets.iter().filter(|bucket| bucket.mean.is_finite());
            HourSeries::One(one.labels, finite.map(|bucket| (hour_ending(bucket.end), bucket.mean)).collect())
        }
        (0 | 1, None) => HourSeries::None,
        (count, _) => HourSeries::Several(count),
    })
}
