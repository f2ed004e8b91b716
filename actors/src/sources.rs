//! The sources and how each is doing: whoever reads a source reports here, and the newest state of all is published.
//!
//! Nothing here is a truth of its own: a source that is not reported after a restart is not known.

use std::collections::BTreeMap;

use taskpulse_engine::model::TimestampMs;
use tokio::sync::watch;

use crate::clock::now_ms;
use crate::view::{Source, SourceState, seconds};

/// Sources by name.
pub type SourcesByName = BTreeMap<String, Source>;

/// Where the state of sources is reported. Cheap to clone; all clones report to the same place.
#[derive(Debug, Clone, Default)]
pub struct SourceRegistry(watch::Sender<SourcesByName>);

impl SourceRegistry {
    /// The newest state of all sources.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<SourcesByName> {
        self.0.subscribe()
    }

    /// It gave so many samples, the newest at `newest`.
    pub fn up(&self, source: &str, samples: usize, newest: TimestampMs) {
        self.works(source, samples, newest, None);
    }

    /// As [`SourceRegistry::up`], but something of it is wrong.
    pub fn partly(&self, source: &str, samples: usize, newest: TimestampMs, reason: impl Into<String>) {
        self.works(source, samples, newest, Some(reason.into()));
    }

    /// It cannot be read.
    pub fn failing(&self, source: &str, reason: impl Into<String>) {
        self.change(source, SourceState::Failing, Some(reason.into()), None, |_| ());
    }

    /// There is nothing to read; `hint` says what would change that.
    pub fn absent(&self, source: &str, reason: impl Into<String>, hint: impl Into<String>) {
        self.change(source, SourceState::Absent, Some(reason.into()), Some(hint.into()), |_| ());
    }

    /// It is no longer watched.
    pub fn remove(&self, source: &str) {
        self.0.send_if_modified(|sources| sources.remove(source).is_some());
    }

    fn works(&self, source: &str, samples: usize, newest: TimestampMs, reason: Option<String>) {
        self.change(source, SourceState::Up, reason, None, |source| {
            source.samples += samples as u64;
            if samples > 0 {
                source.last_sample = Some(seconds(newest));
            }
        });
    }

    /// Sets the state of a source, and logs it where it is new.
    fn change(&self, name: &str, state: SourceState, reason: Option<String>, hint: Option<String>, count: impl FnOnce(&mut Source)) {
        let mut changed = false;
        self.0.send_modify(|sources| {
            if let Some(source) = sources.get_mut(name) {
                changed = source.state != state;
                count(source);
                (source.state, source.reason, source.hint) = (state, reason.clone(), hint);
                if changed {
                    source.since = seconds(now_ms());
                }
                return;
            }
            changed = true;
            let since = seconds(now_ms());
            let mut source = Source { source: name.to_owned(), state, reason: reason.clone(), hint, since, last_sample: None, samples: 0 };
            count(&mut source);
            sources.insert(name.to_owned(), source);
        });
        if changed {
            log(name, state, reason.as_deref());
        }
    }
}

fn log(source: &str, state: SourceState, reason: Option<&str>) {
    match state {
        SourceState::Up => log::info!("source {source}: up"),
        SourceState::Failing => log::warn!("source {source}: failing: {}", reason.unwrap_or("no reason known")),
        SourceState::Absent => log::info!("source {source}: absent: {}", reason.unwrap_or("nothing to watch")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_published_and_since_stands_while_the_state_does() {
        let registry = SourceRegistry::default();
        let mut published = registry.subscribe();
        registry.absent("system", "switched off", "switch it on");
        registry.partly("system", 3, 5_000, "one disk cannot be read");
        assert!(published.has_changed().is_ok_and(|changed| changed));
        let first = published.borrow_and_update()["system"].clone();
        assert_eq!((first.state, first.samples, first.last_sample), (SourceState::Up, 3, Some(5.0)));
        assert_eq!((first.reason.as_deref(), first.hint.as_deref()), (Some("one disk cannot be read"), None));
        registry.up("system", 0, 9_000);
        let then = published.borrow_and_update()["system"].clone();
        assert_eq!(then, Source { reason: None, ..first });
        registry.failing("system", "gone");
        assert_eq!(published.borrow_and_update()["system"].state, SourceState::Failing);
        registry.remove("system");
        assert!(published.borrow_and_update().is_empty());
        registry.remove("system");
        assert!(!published.has_changed().unwrap(), "nothing was removed");
    }
}
