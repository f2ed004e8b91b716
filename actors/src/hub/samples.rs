//! Samples as JSON. This is the hot path of the hub, so the text is written by hand, and the labels of a series are written once.

use std::fmt::Write;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use taskpulse_engine::model::{SeriesId, TimestampMs, push_point};
use taskpulse_engine::store::Store;

use crate::series_cache::clear_when_full;

/// Bytes of all labels in the cache.
const MAX_LABEL_BYTES: usize = 32 << 20;

/// Writes samples; remembers the labels of series as text.
#[derive(Debug, Default)]
pub(super) struct SamplesWriter {
    labels: FxHashMap<SeriesId, Arc<str>>,
    bytes: usize,
}

impl SamplesWriter {
    fn labels(&mut self, id: SeriesId, store: &Store) -> Arc<str> {
        if let Some(known) = self.labels.get(&id) {
            return Arc::clone(known);
        }
        let text = store.labels(id).and_then(|labels| serde_json::to_string(&labels).ok()).unwrap_or_else(|| "{}".to_owned());
        if self.bytes + text.len() > MAX_LABEL_BYTES {
            self.labels = FxHashMap::default();
        }
        clear_when_full(&mut self.labels);
        if self.labels.is_empty() {
            self.bytes = 0;
        }
        self.bytes += text.len();
        let text: Arc<str> = text.into();
        self.labels.insert(id, Arc::clone(&text));
        text
    }

    /// `[{"metric":{…},"values":[[t,"v"],…]},…]`, rows of one series together.
    pub(super) fn write(&mut self, rows: &[(SeriesId, TimestampMs, f64)], store: &Store) -> String {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&at| (rows[at].0, rows[at].1));
        let mut out = String::with_capacity(rows.len() * 96);
        out.push('[');
        let mut open: Option<SeriesId> = None;
        for at in order {
            let (id, t, v) = rows[at];
            if open == Some(id) {
                out.push(',');
            } else {
                if open.is_some() {
                    out.push_str("]},");
                }
                let labels = self.labels(id, store);
                let _ = write!(out, "{{\"metric\":{labels},\"values\":[");
                open = Some(id);
            }
            push_point(&mut out, t, v);
        }
        if open.is_some() {
            out.push_str("]}");
        }
        out.push(']');
        out
    }
}

#[cfg(test)]
mod tests {
    use taskpulse_engine::model::Labels;

    use super::*;
    use crate::testing::on_stage;

    #[test]
    fn labels_in_the_cache_are_bounded_in_bytes() {
        on_stage(async |stage| {
            let long = "x".repeat(60_000);
            let mut writer = SamplesWriter::default();
            for n in 0..2 * MAX_LABEL_BYTES / long.len() {
                stage.append(&Labels::metric("m", &[("n", &n.to_string()), ("long", &long)]), 1.0);
            }
            for id in stage.store.select(&[]) {
                assert!(writer.write(&[(id, 1, 2.0)], &stage.store).contains(&long));
                let bytes: usize = writer.labels.values().map(|text| text.len()).sum();
                assert!(bytes == writer.bytes && bytes <= MAX_LABEL_BYTES);
            }
        });
    }
}
