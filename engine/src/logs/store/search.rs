//! What a reader looks for in blocks: texts of bodies, and the lines of a trace.

use memchr::memmem::Finder;

use super::filter::{Filter as BlockFilter, Pieces, TracePlaces};
use crate::logs::record::{Filter, TRACE_LABEL};
use crate::model::Labels;

/// See the module.
pub(super) struct Search<'a> {
    pub(super) finders: Vec<Finder<'a>>,
    pieces: Vec<Pieces>,
    trace: Option<TracePlaces>,
}

impl<'a> Search<'a> {
    pub(super) fn of(filter: &'a Filter) -> Self {
        let mut needles: Vec<&[u8]> = filter.needles.iter().map(Vec::as_slice).filter(|needle| !needle.is_empty()).collect();
        // The longest is the rarest, as far as one can know.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        let pieces = needles.iter().map(|needle| Pieces::of(needle)).filter(Pieces::prune).collect();
        let trace = filter.trace.as_ref().map(|id| TracePlaces::of(id.as_bytes()));
        Self { finders: needles.into_iter().map(Finder::new).collect(), pieces, trace }
    }

    /// Whether a filter could say no of a block with these streams.
    pub(super) fn prunes(&self, streams: &[Labels]) -> bool {
        !self.pieces.is_empty() || self.trace_of(streams).is_some()
    }

    /// The trace that is looked for; none where a stream has a label of that name, which stands before the traces of lines.
    fn trace_of(&self, streams: &[Labels]) -> Option<TracePlaces> {
        self.trace.filter(|_| streams.iter().all(|labels| labels.get(TRACE_LABEL).is_none()))
    }

    /// Whether a block with this filter and these streams may have it.
    pub(super) fn may_be_in(&self, table: &BlockFilter, streams: &[Labels]) -> bool {
        self.pieces.iter().all(|pieces| table.may_hold(pieces)) && self.trace_of(streams).is_none_or(|trace| table.may_hold_trace(&trace))
    }
}
