//! Detects metrics of one request whose names map to the same one, such as `a.b` and `a_b`, so that they do not share series.
//!
//! A name with one metric costs one entry; labels of points are compared only from the second metric on.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::attributes::Pairs;
use super::rows::Row;
use crate::model::{Labels, NAME_LABEL};

/// Labels that differ between the series of one point.
const WITHIN_A_POINT: [&str; 3] = [NAME_LABEL, "le", "quantile"];

/// The metrics of one name.
struct Named<'a> {
    /// The first metric.
    first: &'a str,
    /// Its rows, while it is the only one.
    rows: Vec<Range<usize>>,
    /// With several metrics: the metric of each point, by labels.
    owners: Option<FxHashMap<Labels, &'a str>>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Clashes<'a>(FxHashMap<String, Named<'a>>);

impl<'a> Clashes<'a> {
    /// Starts a metric that maps to a name.
    pub(super) fn begin(&mut self, name: &str, metric: &'a str, rows: &[Row]) {
        let Some(named) = self.0.get_mut(name) else {
            self.0.insert(name.to_owned(), Named { first: metric, rows: Vec::new(), owners: None });
            return;
        };
        if named.first != metric && named.owners.is_none() {
            let rows = named.rows.drain(..).flat_map(|range| rows.get(range).unwrap_or_default());
            let owner = named.first;
            named.owners = Some(rows.filter(|row| row.point.is_some()).map(|row| (row.labels.without(&WITHIN_A_POINT), owner)).collect());
        }
    }

    /// Claims the labels of a point for a metric; the error is the metric that already has them.
    pub(super) fn claim(&mut self, name: &str, metric: &'a str, pairs: &Pairs) -> Result<(), &'a str> {
        let Some(owners) = self.0.get_mut(name).and_then(|named| named.owners.as_mut()) else { return Ok(()) };
        let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let labels = Labels::of(pairs.filter(|(name, _)| !WITHIN_A_POINT.contains(name)).collect());
        let owner = *owners.entry(labels).or_insert(metric);
        if owner == metric { Ok(()) } else { Err(owner) }
    }

    /// Ends a metric with its rows.
    pub(super) fn end(&mut self, name: &str, rows: Range<usize>) {
        if let Some(named) = self.0.get_mut(name)
            && named.owners.is_none()
            && !rows.is_empty()
        {
            named.rows.push(rows);
        }
    }
}
