//! Counting lines by stream, part of time and severity, without a list of them.
//!
//! A block whose wanted runs each lie within one part of time is counted by its directory alone. Else its times are decoded; those of a run
//! rise, so that the border between two parts is found by halving.

use std::ops::ControlFlow;

use super::block::Entry;
use super::rows::Rows;
use crate::logs::record::{Parts, Severity, Tally, TimeNs};
use crate::model::Labels;

struct Count {
    run: u32,
    severity: Severity,
    part: u64,
    lines: u64,
}

/// What was counted of a block, or of a stream in memory.
pub(super) struct Counted {
    /// The labels of each run.
    labels: Vec<Labels>,
    counts: Vec<Count>,
}

impl Counted {
    pub(super) fn pass(&self, each: &mut dyn FnMut(&Tally<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.counts.iter().try_for_each(|count| {
            let labels = &self.labels[count.run as usize];
            each(&Tally { labels, severity: count.severity, part: count.part, lines: count.lines })
        })
    }
}

/// Counts lines within `[start, end)`.
pub(super) struct Counter<'p> {
    start: TimeNs,
    end: TimeNs,
    parts: Parts<'p>,
    counts: Vec<Count>,
}

impl<'p> Counter<'p> {
    pub(super) fn new((start, end): (TimeNs, TimeNs), parts: Parts<'p>) -> Self {
        Self { start, end, parts, counts: Vec::new() }
    }

    /// What was counted; none without any line.
    pub(super) fn finish(self, labels: Vec<Labels>) -> Option<Counted> {
        (!self.counts.is_empty()).then_some(Counted { labels, counts: self.counts })
    }

    fn add(&mut self, run: u32, part: u64, severity: Severity, lines: u64) {
        match self.counts.last_mut().filter(|last| (last.run, last.part, last.severity) == (run, part, severity)) {
            Some(last) => last.lines += lines,
            None => self.counts.push(Count { run, severity, part, lines }),
        }
    }

    /// Counts by what the directory says of a block; false where that is not enough, and nothing is counted then.
    pub(super) fn by_directory(&mut self, block: &Entry, wanted: &[bool]) -> bool {
        if self.parts.levels {
            return false;
        }
        let (of, start, end) = (self.parts.of, self.start, self.end);
        let runs = || (0u32..).zip(&block.runs).filter(|(_, run)| wanted[run.stream as usize] && run.first < end && run.last >= start);
        if !runs().all(|(_, run)| run.first >= start && run.last < end && of(run.first) == of(run.last)) {
            return false;
        }
        for (at, run) in runs() {
            if let Some(part) = of(run.first) {
                self.add(at, part, Severity::default(), u64::from(run.rows));
            }
        }
        true
    }

    /// Counts lines of wanted runs of a block, whose times rise.
    pub(super) fn by_times(&mut self, block: &Entry, wanted: &[bool], rows: &Rows) {
        let mut from = 0;
        for (at, run) in (0u32..).zip(&block.runs) {
            let end = from + run.rows as usize;
            if wanted[run.stream as usize]
                && let (Some(times), Some(severities)) = (rows.times.get(from..end), rows.severities.get(from..end))
            {
                self.rising(at, times, severities);
            }
            from = end;
        }
    }

    fn rising(&mut self, run: u32, times: &[TimeNs], severities: &[u8]) {
        let mut from = times.partition_point(|time| *time < self.start);
        let end = times.partition_point(|time| *time < self.end);
        while from < end {
            let part = (self.parts.of)(times[from]);
            let until = from + times[from..end].partition_point(|time| (self.parts.of)(*time) == part);
            // A time that is the only one of its part is its own border.
            let until = until.max(from + 1);
            if let Some(part) = part {
                self.levels(run, part, &severities[from..until]);
            }
            from = until;
        }
    }

    fn levels(&mut self, run: u32, part: u64, severities: &[u8]) {
        if !self.parts.levels {
            return self.add(run, part, Severity::default(), severities.len() as u64);
        }
        let mut of_each = [0u64; 256];
        severities.iter().for_each(|severity| of_each[usize::from(*severity)] += 1);
        for (severity, lines) in (0..=u8::MAX).zip(of_each).filter(|(_, lines)| *lines > 0) {
            self.add(run, part, Severity(severity), lines);
        }
    }

    /// Counts lines in memory, which lie as they came.
    pub(super) fn unordered(&mut self, rows: &Rows) {
        for (time, severity) in rows.times.iter().zip(&rows.severities) {
            if (self.start..self.end).contains(time)
                && let Some(part) = (self.parts.of)(*time)
            {
                let severity = if self.parts.levels { Severity(*severity) } else { Severity::default() };
                self.add(0, part, severity, 1);
            }
        }
    }
}
