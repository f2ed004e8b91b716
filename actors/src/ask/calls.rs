//! Calls that must come in: which are late, and when each came last.

use taskpulse_engine::ask::{Kind, Meaning, NameKind, Range};
use taskpulse_engine::words::counted;

use super::draft::{Draft, count_row, listed, ms, text_row};
use super::reading::Read;
use super::states::Thing;
use super::{AskError, Asker};
use crate::view::{Heartbeat, HeartbeatState};

const DAY: i64 = 86_400_000;

impl Asker {
    /// The jobs of the settings, and whether their calls come in time.
    pub(super) fn calls(&self) -> Vec<Heartbeat> {
        self.heartbeats.jobs().iter().filter_map(|job| job.view(&self.store, self.now()).ok()).collect()
    }

    /// Those jobs as things that are up or down, also where none has called yet.
    pub(super) fn calls_as_things(&self, meaning: &Meaning) -> Vec<Thing> {
        let named = |call: &Heartbeat| meaning.name(NameKind::Heartbeat).is_none_or(|name| name == call.name);
        let thing = |call: Heartbeat| {
            let (up, since) = match call.state {
                HeartbeatState::Awaited => (None, None),
                HeartbeatState::Coming => (Some(true), None),
                HeartbeatState::Late => (Some(false), Some(call.due)),
            };
            Thing { why: call.last_call.is_none().then(|| self.never_called(&call)), name: call.name, up, since }
        };
        self.calls().into_iter().filter(named).map(thing).collect()
    }

    fn never_called(&self, call: &Heartbeat) -> String {
        match call.state {
            HeartbeatState::Late => "configured and never called".to_owned(),
            _ => format!("configured and not called yet; its first call is late from {} on", self.at(ms(call.due))),
        }
    }

    /// The last call of each job.
    pub(super) fn last_call(&self, read: &Read, meaning: &Meaning) -> Result<Draft, AskError> {
        let selector = read.selector.replacen("heartbeat_up", "heartbeat_last_call_timestamp_seconds", 1);
        let mut found = self.newest(&selector, 400 * DAY)?;
        let never = self.without_a_call(meaning);
        if found.is_empty() && !never.is_empty() {
            return Ok(Draft::said(listed(&never)).page("application"));
        }
        if found.is_empty() {
            let calls = Read {
                metric: "heartbeat_last_call_timestamp_seconds".to_owned(),
                selector,
                kind: Kind::Date,
                by: read.by.clone(),
                measure: read.measure,
            };
            return Ok(self.nothing(&calls, meaning));
        }
        if let Some(range) = meaning.time {
            let calls = self.samples(&selector, range)?;
            let of = |labels: &taskpulse_engine::model::Labels| {
                calls.iter().find(|(other, _)| other == labels).map_or(0, |(_, samples)| samples.len())
            };
            let parts: Vec<String> = found
                .iter()
                .map(|(labels, t, _)| {
                    format!("{}: {}, the last of all at {}", self.row_name(read, labels), counted(of(labels), "call", "calls"), self.at(*t))
                })
                .collect();
            let rows = found.iter().map(|(labels, ..)| count_row(self.row_name(read, labels), of(labels) as f64)).collect();
            return Ok(Draft::said(format!("{}, {}", listed(&parts), self.during(range)))
                .rows(rows)
                .charted(&selector, &selector, [range])
                .page("application"));
        }
        found.sort_by(|a, b| b.2.total_cmp(&a.2));
        let mut parts: Vec<String> = found
            .iter()
            .map(|(labels, _, value)| {
                format!("{} last called at {} ({})", self.row_name(read, labels), self.at(ms(*value)), self.ago(ms(*value)))
            })
            .collect();
        let rows = found.iter().map(|(labels, _, value)| text_row(self.row_name(read, labels), "last call", Some(ms(*value)))).collect();
        parts.extend(never);
        let lately = Range { start: self.now() - 7 * DAY, end: self.now() };
        Ok(Draft::said(listed(&parts)).rows(rows).charted(&selector, &selector, [lately]).page("application"))
    }

    /// Sentences about jobs of the settings that never called.
    fn without_a_call(&self, meaning: &Meaning) -> Vec<String> {
        let named = |call: &&Heartbeat| meaning.name(NameKind::Heartbeat).is_none_or(|name| name == call.name);
        let said = |call: &Heartbeat| {
            let late = if call.state == HeartbeatState::Late { format!(", late since {}", self.at(ms(call.due))) } else { String::new() };
            format!("{} is {}{late}", call.name, self.never_called(call))
        };
        self.calls().iter().filter(|call| call.last_call.is_none()).filter(named).map(said).collect()
    }
}
