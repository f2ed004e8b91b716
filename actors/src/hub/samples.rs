//! Samples as JSON. This is the hot path of the hub, so the text is written by hand, and the labels of a series are written once.

use std::fmt::Write;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use taskpulse_engine::model::{SeriesId, TimestampMs, push_point};
use taskpulse_engine::store::StoreReader;

use crate::series_cache::clear_when_full;

/// Bytes of all labels in the cache.
const MAX_LABEL_BYTES: usize = 32 << 20;

/// Writes samples; remembers the labels of series as text.
#[derive(Debug)]
pub(super) struct SamplesWriter {
    labels: FxHashMap<SeriesId, Arc<str>>,
    bytes: usize,
    max_bytes: usize,
}

impl Default for SamplesWriter {
    fn default() -> Self {
        Self { labels: FxHashMap::default(), bytes: 0, max_bytes: MAX_LABEL_BYTES }
    }
}

impl SamplesWriter {
    fn labels(&mut self, id: SeriesId, store: &StoreReader) -> Arc<str> {
        if let Some(known) = self.labels.get(&id) {
            return Arc::clone(known);
        }
        let text = store.labels(id).and_then(|labels| serde_json::to_string(&labels).ok()).unwrap_or_else(|| "{}".to_owned());
        if self.bytes + text.len() > self.max_bytes {
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
    pub(super) fn write(&mut self, rows: &[(SeriesId, TimestampMs, f64)], store: &StoreReader) -> String {
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
            for n in 0..40 {
                stage.append(&Labels::metric("m", &[("n", &n.to_string())]), 1.0);
            }
            let mut writer = SamplesWriter { max_bytes: 200, ..SamplesWriter::default() };
            for (n, id) in stage.store.select(&[]).into_iter().enumerate() {
                let text = writer.write(&[(id, 1_000, 2.0)], &stage.store);
                assert_eq!(text, format!(r#"[{{"metric":{{"__name__":"m","n":"{n}"}},"values":[[1,"2"]]}}]"#));
                let bytes: usize = writer.labels.values().map(|text| text.len()).sum();
                assert!(bytes == writer.bytes && bytes <= writer.max_bytes, "{bytes}");
            }
        });
    }
}
