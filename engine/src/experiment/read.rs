//! Reads the hours of an experiment from the store, and which series two queries have in common.

use rustc_hash::FxHashSet;

use super::{Beside, Experiment, OtherChange, judge};
use crate::advice::Recommendation;
use crate::effect::{HourSeries, Hours, MAX_DAYS, hour_ending, hours_around};
use crate::model::{Labels, SeriesId, TimestampMs};
use crate::promql::syntax::Grid;
use crate::promql::{Query, selectors};
use crate::rules::EvaluationLimits;
use crate::store::{StoreError, StoreReader};

const HOUR_MS: i64 = 3_600_000;
/// `step()` and `range()` in a query.
const GRID: Grid = Grid { step: HOUR_MS, range: 2 * 29 * 24 * HOUR_MS };

/// Where experiments are read from.
pub struct Reading<'a> {
    /// The store.
    pub store: &'a StoreReader,
    /// What each query may cost.
    pub limits: &'a EvaluationLimits,
}

impl Reading<'_> {
    /// The series that a query reads.
    fn series(&self, expr: &str) -> FxHashSet<SeriesId> {
        let found = Query::parse(expr, GRID).and_then(|query| selectors(&query)).unwrap_or_default();
        found.iter().flat_map(|selector| self.store.select(&selector.matchers)).collect()
    }

    /// The hours of what a query gives, which must be one series.
    pub(crate) fn hours(&self, expr: &str, times: (TimestampMs, TimestampMs), what: &str) -> Result<(Labels, Hours), String> {
        let query = Query::parse(expr, GRID).map_err(|error| error.to_string())?;
        let params = self.limits.params(times.0, times.1, HOUR_MS);
        match hours_around(&query, times, &params, self.store) {
            Ok(HourSeries::One(labels, hours)) => Ok((labels, hours)),
            Ok(HourSeries::None) => Err(format!("no series of {what} has samples around that time")),
            Ok(HourSeries::Several(count)) => Err(format!("{what} gives {count} series, and one is compared")),
            Err(error) => Err(format!("{what} cannot be worked out: {error}")),
        }
    }
}

/// The experiment, judged anew by what the store has now.
#[must_use]
pub fn judged(mut experiment: Experiment, reading: &Reading<'_>, now: TimestampMs) -> Experiment {
    let end = now.min(experiment.at.saturating_add((experiment.days * 24 + 1) * HOUR_MS)).max(experiment.at);
    let times = (experiment.at, end);
    let series = reading.hours(&experiment.expr, times, "the query");
    let control = experiment.control.as_ref().map(|expr| reading.hours(expr, times, "the control")).transpose();
    let hours = series.and_then(|(metric, series)| Ok((metric, series, control?)));
    experiment.judgment = match hours {
        Ok((metric, mut series, control)) => {
            experiment.metric = metric;
            freeze(&mut experiment.before, &mut series, experiment.at);
            let control = control.map(|(_, mut control)| {
                freeze(&mut experiment.control_before, &mut control, experiment.at);
                control
            });
            judge(&experiment, Ok((&series, control.as_ref())), now)
        }
        Err(why) => judge(&experiment, Err(why), now),
    };
    experiment
}

/// What was kept of the time before the change counts, and what came since is kept as well.
fn freeze(kept: &mut Hours, read: &mut Hours, at: TimestampMs) {
    let over = hour_ending(at) + 1;
    for (hour, mean) in read.range(..over) {
        kept.entry(*hour).or_insert(*mean);
    }
    read.extend(kept.iter().map(|(hour, mean)| (*hour, *mean)));
}

/// What else changed while these experiments ran: the series that each query reads, and advice that somebody applied.
///
/// # Errors
/// [`StoreError`]
pub fn beside(experiments: &[Experiment], kind: &str, reading: &Reading<'_>, now: TimestampMs) -> Result<Beside, StoreError> {
    let Some(from) = experiments.iter().map(|experiment| experiment.at.saturating_sub(MAX_DAYS * 24 * HOUR_MS)).min() else {
        return Ok(Beside::default());
    };
    let further = applied(kind, reading.store, from, now)?;
    let exprs = experiments.iter().map(|experiment| &experiment.expr).chain(further.iter().map(|(_, expr)| expr));
    let series = exprs.map(|expr| (expr.clone(), reading.series(expr))).collect();
    Ok(Beside { series, further })
}

/// Recommendations, documents of a kind, that were applied in a range of time, each time that was not undone.
fn applied(kind: &str, store: &StoreReader, from: TimestampMs, to: TimestampMs) -> Result<Vec<(OtherChange, String)>, StoreError> {
    let documents = store.documents(kind)?;
    let known = documents.into_iter().filter_map(|(_, bytes)| serde_json::from_slice::<Recommendation>(&bytes).ok());
    let changes = known.flat_map(|advice| {
        let times = advice.applications().into_iter().filter(|at| (from..=to).contains(at));
        let of = |at: TimestampMs| {
            let (id, title) = (advice.id.clone(), advice.title.clone());
            (OtherChange { kind: "recommendation".to_owned(), id, title, at }, advice.query.clone())
        };
        times.map(of).collect::<Vec<_>>()
    });
    Ok(changes.collect())
}
