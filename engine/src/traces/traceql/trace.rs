//! A whole trace, as a query asks it: its root, its length, who is part of whom.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::logs::record::TimeNs;
use crate::traces::span::FullSpan;

/// A trace.
#[derive(Debug)]
pub(super) struct TraceView {
    /// By their starts.
    pub(super) spans: Vec<FullSpan>,
    /// Which span each is part of, where that is there.
    parents: Vec<Option<usize>>,
    children: Vec<i64>,
    root: Option<usize>,
    end: TimeNs,
}

impl TraceView {
    /// Of the spans of a trace, in any order. None of no spans.
    pub(super) fn new(mut spans: Vec<FullSpan>) -> Option<Self> {
        spans.sort_by_key(|span| (span.span.start, span.span.span));
        let end = spans.iter().map(|span| span.span.end.max(span.span.start)).max()?;
        let mut by_id = FxHashMap::default();
        for (at, span) in spans.iter().enumerate() {
            if let Entry::Vacant(entry) = by_id.entry(span.span.span) {
                entry.insert(at);
            }
        }
        let mut children = vec![0; spans.len()];
        let parents: Vec<Option<usize>> = spans
            .iter()
            .enumerate()
            .map(|(at, span)| by_id.get(&span.span.parent).copied().filter(|parent| *parent != at && !span.span.is_root()))
            .collect();
        for parent in parents.iter().flatten() {
            children[*parent] += 1;
        }
        let root = spans.iter().position(|span| span.span.is_root());
        Some(Self { spans, parents, children, root, end })
    }

    /// The span that is part of no other; the first, where there are several.
    pub(super) fn root(&self) -> Option<&FullSpan> {
        self.root.map(|at| &self.spans[at])
    }

    /// When the first span began.
    pub(super) fn start(&self) -> TimeNs {
        self.spans.first().map_or(0, |span| span.span.start)
    }

    /// From the first start to the last end, in nanoseconds.
    pub(super) fn nanos(&self) -> i64 {
        self.end.saturating_sub(self.start())
    }

    /// How many spans are directly part of one.
    pub(super) fn children(&self, at: usize) -> i64 {
        self.children[at]
    }

    /// The span that one is part of.
    pub(super) fn parent(&self, at: usize) -> Option<usize> {
        self.parents[at]
    }
}
