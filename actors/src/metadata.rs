//! What programs say of their metrics: type, help and unit by name. Bounded, and published.

use std::collections::BTreeMap;

use taskpulse_engine::exposition::{Line, METRIC_TYPES};
use taskpulse_engine::words::learn;
use tokio::sync::watch;

use crate::view::MetricMetadata;

/// Metrics whose metadata is kept.
const MAX_METRICS: usize = 20_000;
/// Bytes of a name; metadata of a longer one is not kept.
const MAX_NAME: usize = 1_024;
/// Characters of a help text or unit; the rest is cut off.
const MAX_HELP: usize = 500;

/// Metadata by the metric's name.
pub type MetadataByName = BTreeMap<String, MetricMetadata>;

/// What one program says of its metrics.
#[derive(Debug, Default, Clone)]
pub struct Metadata(MetadataByName);

impl Metadata {
    /// Adds what a line says of a metric.
    pub fn note(&mut self, line: &Line<'_>) {
        let mut set = |name: &str, f: &dyn Fn(&mut MetricMetadata)| {
            // A name that is cut off would be another metric's.
            if name.len() <= MAX_NAME {
                let unknown = || MetricMetadata { kind: METRIC_TYPES[0].to_owned(), ..MetricMetadata::default() };
                f(self.0.entry(name.to_owned()).or_insert_with(unknown));
            }
        };
        let cut = |text: &str| text.chars().take(MAX_HELP).collect::<String>();
        match line {
            Line::Type(name, kind) => set(name, &|meta| meta.kind = (*kind).to_owned()),
            Line::Help(name, help) => set(name, &|meta| meta.help = cut(help)),
            Line::Unit(name, unit) => set(name, &|meta| meta.unit = cut(unit)),
            Line::Sample { .. } => {}
        }
    }
}

/// What is known of the metrics of other programs. Cheap to clone; all clones record in the same place.
#[derive(Debug, Clone, Default)]
pub struct MetadataRegistry(watch::Sender<MetadataByName>);

impl MetadataRegistry {
    /// The newest metadata of all metrics.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<MetadataByName> {
        self.0.subscribe()
    }

    /// Records what a program says; names beyond the bound are left out.
    pub fn record(&self, new: Metadata) {
        self.0.send_if_modified(|known| {
            let mut changed = false;
            for (name, meta) in new.0 {
                let same = known.get(&name) == Some(&meta);
                if !same && (known.len() < MAX_METRICS || known.contains_key(&name)) {
                    learn(&name, &meta.help);
                    known.insert(name, meta);
                    changed = true;
                }
            }
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, help: &str) -> Metadata {
        let mut metadata = Metadata::default();
        metadata.note(&Line::Help(name.into(), help.into()));
        metadata
    }

    #[test]
    fn metadata_is_bounded_in_names_and_text_and_published_where_it_is_new() {
        let registry = MetadataRegistry::default();
        let mut published = registry.subscribe();
        (0..=MAX_METRICS).for_each(|n| registry.record(said(&format!("m{n}"), "first")));
        assert_eq!(published.borrow_and_update().len(), MAX_METRICS);
        registry.record(said("m7", "first"));
        assert!(!published.has_changed().unwrap(), "it was known");
        registry.record(said("m7", &"x".repeat(2 * MAX_HELP)));
        assert_eq!(published.borrow_and_update()["m7"].help.len(), MAX_HELP, "one that is known may change");
        let long = "n".repeat(MAX_NAME + 1);
        let fresh = MetadataRegistry::default();
        fresh.record(said(&long, "first"));
        assert!(fresh.subscribe().borrow().is_empty());
    }
}
