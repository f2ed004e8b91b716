//! Which documents changed last, so that who knows the others reads these alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Changes that are remembered of a kind. Who missed more of them reads all.
const MOST: usize = 2_000;

/// The newest changes by kind. They are those of this process: a version says nothing after a start.
#[derive(Default)]
pub(super) struct Recent(BTreeMap<String, OfKind>);

#[derive(Default)]
struct OfKind {
    /// How many documents were changed so far.
    version: u64,
    /// The keys of the newest of them.
    keys: VecDeque<String>,
}

impl Recent {
    pub(super) fn add(&mut self, kind: &str, keys: Vec<String>) {
        let known = self.0.entry(kind.to_owned()).or_default();
        known.version += keys.len() as u64;
        known.keys.extend(keys);
        known.keys.drain(..known.keys.len().saturating_sub(MOST));
    }

    /// The version now, and the keys that changed since a version; none where they are not remembered.
    pub(super) fn since(&self, kind: &str, known: Option<u64>) -> (u64, Option<BTreeSet<String>>) {
        let Some(of) = self.0.get(kind) else { return (0, known.map(|_| BTreeSet::new())) };
        let missed = known.and_then(|known| usize::try_from(of.version.checked_sub(known)?).ok());
        let keys = missed.filter(|missed| *missed <= of.keys.len()).map(|missed| of.keys.iter().rev().take(missed).cloned().collect());
        (of.version, keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_since_a_version_is_given_once_and_all_is_read_where_it_is_forgotten() {
        let mut recent = Recent::default();
        let keys = |keys: &[&str]| -> BTreeSet<String> { keys.iter().map(|key| (*key).to_owned()).collect() };
        assert_eq!(recent.since("a", None), (0, None));
        assert_eq!(recent.since("a", Some(0)), (0, Some(keys(&[]))));
        recent.add("a", vec!["x".to_owned(), "y".to_owned()]);
        recent.add("b", vec!["z".to_owned()]);
        recent.add("a", vec!["x".to_owned()]);
        assert_eq!(recent.since("a", Some(0)), (3, Some(keys(&["x", "y"]))));
        assert_eq!(recent.since("a", Some(2)), (3, Some(keys(&["x"]))));
        assert_eq!(recent.since("a", Some(3)), (3, Some(keys(&[]))));
        assert_eq!(recent.since("a", Some(9)), (3, None), "of another process");
        recent.add("a", (0..MOST).map(|n| n.to_string()).collect());
        assert_eq!(recent.since("a", Some(2)).1, None);
        assert_eq!(recent.since("a", Some(3)).1.map(|keys| keys.len()), Some(MOST));
    }
}
