//! Which rows of a block are wanted.

use memchr::memmem::Finder;

use super::block::{Entry, Run};
use super::rows::Rows;
use crate::logs::record::TimeNs;

/// A wanted row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(super) row: u32,
    /// The run that it is in.
    pub(super) run: u32,
}

/// The runs of a block, and which of them are wanted.
pub(super) struct Runs(Vec<(u32, bool)>);

impl Runs {
    /// All rows in one run.
    pub(super) fn all(rows: usize) -> Self {
        Self(vec![(rows as u32, true)])
    }

    pub(super) fn of(block: &Entry, wanted: impl Fn(&Run) -> bool) -> Self {
        Self(block.runs.iter().map(|run| (run.rows, wanted(run))).collect())
    }
}

/// The rows of wanted runs within `[start, end)` whose bodies have all needles; by time if that is asked for.
pub(super) fn picks(rows: &Rows, runs: &Runs, (start, end): (TimeNs, TimeNs), needles: &[Finder<'_>], by_time: bool) -> Vec<Pick> {
    let inside = |row: usize| rows.times.get(row).is_some_and(|time| (start..end).contains(time));
    let holds = |row: usize, needles: &[Finder<'_>]| needles.iter().all(|needle| needle.find(rows.body(row)).is_some());
    let mut found = Vec::new();
    if rows.gap > 0
        && let Some((first, others)) = needles.split_first()
    {
        // The bodies as one text: most of it has nothing, and is passed at the speed of memory.
        let mut places = runs.places();
        let mut current = places.next();
        for row in hits(rows, first) {
            while current.as_ref().is_some_and(|(_, range, _)| row >= range.end) {
                current = places.next();
            }
            let Some((run, _, wanted)) = &current else { break };
            if *wanted && inside(row) && holds(row, others) {
                found.push(Pick { row: row as u32, run: *run });
            }
        }
    } else {
        for (run, range, _) in runs.places().filter(|(_, _, wanted)| *wanted) {
            found.extend(range.filter(|row| inside(*row) && holds(*row, needles)).map(|row| Pick { row: row as u32, run }));
        }
    }
    let time = |pick: &Pick| rows.times[pick.row as usize];
    if by_time && !found.is_sorted_by_key(time) {
        found.sort_by_key(time);
    }
    found
}

impl Runs {
    /// Number, rows and whether it is wanted of each run.
    fn places(&self) -> impl Iterator<Item = (u32, std::ops::Range<usize>, bool)> {
        let mut from = 0;
        (0u32..).zip(&self.0).map(move |(run, (rows, wanted))| {
            let range = from..from + *rows as usize;
            from = range.end;
            (run, range, *wanted)
        })
    }
}

/// The rows whose bodies have a needle, where bodies lie apart.
fn hits<'a>(rows: &'a Rows, needle: &'a Finder<'_>) -> impl Iterator<Item = usize> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + needle.find(rows.bodies.get(from..)?)?;
            let row = rows.body_ends.partition_point(|end| (*end as usize) < at);
            let end = *rows.body_ends.get(row)? as usize;
            from = end + rows.gap as usize;
            // Not where it goes on into the next body.
            if at + needle.needle().len() <= end {
                return Some(row);
            }
        }
    })
}
