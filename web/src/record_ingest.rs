//! What the doors for log lines and for spans have in common: requests become records, which are kept, and the outcome is said.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use taskpulse_actors::messages::AppendError;
use taskpulse_engine::logs::push::PushError;
use taskpulse_engine::logs::record::TimeNs;
use taskpulse_engine::logs::store::Appended;
use taskpulse_engine::otlp::{Encoding, Signal};

use crate::envelope::ApiError;
use crate::ingest::kept;
use crate::otlp::{self, Otlp};
use crate::server::AppState;

/// What a door takes.
pub(crate) struct Door {
    /// The source's name in status.
    pub(crate) source: &'static str,
    pub(crate) signal: Signal,
    /// The word for several of them.
    pub(crate) records: &'static str,
    /// Whether any was kept yet.
    pub(crate) seen: fn(&Otlp) -> &AtomicBool,
    /// How to send them.
    pub(crate) hint: fn(&str) -> String,
}

/// What a request gave beside its records.
#[derive(Default)]
pub(crate) struct Given {
    /// The newest time.
    pub(crate) newest: TimeNs,
    pub(crate) refused: u64,
    pub(crate) reasons: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// What became of a request.
pub(crate) struct Outcome {
    records: &'static str,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    reasons: Vec<String>,
    warnings: Vec<String>,
}

impl Outcome {
    /// What was not kept as it came; empty where all was.
    pub(crate) fn message(&self) -> String {
        let mut parts = self.warnings.clone();
        if self.rejected > 0 {
            parts.insert(0, format!("{} {} were not kept: {}", self.rejected, self.records, self.reasons.join("; ")));
        }
        parts.join("; ")
    }
}

impl Door {
    fn outcome(&self, given: Given, stored: &Appended) -> Outcome {
        let (records, source) = (self.records, self.source);
        let mut out = Outcome {
            records,
            accepted: stored.accepted,
            rejected: given.refused + stored.refused(),
            reasons: given.reasons,
            warnings: given.warnings,
        };
        let mut count = |count: u64, what: &str, list: fn(&mut Outcome) -> &mut Vec<String>| {
            if count > 0 {
                list(&mut out).push(format!("{count} {records} {what}"));
            }
        };
        count(stored.too_old, &format!("are older than the retention of {source}"), |out| &mut out.reasons);
        count(stored.too_far_ahead, "are too far ahead of the clock", |out| &mut out.reasons);
        let overflow = match self.signal {
            Signal::Traces => "are of more services than a day may have and were put together",
            _ => "came in more streams than a day may have and were put in one of their service",
        };
        count(stored.overflowed, overflow, |out| &mut out.warnings);
        out
    }

    /// Has the records of a request kept, and reports that to status.
    pub(crate) async fn keep<R, F: Future<Output = Result<Appended, AppendError>>>(
        &self,
        state: &AppState,
        take: impl FnOnce() -> Result<(Option<R>, Given), PushError>,
        append: impl FnOnce(R) -> F,
    ) -> Result<Outcome, ApiError> {
        let Ok(_place) = state.ingest_places.try_acquire() else {
            return Err(ApiError::busy("too many requests wait for the store"));
        };
        let (records, given) = take().map_err(|error| match error {
            PushError::Malformed { .. } => ApiError::bad_data(error.to_string()),
            PushError::TooLarge => ApiError::too_large(error.to_string()),
        })?;
        let stored = match records {
            None => Appended::default(),
            Some(records) => kept(async { Ok(append(records).await) }).await?,
        };
        let newest = given.newest.div_euclid(1_000_000);
        let outcome = self.outcome(given, &stored);
        let accepted = usize::try_from(stored.accepted).unwrap_or(usize::MAX);
        if accepted > 0 {
            (self.seen)(&state.otlp).store(true, Ordering::Relaxed);
        }
        let message = outcome.message();
        if !message.is_empty() {
            state.sources.partly(self.source, accepted, newest, format!("of the last request, {message}"));
        } else if accepted > 0 {
            state.sources.up(self.source, accepted, newest);
        }
        Ok(outcome)
    }

    /// Status shows an error that is the sender's fault.
    pub(crate) fn note_refusal(&self, error: &ApiError, state: &AppState) {
        otlp::note_refusal(error, state, self.source, (self.seen)(&state.otlp), self.hint);
    }

    /// The answer of OTLP.
    pub(crate) fn answer(&self, encoding: Encoding, outcome: Result<Outcome, ApiError>, state: &AppState) -> HttpResponse {
        match outcome {
            Ok(outcome) => otlp::answer(encoding, self.signal, outcome.rejected, &outcome.message()),
            Err(error) => {
                self.note_refusal(&error, state);
                otlp::error_answer(encoding, error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_kept_is_said_with_its_reasons() {
        let door = Door { source: "logs", signal: Signal::Logs, records: "lines", seen: |otlp| &otlp.logs_seen, hint: str::to_owned };
        assert_eq!(door.outcome(Given::default(), &Appended::default()).message(), "");
        let reasons = vec!["one".to_owned(), "two".to_owned()];
        let given = Given { refused: 4, reasons, warnings: vec!["cut".to_owned()], ..Given::default() };
        let stored = Appended { accepted: 5, too_old: 2, overflowed: 3, ..Appended::default() };
        let outcome = door.outcome(given, &stored);
        assert_eq!((outcome.accepted, outcome.rejected), (5, 6));
        assert_eq!(
            outcome.message(),
            "6 lines were not kept: one; two; 2 lines are older than the retention of logs; cut; \
             3 lines came in more streams than a day may have and were put in one of their service"
        );
    }
}
