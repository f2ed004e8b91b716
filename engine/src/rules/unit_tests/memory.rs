//! Samples in memory: those of a test, and those that its rules write.

use rustc_hash::FxHashMap;

use crate::model::{Columns, Labels, MatchOp, Matcher, NAME_LABEL, TimestampMs};
use crate::promql::{EvalError, SeriesSink, Source};

/// Series, and up to when their samples are there.
#[derive(Debug, Default)]
pub(super) struct Samples {
    series: Vec<(Labels, Columns)>,
    places: FxHashMap<Labels, usize>,
    names: FxHashMap<String, Vec<usize>>,
    /// Later samples are not there yet.
    pub(super) until: TimestampMs,
}

impl Samples {
    /// The series with these labels.
    fn place(&mut self, labels: &Labels) -> usize {
        if let Some(place) = self.places.get(labels) {
            return *place;
        }
        let place = self.series.len();
        self.series.push((labels.clone(), Columns { times: Vec::new(), values: Vec::new() }));
        self.places.insert(labels.clone(), place);
        self.names.entry(labels.name().to_owned()).or_default().push(place);
        place
    }

    /// Adds a sample. A series keeps the first sample of a time: as in Prometheus a second one is dropped, and so is one that
    /// comes too late.
    pub(super) fn append(&mut self, labels: &Labels, t: TimestampMs, v: f64) {
        let place = self.place(labels);
        let columns = &mut self.series[place].1;
        // Samples of the test are there in advance.
        let at = columns.times.partition_point(|time| *time < t);
        let is_newest = columns.times.get(at).is_none_or(|next| *next > t && *next > self.until);
        if is_newest {
            columns.times.insert(at, t);
            columns.values.insert(at, v);
        }
    }
}

impl Source for Samples {
    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        let end = end.min(self.until);
        let named = |list: &Vec<Matcher>| {
            list.iter().find_map(|matcher| match &matcher.op {
                MatchOp::Equal(name) if matcher.name == NAME_LABEL => Some(name.clone()),
                _ => None,
            })
        };
        let mut places: Vec<usize> = match matchers.iter().map(named).collect::<Option<Vec<_>>>() {
            Some(names) => names.iter().flat_map(|name| self.names.get(name).into_iter().flatten().copied()).collect(),
            None => (0..self.series.len()).collect(),
        };
        places.sort_unstable();
        places.dedup();
        for (labels, columns) in places.into_iter().map(|place| &self.series[place]) {
            let (from, to) = (columns.times.partition_point(|t| *t < start), columns.times.partition_point(|t| *t <= end));
            let accepts = |list: &Vec<Matcher>| list.iter().all(|matcher| matcher.accepts(labels.get(&matcher.name).unwrap_or("")));
            if from < to && matchers.iter().any(accepts) {
                sink.begin(labels)?;
                sink.piece(&Columns { times: columns.times[from..to].to_vec(), values: columns.values[from..to].to_vec() })?;
            }
        }
        Ok(())
    }
}
