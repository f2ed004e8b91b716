//! Histograms and summaries as the series of classic ones.

use opentelemetry_proto::tonic::metrics::v1 as otlp;

use super::convert::{Base, Conversion, STALE, TOO_LATE, Times, nothing_recorded};
use super::exponential::Shape;
use super::streams::{NANOS, Step, Steps, Written};
use crate::model::{Labels, TimestampMs, format_value};

/// Buckets or quantiles of one point at the most.
const MAX_BUCKETS: usize = 1_000;

/// The label of a boundary.
fn le(bound: f64) -> String {
    format_value(bound)
}

fn checked_bounds(point: &otlp::HistogramDataPoint) -> Result<(), String> {
    let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
    if bounds.len() > MAX_BUCKETS {
        return Err(format!("it has {} boundaries; at most {MAX_BUCKETS} are kept", bounds.len()));
    }
    // Neither is given where nothing but count and sum is known.
    if !counts.is_empty() && counts.len() != bounds.len() + 1 {
        return Err(format!("it has {} buckets and {} boundaries; there is one bucket more than boundaries", counts.len(), bounds.len()));
    }
    if bounds.iter().any(|b| b.is_nan()) || bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err("its boundaries do not rise".to_owned());
    }
    Ok(())
}

impl Conversion<'_> {
    pub(super) fn histogram(&mut self, base: &Base<'_>, times: Times, p: &otlp::HistogramDataPoint, delta: bool) -> Result<(), String> {
        checked_bounds(p)?;
        self.room(base, p.explicit_bounds.len() + 3)?;
        let mut series: Vec<(Labels, f64)> = Vec::with_capacity(p.explicit_bounds.len() + 3);
        let mut below = 0u64;
        let counts = p.bucket_counts.iter().chain(std::iter::repeat(&0));
        for (bound, count) in p.explicit_bounds.iter().zip(counts) {
            below = below.saturating_add(*count);
            // A last boundary of +Inf is the bucket that there is anyway.
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
                // With one of its samples all that came before are made durable.
                Step::Again => self.again(count),
                Step::TooLate => return Err(TOO_LATE.to_owned()),
            }
        }
        Ok(())
    }

    pub(super) fn summary(&mut self, base: &Base<'_>, times: Times, p: &otlp::SummaryDataPoint) -> Result<(), String> {
        if p.quantile_values.len() > MAX_BUCKETS {
            return Err(format!("it has {} quantiles; at most {MAX_BUCKETS} are kept", p.quantile_values.len()));
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
    ) -> Result<(), String> {
        let key = base.series("_count", None)?;
        let known = self.streams.written(&key).cloned();
        let before = self.out.changes.shapes.get(&key).map_or_else(|| known.clone(), |(written, _)| written.clone());
        if nothing_recorded(p.flags) {
            return self.end(base, key, times, before);
        }
        let mut shape = Shape::of(p)?;
        let newest = self.newest(&key);
        let (goes_on, late, steps, times) = if delta {
            let judged = known.as_ref().map(|k| k.steps).or(newest.map(Steps::kept)).map_or(Step::New, |steps| steps.judge(times.at));
            match judged {
                Step::New => {}
                Step::Again => {
                    let last = known.map(|k| ((k.steps.newest / NANOS) as TimestampMs, k.shape.count as f64));
                    let last = last.or_else(|| self.latest(&key).map(|last| (last.t, last.v)));
                    last.into_iter().for_each(|(t, v)| self.sample(key.clone(), t, v));
                    return Ok(());
                }
                Step::TooLate => return Err(TOO_LATE.to_owned()),
            }
            let mut steps = before.as_ref().map(|b| b.steps).or(newest.map(Steps::kept)).unwrap_or_default();
            if let Some(before) = &before {
                let mut total = before.shape.clone();
                total.add(&shape);
                shape = total;
            }
            steps.note(times.at);
            // After a restart the total begins at zero again, behind what was written.
            (before.as_ref(), false, steps, Times { at: steps.newest, ..times })
        } else {
            // One from before tells nothing of the boundaries that are now.
            let late = before.as_ref().is_some_and(|b| b.steps.newest > times.at);
            let mut steps = Steps::default();
            steps.note(times.at);
            (before.as_ref().filter(|b| !late && b.start == times.start), late, steps, times)
        };
        let bounds = shape.bounds();
        let gone: Vec<f64> =
            before.iter().filter(|_| !late).flat_map(|b| b.bounds.iter().copied()).filter(|b| !bounds.contains(b)).collect();
        self.room(base, bounds.len() + gone.len() + 3)?;
        // All labels first: a point is taken whole or not at all.
        let infinite = base.series("_bucket", Some(("le", "+Inf")))?;
        let sum = shape.sum.map(|sum| Ok::<_, String>((base.series("_sum", None)?, sum))).transpose()?;
        let bucket = |bound: &f64| base.series("_bucket", Some(("le", &le(*bound)))).map(|labels| (labels, *bound));
        let buckets = bounds.iter().map(bucket).collect::<Result<Vec<_>, _>>()?;
        let gone = gone.iter().map(bucket).collect::<Result<Vec<_>, _>>()?;
        let begins = goes_on.is_none();
        for (labels, bound) in buckets {
            if let Some(last) = goes_on
                && last.steps.newest < times.at
                && !last.bounds.contains(&bound)
                && last.shape.refines(&shape)
            {
                // A boundary that is new to the ladder, with what was below it then.
                self.beside(labels.clone(), (last.steps.newest / NANOS) as TimestampMs, last.shape.below(bound) as f64);
            }
            self.part(labels, times, shape.below(bound) as f64, begins, delta);
        }
        self.part(infinite, times, shape.count as f64, begins, delta);
        if let Some((labels, sum)) = sum {
            self.part(labels, times, sum, begins, delta);
        }
        for (labels, _) in gone {
            self.beside(labels, times.at_ms(), STALE);
        }
        // Last, since the row decides on whether what is remembered counts.
        self.part(key.clone(), times, shape.count as f64, begins, delta);
        let row = self.out.rows.len() - 1;
        if !late {
            let written = Written { shape, bounds, start: times.start, steps };
            self.out.changes.shapes.insert(key, (Some(written), row));
        }
        Ok(())
    }

    /// One series of an exponential histogram, with its beginning where the whole begins.
    fn part(&mut self, labels: Labels, times: Times, v: f64, begins: bool, delta: bool) {
        match (begins, delta) {
            (true, true) => self.anew(labels, times, v),
            (true, false) => self.rising(labels, times, v),
            (false, _) => self.sample(labels, times.at_ms(), v),
        }
    }

    /// No value any more, in any bucket that was written.
    fn end(&mut self, base: &Base<'_>, key: Labels, times: Times, before: Option<Written>) -> Result<(), String> {
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
