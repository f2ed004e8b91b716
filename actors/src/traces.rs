//! The store of spans, as other parts of the service reach it. Its actor is a [`RecordStoreActor`].

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use taskpulse_engine::logs::store::Appended;
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::span_store::TraceReader;
use taskpulse_engine::store::{SpanWriter, StoreError};
use taskpulse_engine::traces::span_metrics::SpanMetrics;
use taskpulse_engine::traces::{FullSpan, Spans};

use crate::clock::Clock;
use crate::messages::{AppendError, AppendSpans};
use crate::records::{Answer, RecordStoreActor, Records};
use crate::supervisor::{Ctx, Mailbox, Receive};

/// How clients reach the store of spans.
#[derive(Clone)]
pub struct TraceDoor {
    reader: TraceReader,
    append: Mailbox<AppendSpans>,
    listeners: SpanListeners,
}

impl TraceDoor {
    /// From a reader, the mailbox of the actor, and those who get spans.
    #[must_use]
    pub const fn new(reader: TraceReader, append: Mailbox<AppendSpans>, listeners: SpanListeners) -> Self {
        Self { reader, append, listeners }
    }

    /// Reads spans.
    #[must_use]
    pub const fn reader(&self) -> &TraceReader {
        &self.reader
    }

    /// Those who get spans once they are durable.
    #[must_use]
    pub const fn listeners(&self) -> &SpanListeners {
        &self.listeners
    }

    /// Has spans kept; answered when they are durable.
    ///
    /// # Errors
    /// [`AppendError`] if they were not kept.
    pub async fn append(&self, spans: Vec<Spans>) -> Result<Appended, AppendError> {
        match self.append.send(AppendSpans { spans }).await {
            Ok(outcome) => outcome,
            Err(error) => Err(error.into()),
        }
    }
}

/// Gets spans.
pub type SpanListener = Arc<dyn Fn(&[FullSpan]) + Send + Sync>;

/// Those who get spans once they are durable: each span once, those that were sent again left out. A listener is called on the thread of
/// the store, so it must be quick and never wait. Spans are copied only where somebody listens.
#[derive(Clone, Default)]
pub struct SpanListeners(Arc<RwLock<Vec<SpanListener>>>);

impl SpanListeners {
    /// Adds a listener, for the life of the service.
    pub fn add(&self, listener: SpanListener) {
        self.0.write().push(listener);
    }
}

/// Series of calls and durations, counted from spans. Clones share them.
#[derive(Clone, Default)]
pub struct SharedSpanMetrics(Arc<Mutex<SpanMetrics>>);

impl SharedSpanMetrics {
    /// What counts spans as they come in.
    #[must_use]
    pub fn listener(&self, clock: Clock) -> SpanListener {
        let counted = Arc::clone(&self.0);
        Arc::new(move |spans| {
            let now = clock.now_ms().saturating_mul(1_000_000);
            let mut counted = counted.lock();
            spans.iter().for_each(|span| counted.add(span, now));
        })
    }

    /// The series with their values, and those that were at zero until now; see [`SpanMetrics::collect`].
    #[must_use]
    pub fn collect(&self) -> (Vec<(Labels, f64)>, Vec<Labels>) {
        self.0.lock().collect()
    }

    /// Spans that counted nowhere.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.0.lock().ignored()
    }
}

/// Keeps spans.
pub type SpanStoreActor = RecordStoreActor<SpanListeners>;

impl Records for SpanListeners {
    type Writer = SpanWriter;
    type Batch = Vec<Spans>;
    type Followed = Vec<FullSpan>;
    const HOLDS: &'static str = "spans";

    fn append(&self, writer: &SpanWriter, spans: Vec<Spans>, now: TimestampMs) -> Result<(Appended, Option<Vec<FullSpan>>), StoreError> {
        let (appended, new) = writer.append(&spans, now)?;
        if self.0.read().is_empty() || !new.contains(&true) {
            return Ok((appended, None));
        }
        let spans = spans.into_iter().flat_map(Spans::full).zip(new).filter_map(|(span, new)| new.then_some(span));
        Ok((appended, Some(spans.collect())))
    }

    fn pass_on(&self, spans: Vec<FullSpan>) {
        for listener in self.0.read().iter() {
            listener(&spans);
        }
    }
}

impl Receive<AppendSpans> for SpanStoreActor {
    type Reply = Answer;

    fn receive(&mut self, AppendSpans { spans }: AppendSpans, ctx: &mut Ctx<Self>) -> Self::Reply {
        self.keep(spans, ctx)
    }
}
