//! The metrics with the most series, and the labels with the most values.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::SeriesIndex;
use crate::model::NAME_LABEL;

/// Names that a status lists.
const TOP: usize = 10;

/// A name and how many series have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// A metric, or a label.
    pub name: String,
    /// Series with it.
    pub series: u64,
    /// Values of the label; none for a metric.
    pub values: Option<usize>,
}

impl SeriesIndex {
    /// The metrics with the most series.
    pub(in crate::store) fn top_metrics(&self) -> Vec<Share> {
        let live = self.postings.get(NAME_LABEL).into_iter().flatten();
        let mut series: FxHashMap<String, u64> = live.map(|(name, ids)| (name.to_string(), self.list(*ids).len())).collect();
        self.dormant.metrics(&mut series);
        top(series.into_iter().map(|(name, series)| Share { name, series, values: None }), |share| share.series)
    }

    /// The labels with the most values.
    pub(in crate::store) fn top_labels(&self) -> Vec<Share> {
        let live = |name: &str| {
            let values = self.postings.get(name)?;
            Some((values.values().map(|ids| self.list(*ids).len()).sum::<u64>(), values))
        };
        let mut shares: BTreeMap<String, (u64, usize)> = BTreeMap::new();
        for (name, share) in self.dormant.shares(|name| live(name).map(|(series, values)| (series, values.keys().map(AsRef::as_ref)))) {
            shares.insert(name, (share.series, share.values));
        }
        for (name, values) in &self.postings {
            if !shares.contains_key(name.as_ref()) {
                shares.insert(name.to_string(), (live(name).map_or(0, |(series, _)| series), values.len()));
            }
        }
        shares.remove(NAME_LABEL);
        top(shares.into_iter().map(|(name, (series, values))| Share { name, series, values: Some(values) }), |share| {
            share.values.unwrap_or(0) as u64
        })
    }
}

pub(super) fn top(shares: impl Iterator<Item = Share>, weight: impl Fn(&Share) -> u64) -> Vec<Share> {
    let mut shares: Vec<Share> = shares.collect();
    shares.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.name.cmp(&b.name)));
    shares.truncate(TOP);
    shares
}
