//! Metrics of one request whose different names become the same one, `a.b` and `a_b`: none of them goes on with a series of another.
//!
//! A name that only one metric has costs an entry; the labels of its points are looked at once a second metric comes to it.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::attributes::Pairs;
use super::convert::Row;
use crate::model::{Labels, NAME_LABEL};

/// Labels that tell the series of one point apart.
const WITHIN_A_POINT: [&str; 3] = [NAME_LABEL, "le", "quantile"];

/// What came to one name.
struct Named<'a> {
    /// The metric that was the first.
    first: &'a str,
    /// Its rows, as long as no other came.
    rows: Vec<Range<usize>>,
    /// Then: the metric of each point, by its labels.
    owners: Option<FxHashMap<Labels, &'a str>>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Clashes<'a>(FxHashMap<String, Named<'a>>);

impl<'a> Clashes<'a> {
    /// A metric comes to a name.
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

    /// Whether a point of the metric may have these labels; if not, whose they are.
    pub(super) fn claim(&mut self, name: &str, metric: &'a str, pairs: &Pairs) -> Result<(), &'a str> {
        let Some(owners) = self.0.get_mut(name).and_then(|named| named.owners.as_mut()) else { return Ok(()) };
        let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let labels = Labels::of(pairs.filter(|(name, _)| !WITHIN_A_POINT.contains(name)).collect());
        let owner = *owners.entry(labels).or_insert(metric);
        if owner == metric { Ok(()) } else { Err(owner) }
    }

    /// The metric is done; these are its rows.
    pub(super) fn end(&mut self, name: &str, rows: Range<usize>) {
        if let Some(named) = self.0.get_mut(name)
            && named.owners.is_none()
            && !rows.is_empty()
        {
            named.rows.push(rows);
        }
    }
}
