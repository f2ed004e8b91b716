//! The newest lines that a metric query counts for one of its series at an instant.

use std::ops::ControlFlow;

use super::Bounds;
use super::error::LogqlError;
use super::fields::LineState;
use super::lines::{Line, Meter};
use super::metric::MetricQuery;
use super::range::RangeAggregation;
use crate::logs::record::TimeNs;
use crate::logs::{Direction, Filter, Order, Source};
use crate::model::{Labels, TimestampMs};
use crate::promql::syntax::Grouping;

const MS: i64 = 1_000_000;

/// At most `limit` of the newest lines that a query counts at an instant for the series with these labels, over all of its ranges. A label
/// of the series that a line has must be the same; labels that the query created are ignored.
///
/// # Errors
/// [`LogqlError`]
pub fn cited(
    query: &MetricQuery,
    at: TimestampMs,
    series: &Labels,
    limit: usize,
    bounds: &Bounds,
    source: &dyn Source,
) -> Result<Vec<Line>, LogqlError> {
    let mut found: Vec<Line> = Vec::new();
    let mut meter = Meter::new(bounds);
    for range in query.ranges() {
        let offset = range.offset_ms.saturating_mul(MS);
        let end: TimeNs = at.saturating_mul(MS).saturating_sub(offset).saturating_add(1);
        let start = end.saturating_sub(range.range_ms.saturating_mul(MS));
        let filter = Filter { bodies: true, attributes: true, ..range.lines.filter(start, end, Order::ByTime(Direction::Backward)) };
        let mut left = limit;
        source.read(&filter, &mut |entry| {
            meter.count(entry)?;
            let Some(state) = range.lines.run(entry, at) else { return ControlFlow::Continue(()) };
            if !is_of(range, &state, series) {
                return ControlFlow::Continue(());
            }
            if let Some(line) = range.lines.line(entry, at) {
                found.push(line);
                left -= 1;
            }
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        meter.finish()?;
    }
    found.sort_by_key(|line| std::cmp::Reverse(line.time));
    // Two ranges may count the same line.
    found.dedup();
    found.truncate(limit);
    Ok(found)
}

/// Whether a line may count for a series.
fn is_of(range: &RangeAggregation, line: &LineState<'_>, series: &Labels) -> bool {
    let same = |(name, value): (&str, &str)| ["", value].contains(&line.get(name));
    let grouped = match &range.grouping {
        Some(Grouping::By(names)) => names.iter().all(|name| series.get(name).is_some() || line.get(name).is_empty()),
        _ => true,
    };
    grouped && series.iter().all(same)
}
