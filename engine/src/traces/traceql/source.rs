//! Where spans are read from: the store, or memory in tests.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::logs::record::{SourceError, TimeNs};
use crate::promql::EvalError;
use crate::span_store::TraceReader;
use crate::traces::span::FullSpan;

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum TraceqlError {
    /// It is no TraceQL, or its time or memory is used up.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// Spans could not be read.
    #[error("spans cannot be read: {0}")]
    Read(String),
}

/// Which spans are read.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The first start of a span.
    pub start: TimeNs,
    /// The start after the last one.
    pub end: TimeNs,
    /// Of these services only; none for all.
    pub services: Option<Vec<String>>,
}

/// Where spans are read from.
pub trait Source {
    /// Passes each span that begins in a range on, the newest first, until `each` breaks.
    ///
    /// # Errors
    /// [`TraceqlError`] if spans could not be read.
    fn scan(&self, scan: &Scan, each: &mut dyn FnMut(&FullSpan) -> ControlFlow<()>) -> Result<(), TraceqlError>;

    /// The spans of a trace, in any order, with whether it has more than are given; none where there is no such trace.
    ///
    /// # Errors
    /// [`TraceqlError`] if spans could not be read.
    fn trace(&self, id: [u8; 16]) -> Result<(Vec<FullSpan>, bool), TraceqlError>;
}

/// The spans that are kept, until a time.
pub struct StoreSpans {
    reader: TraceReader,
    deadline: Instant,
}

impl StoreSpans {
    /// Reads that are not done by `deadline` fail.
    #[must_use]
    pub fn new(reader: &TraceReader, deadline: Instant) -> Self {
        Self { reader: reader.clone(), deadline }
    }

    /// The services with spans that begin within a range.
    ///
    /// # Errors
    /// [`TraceqlError`] if spans could not be read.
    pub fn services(&self, start: TimeNs, end: TimeNs) -> Result<Vec<String>, TraceqlError> {
        Ok(self.reader.services(start..end)?.into_iter().map(|(service, _)| service).collect())
    }
}

impl From<SourceError> for TraceqlError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Read(why) => Self::Read(why),
            SourceError::Bound(text) => Self::Eval(EvalError::Execution(text)),
        }
    }
}

impl Source for StoreSpans {
    fn scan(&self, scan: &Scan, each: &mut dyn FnMut(&FullSpan) -> ControlFlow<()>) -> Result<(), TraceqlError> {
        let wanted = scan.services.as_ref().map(|services| move |service: &str| services.iter().any(|wanted| wanted == service));
        let wanted = wanted.as_ref().map(|wanted| wanted as &dyn Fn(&str) -> bool);
        Ok(self.reader.scan(scan.start..scan.end, wanted, true, Some(self.deadline), |span| each(&span))?)
    }

    fn trace(&self, id: [u8; 16]) -> Result<(Vec<FullSpan>, bool), TraceqlError> {
        let trace = self.reader.trace(id, Some(self.deadline))?;
        Ok((trace.spans, trace.more))
    }
}
