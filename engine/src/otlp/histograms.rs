//! Translates histograms and summaries to the series of classic ones.

use opentelemetry_proto::tonic::metrics::v1 as otlp;

use super::convert::{Base, Conversion, STALE, Times, nothing_recorded};
use super::exponential::Shape;
use super::refusal::PointError;
use super::streams::{NANOS, Step, Steps, Written};
use crate::model::{Labels, TimestampMs, format_value};

/// Most buckets or quantiles of one point.
pub(super) const MAX_BUCKETS: usize = 1_000;

/// The `le` label of a boundary.
pub(super) fn le(bound: f64) -> String {
    format_value(bound)
}

fn checked_bounds(point: &otlp::HistogramDataPoint) -> Result<(), PointError> {
    let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
    if bounds.len() > MAX_BUCKETS {
        return Err(PointError::TooManyBoundaries(bounds.len()));
    }
    // Both are missing if only count and sum are known.
    if !counts.is_empty() && counts.len() != bounds.len() + 1 {
        return Err(PointError::BucketCount { buckets: counts.len(), boundaries: bounds.len() });
    }
    if bounds.iter().any(|b| b.is_nan()) || bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(PointError::UnsortedBoundaries);
    }
    Ok(())
}

/// The next state of an exponential histogram, to be written as buckets with rising boundaries.
struct Ladder {
    shape: Shape,
    steps: Steps,
    times: Times,
    /// What was written before.
    before: Option<Written>,
    /// Whether it continues `before`; else its series start at zero.
    continues: bool,
    /// Whether it is older than `before`.
    late: bool,
    delta: bool,
}

/// A cumulative histogram replaces the one before. An older one does not change which boundaries are current.
fn cumulative(times: Times, shape: Shape, before: Option<Written>) -> Ladder {
    let late = before.as_ref().is_some_and(|b| b.steps.newest > times.at);
    let continues = !late && before.as_ref().is_some_and(|b| b.start == times.start);
    let mut steps = Steps::default();
    steps.note(times.at);
    Ladder { shape, steps, times, before, continues, late, delta: false }
}

