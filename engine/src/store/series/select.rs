//! Questions to the index: series by matchers, names and values of labels.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

use roaring::RoaringBitmap;

use super::super::segment::ValueCursor;
use super::SeriesIndex;
use crate::model::{MatchOp, Matcher, Pattern};

/// How long values are matched while the index is held, and after how many values the time is checked.
const MATCHING_TIME: Duration = Duration::from_millis(1);
const MATCHED_AT_ONCE: usize = 16;

impl SeriesIndex {
    /// About how many series a selection has to check one by one.
    pub(in crate::store) fn work(&self, matchers: &[Matcher]) -> usize {
        self.live.len() + self.dormant.work(matchers)
    }

    /// The series that all matchers accept.
    pub(in crate::store) fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let mut found = self.select_live(matchers);
        self.dormant.select(matchers, &mut found);
        found
    }

    fn select_live(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let mut found: Option<RoaringBitmap> = None;
        // Equality first: it leaves few values for the regular expressions to match.
        let (equal, other): (Vec<_>, Vec<_>) = matchers.iter().partition(|m| matches!(m.op, MatchOp::Equal(_)));
        for matcher in equal.into_iter().chain(other) {
            let accepted = self.accepted(matcher);
            let narrowed = match found {
                Some(so_far) => so_far & accepted,
                None => accepted,
            };
            if narrowed.is_empty() {
                return narrowed;
            }
            found = Some(narrowed);
        }
        found.unwrap_or_else(|| self.all.clone())
    }

    fn accepted(&self, matcher: &Matcher) -> RoaringBitmap {
        let Some(values) = self.postings.get(matcher.name.as_str()) else {
            return if matcher.accepts("") { self.all.clone() } else { RoaringBitmap::new() };
        };
        if let MatchOp::Equal(value) = &matcher.op
            && !value.is_empty()
        {
            return values.get(value.as_str()).map(|ids| self.list(*ids).to_bitmap()).unwrap_or_default();
        }
        // The series of a few words, rather than those of all values.
        let of_words = |pattern: &Pattern| {
            let mut ids = RoaringBitmap::new();
            pattern.as_words()?.filter_map(|word| values.get(word)).for_each(|place| self.list(*place).add_to(&mut ids));
            Some(ids)
        };
        match &matcher.op {
            MatchOp::Matches(pattern) if !pattern.is_match("") => {
                if let Some(ids) = of_words(pattern) {
                    return ids;
                }
            }
            MatchOp::NotMatches(pattern) if !pattern.is_match("") => {
                if let Some(ids) = of_words(pattern) {
                    return &self.all - ids;
                }
            }
            _ => {}
        }
        if matcher.accepts("") {
            // Series without the label are accepted too, so take away what is refused.
            let mut accepted = self.all.clone();
            values.iter().filter(|(value, _)| !matcher.accepts(value)).for_each(|(_, ids)| self.list(*ids).take_from(&mut accepted));
            return accepted;
        }
        let mut accepted = RoaringBitmap::new();
        values.iter().filter(|(value, _)| matcher.accepts(value)).for_each(|(_, ids)| self.list(*ids).add_to(&mut accepted));
        accepted
    }

    /// Adds the values of a label after `after` that match, as many as there is time for. Gives the last value that was checked if
    /// there are more.
    pub(in crate::store) fn matching_values(
        &self,
        name: &str,
        after: Option<&str>,
        matches: &dyn Fn(&str) -> bool,
        found: &mut Vec<Box<str>>,
    ) -> Option<Box<str>> {
        let begun = Instant::now();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let live = self.postings.get(name).map(|values| values.range::<str, _>((from, Bound::Unbounded)));
        let mut live = live.into_iter().flatten().map(|(value, _)| value.as_bytes()).peekable();
        let mut dormant = self.dormant.values_after(name, after);
        let mut value = Vec::new();
        for at in 1.. {
            let least = dormant.iter().filter_map(ValueCursor::value).chain(live.peek().copied()).min()?;
            value.clear();
            value.extend_from_slice(least);
            live.next_if(|there| *there == value);
            dormant.iter_mut().filter(|cursor| cursor.value() == Some(&value)).for_each(ValueCursor::advance);
            let Ok(text) = std::str::from_utf8(&value) else { continue };
            if matches(text) {
                found.push(text.into());
            }
            if at % MATCHED_AT_ONCE == 0 && begun.elapsed() > MATCHING_TIME {
                return Some(text.into());
            }
        }
        None
    }

    /// Label names of the given series, sorted.
    pub(in crate::store) fn label_names(&self, within: &RoaringBitmap) -> Vec<String> {
        let used = |values: &BTreeMap<Box<str>, u32>| values.values().any(|ids| self.list(*ids).meets(within));
        let mut names: BTreeSet<String> =
            self.postings.iter().filter(|(_, values)| used(values)).map(|(name, _)| name.to_string()).collect();
        self.dormant.label_names(within, &mut names);
        names.into_iter().collect()
    }

    /// Values of a label among the given series, sorted.
    pub(in crate::store) fn label_values(&self, name: &str, within: &RoaringBitmap) -> Vec<String> {
        let live = self.postings.get(name).into_iter().flatten();
        let mut values: BTreeSet<String> =
            live.filter(|(_, ids)| self.list(**ids).meets(within)).map(|(value, _)| value.to_string()).collect();
        self.dormant.label_values(name, within, &mut values);
        values.into_iter().collect()
    }

    /// All series.
    pub(in crate::store) fn all(&self) -> RoaringBitmap {
        let mut all = self.all.clone();
        self.dormant.all(&mut all);
        all
    }
}
