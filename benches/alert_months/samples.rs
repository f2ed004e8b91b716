//! Generated series as the source of queries, and rules tried on them.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::model::{Columns, Labels, Matcher};
use taskpulse_engine::promql::{EvalError, SeriesSink, Source};
use taskpulse_engine::rules::{EvaluationLimits, Firing, RuleOptions, RuleSpec, preview};
use taskpulse_engine::span::Span;

pub const DAY: i64 = 86_400_000;
pub const MONTH: i64 = 30 * DAY;
/// A rule is tried on so much at once: a preview lists a thousand firings.
const PIECE: i64 = 5 * DAY;

/// Series in memory.
#[derive(Default)]
pub struct Samples(Vec<(Labels, Columns)>);

impl Samples {
    /// Adds a series with a sample each `step` ms.
    pub fn add(&mut self, name: &str, labels: &[(&str, &str)], step: i64, values: Vec<f64>) {
        let times = (0..values.len() as i64).map(|at| at * step).collect();
        self.0.push((Labels::metric(name, labels), Columns { times, values }));
    }

    /// The firings of a rule until `end`, evaluated each `interval` where it is a query.
    pub fn firings(&self, name: &str, spec: &RuleSpec, interval: Span, end: i64) -> Vec<Firing> {
        let options = RuleOptions { evaluation_interval: interval, ..RuleOptions::default() };
        let limits = EvaluationLimits {
            lookback: 300_000,
            delayed_names: false,
            max_samples: usize::MAX,
            max_bytes: 4 << 30,
            timeout: Duration::from_secs(3_600),
            cancelled: Arc::default(),
        };
        let pieces = (0..end).step_by(PIECE as usize).map(|from| (from, end.min(from + PIECE) - 1));
        let mut found: Vec<Firing> = pieces.flat_map(|range| preview(name, spec, options, range, self, &limits).unwrap().firings).collect();
        found.sort_by_key(|firing| firing.fired_at);
        found
    }
}

impl Source for Samples {
    fn read(&self, matchers: &[Vec<Matcher>], start: i64, end: i64, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        for (labels, columns) in &self.0 {
            if matchers.iter().any(|list| list.iter().all(|m| m.accepts(labels.get(&m.name).unwrap_or("")))) {
                let (from, to) = (columns.times.partition_point(|t| *t < start), columns.times.partition_point(|t| *t <= end));
                sink.begin(labels)?;
                if from < to {
                    sink.piece(&Columns { times: columns.times[from..to].to_vec(), values: columns.values[from..to].to_vec() })?;
                }
            }
        }
        Ok(())
    }
}