impl Conversion<'_> {
    pub(super) fn histogram(&mut self, base: &Base<'_>, times: Times, p: &otlp::HistogramDataPoint, delta: bool) -> Result<(), PointError> {
        checked_bounds(p)?;
        self.room(base, p.explicit_bounds.len() + 3)?;
        let mut series: Vec<(Labels, f64)> = Vec::with_capacity(p.explicit_bounds.len() + 3);
        let mut below = 0u64;
        let counts = p.bucket_counts.iter().chain(std::iter::repeat(&0));
        for (bound, count) in p.explicit_bounds.iter().zip(counts) {
            below = below.saturating_add(*count);
            // A last boundary of +Inf is the bucket that every histogram has.
            if bound.is_finite() {
                series.push((base.series("_bucket", Some(("le", &le(*bound))))?, below as f64));
            }
        }
        if p.bucket_counts.is_empty() && !nothing_recorded(p.flags) {
            series.clear();
        }
        series.push((base.series("_bucket", Some(("le", "+Inf")))?, p.count as f64));
        let count = base.series("_count", None)?;
        series.push((count.clone(), p.count as f64));
        if let Some(sum) = p.sum.or(nothing_recorded(p.flags).then_some(0.0)) {
            series.push((base.series("_sum", None)?, sum));
        }
        if nothing_recorded(p.flags) {
            series.into_iter().for_each(|(labels, _)| self.sample(labels, times.at_ms(), STALE));
        } else if !delta {
            series.into_iter().for_each(|(labels, v)| self.rising(labels, times, v));
        } else {
            match self.judge(&count, times) {
                Step::New => series.into_iter().for_each(|(labels, v)| self.add(labels, times, v)),
                // Writing one of its samples again makes all earlier ones durable.
                Step::Again => self.again(count),
                Step::TooLate => return Err(PointError::TooLate),
            }
        }
        let bounds = if p.bucket_counts.is_empty() { &[][..] } else { &p.explicit_bounds };
        self.bucket_exemplars(base, times, bounds, &p.exemplars);
        Ok(())
    }

    pub(super) fn summary(&mut self, base: &Base<'_>, times: Times, p: &otlp::SummaryDataPoint) -> Result<(), PointError> {
        if p.quantile_values.len() > MAX_BUCKETS {
            return Err(PointError::TooManyQuantiles(p.quantile_values.len()));
        }
        self.room(base, p.quantile_values.len() + 2)?;
        let (count, sum) = (base.series("_count", None)?, base.series("_sum", None)?);
        let mut quantiles = Vec::with_capacity(p.quantile_values.len());
        for q in &p.quantile_values {
            quantiles.push((base.series("", Some(("quantile", &le(q.quantile))))?, q.value));
        }
        if nothing_recorded(p.flags) {
            let all = quantiles.into_iter().map(|(labels, _)| labels).chain([count, sum]);
            all.for_each(|labels| self.sample(labels, times.at_ms(), STALE));
        } else {
            quantiles.into_iter().for_each(|(labels, v)| self.sample(labels, times.at_ms(), v));
            self.rising(count, times, p.count as f64);
            self.rising(sum, times, p.sum);
        }
        Ok(())
    }

    pub(super) fn exponential(
        &mut self,
        base: &Base<'_>,
        times: Times,
        p: &otlp::ExponentialHistogramDataPoint,
        delta: bool,
    ) -> Result<(), PointError> {
        let key = base.series("_count", None)?;
        let change = self.out.changes.shapes.get(&key).map(|(written, _)| written.clone());
        let before = change.unwrap_or_else(|| self.streams.written(&key).cloned());
        if nothing_recorded(p.flags) {
            return self.end(base, key, times, before);
        }
        let shape = Shape::of(p)?;
        match if delta { self.add_shape(&key, times, shape, before)? } else { Some(cumulative(times, shape, before)) } {
            Some(next) => {
                let bounds = if p.exemplars.is_empty() { Vec::new() } else { next.shape.bounds() };
                self.ladder(base, key, next)?;
                self.bucket_exemplars(base, times, &bounds, &p.exemplars);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Adds a difference to the total of a histogram; `None` if it was sent again.
    fn add_shape(&mut self, key: &Labels, times: Times, shape: Shape, before: Option<Written>) -> Result<Option<Ladder>, PointError> {
        let (known, newest) = (self.streams.written(key), self.newest(key));
        match known.map(|k| k.steps).or(newest.map(Steps::kept)).map_or(Step::New, |steps| steps.judge(times.at)) {
            Step::New => {}
            Step::Again => {
                let last = known.map(|k| ((k.steps.newest / NANOS) as TimestampMs, k.shape.count as f64));
                let last = last.or_else(|| self.latest(key).map(|last| (last.t, last.v)));
                last.into_iter().for_each(|(t, v)| self.sample(key.clone(), t, v));
                return Ok(None);
            }
            Step::TooLate => return Err(PointError::TooLate),
        }
        let mut steps = before.as_ref().map(|b| b.steps).or(newest.map(Steps::kept)).unwrap_or_default();
        steps.note(times.at);
        let shape = before.as_ref().map_or_else(
            || shape.clone(),
            |before| {
                let mut total = before.shape.clone();
                total.add(&shape);
                total
            },
        );
        // After a restart the total starts at zero again, after the last stored sample.
        let times = Times { at: steps.newest, ..times };
        Ok(Some(Ladder { shape, steps, times, continues: before.is_some(), late: false, delta: true, before }))
    }

    /// Writes the series of an exponential histogram, all or none, and stale markers for buckets that it no longer has.
    fn ladder(&mut self, base: &Base<'_>, key: Labels, next: Ladder) -> Result<(), PointError> {
        let Ladder { shape, steps, times, before, continues, late, delta } = next;
        let bounds = shape.bounds();
        let gone: Vec<f64> =
            before.iter().filter(|_| !late).flat_map(|b| b.bounds.iter().copied()).filter(|b| !bounds.contains(b)).collect();
        self.room(base, bounds.len() + gone.len() + 3)?;
        // All labels first, so that a refused point leaves no rows.
        let infinite = base.series("_bucket", Some(("le", "+Inf")))?;
        let sum = shape.sum.map(|sum| Ok::<_, PointError>((base.series("_sum", None)?, sum))).transpose()?;
        let bucket = |bound: &f64| base.series("_bucket", Some(("le", &le(*bound)))).map(|labels| (labels, *bound));
        let buckets = bounds.iter().map(bucket).collect::<Result<Vec<_>, _>>()?;
        let gone = gone.iter().map(bucket).collect::<Result<Vec<_>, _>>()?;
        for (labels, bound) in buckets {
            if let Some(last) = before.as_ref().filter(|_| continues)
                && last.steps.newest < times.at
                && !last.bounds.contains(&bound)
                && last.shape.refines(&shape)
            {
                // A new boundary starts with the count that was below it at the previous point.
                self.beside(labels.clone(), (last.steps.newest / NANOS) as TimestampMs, last.shape.below(bound) as f64);
            }
            self.part(labels, times, shape.below(bound) as f64, !continues, delta);
        }
        self.part(infinite, times, shape.count as f64, !continues, delta);
        if let Some((labels, sum)) = sum {
            self.part(labels, times, sum, !continues, delta);
        }
        for (labels, _) in gone {
            self.beside(labels, times.at_ms(), STALE);
        }
        // Last, because the change is kept only if this row is stored.
        self.part(key.clone(), times, shape.count as f64, !continues, delta);
        let row = self.out.rows.len() - 1;
        if !late {
            let written = Written { shape, bounds, start: times.start, steps };
            self.out.changes.shapes.insert(key, (Some(written), row));
        }
        Ok(())
    }

    /// Adds a sample of one series of an exponential histogram, with a start sample if the histogram starts.
    fn part(&mut self, labels: Labels, times: Times, v: f64, begins: bool, delta: bool) {
        match (begins, delta) {
            (true, true) => self.anew(labels, times, v),
            (true, false) => self.rising(labels, times, v),
            (false, _) => self.sample(labels, times.at_ms(), v),
        }
    }

    /// Ends all series of an exponential histogram with stale markers.
    fn end(&mut self, base: &Base<'_>, key: Labels, times: Times, before: Option<Written>) -> Result<(), PointError> {
        let bounds = before.map(|b| b.bounds).unwrap_or_default();
        self.room(base, bounds.len() + 3)?;
        let buckets = bounds.iter().map(|bound| base.series("_bucket", Some(("le", &le(*bound)))));
        let mut all = buckets.collect::<Result<Vec<_>, _>>()?;
        all.extend([base.series("_bucket", Some(("le", "+Inf")))?, base.series("_sum", None)?, key.clone()]);
        all.into_iter().for_each(|labels| self.sample(labels, times.at_ms(), STALE));
        self.out.changes.shapes.insert(key, (None, self.out.rows.len() - 1));
        Ok(())
    }
}
