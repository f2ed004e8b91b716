//! What records a store keeps: log lines or spans. Two stores of one code, each with a folder, a journal and bounds of its own.

use crate::store::journal::Place;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Log lines.
    Lines,
    /// Spans of traces (`crate::span_store`).
    Spans,
}

impl Kind {
    /// The folder in a data directory.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Lines => "logs",
            Self::Spans => "traces",
        }
    }

    /// The section of the settings.
    pub(super) const fn section(self) -> &'static str {
        self.folder()
    }

    /// What it keeps, in words.
    pub(crate) const fn holds(self) -> &'static str {
        match self {
            Self::Lines => "log lines",
            Self::Spans => "spans",
        }
    }

    /// The journal in a data directory.
    pub(super) const fn journal(self) -> Place {
        match self {
            Self::Lines => Place { folder: "logs/journal", holds: self.holds() },
            Self::Spans => Place { folder: "traces/journal", holds: self.holds() },
        }
    }

    /// Bytes of text at which a block is cut. A trace is read from a block of each of its services: those of spans are smaller.
    pub(super) const fn block_text(self) -> usize {
        match self {
            Self::Lines => 1 << 20,
            Self::Spans => 512 << 10,
        }
    }

    /// Streams with less text share blocks.
    pub(super) const fn own_block(self) -> usize {
        self.block_text() / 4
    }
}
