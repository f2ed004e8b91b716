//! What happened: the time line, what was unusual, and advice.

use taskpulse_engine::anomaly::Anomaly;
use taskpulse_engine::ask::{Meaning, Range, Wanted};
use taskpulse_engine::words::{counted, subject};

use super::draft::{Draft, count_row, listed, ms, text_row};
use super::{AskError, Asker};
use crate::collectors::anomaly;
use crate::optimizer::OFF;
use crate::view::RecommendationStatus;

const DAY: i64 = 86_400_000;
/// Events that are read, and shown.
const MAX_EVENTS: usize = 1_000;
const ROWS: usize = 20;

impl Asker {
    pub(super) fn events(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let range = meaning.time.unwrap_or(Range { start: self.now() - DAY, end: self.now() });
        let found = self.store.events(range.start, range.end - 1, MAX_EVENTS, |_| true)?;
        let during = self.during(range);
        if found.is_empty() {
            return Ok(Draft::said(format!("Nothing stands on the time line {during}")).page("now"));
        }
        let titles: Vec<String> = found.iter().map(|(_, event)| format!("{} ({})", event.title, self.at(event.at))).collect();
        let many = if found.len() == MAX_EVENTS { "At least " } else { "" };
        let sentence = format!("{many}{} {during}, the newest first: {}", counted(found.len(), "event", "events"), listed(&titles));
        let mut rows: Vec<_> = found
            .iter()
            .take(meaning.limit.unwrap_or(ROWS))
            .map(|(_, event)| text_row(event.source.clone(), event.title.clone(), Some(event.at)))
            .collect();
        if meaning.wanted == Wanted::Count {
            rows.insert(0, count_row("events", found.len() as f64));
        }
        Ok(Draft::said(sentence).rows(rows).page("now"))
    }

    pub(super) fn anomalies(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let range = meaning.time.unwrap_or(Range { start: self.now() - DAY, end: self.now() });
        let kept = self.store.documents(anomaly::KIND)?;
        let all = kept.into_iter().rev().filter_map(|(_, bytes)| serde_json::from_slice::<Anomaly>(&bytes).ok());
        let found: Vec<Anomaly> = all.filter(|anomaly| (range.start..range.end).contains(&anomaly.at)).collect();
        let during = self.during(range);
        let watched = self.views.watched();
        if found.is_empty() {
            let mut draft = Draft::said(format!(
                "Nothing unusual was seen {during}, of {} that are watched",
                counted(watched.len(), "series", "series")
            ))
            .page("now");
            if watched.is_empty() {
                draft = Draft::missing(format!("no anomaly is kept {during}, and no series is watched for anomalies now"));
            }
            return Ok(draft);
        }
        let parts: Vec<String> = found.iter().map(|anomaly| format!("{} ({})", anomaly.summary, self.at(anomaly.at))).collect();
        let rows = found
            .iter()
            .take(meaning.limit.unwrap_or(ROWS))
            .map(|anomaly| text_row(subject(&anomaly.metric), anomaly.summary.clone(), Some(anomaly.at)))
            .collect();
        Ok(Draft::said(format!("{} {during}: {}", counted(found.len(), "anomaly", "anomalies"), listed(&parts))).rows(rows).page("now"))
    }

    pub(super) fn advice(&self, meaning: &Meaning) -> Draft {
        let all = self.views.recommendations();
        if let Some(status) = meaning.status {
            return self.decided(status);
        }
        let open: Vec<_> = all.iter().filter(|one| one.status.is_open()).collect();
        if open.is_empty() {
            return if self.advises { Draft::said("No recommendation is open") } else { Draft::missing(OFF) }.page("now");
        }
        let parts: Vec<String> = open.iter().map(|one| format!("{}: {}", one.title, one.action)).collect();
        let rows = open.iter().map(|one| text_row(one.title.clone(), one.action.clone(), Some(ms(one.created)))).collect();
        // Recommendations stay as they were when advice was switched off.
        let lead = if self.advises { "" } else { "Advice is switched off; as it last stood, " };
        let count = counted(open.len(), "recommendation is open", "recommendations are open");
        Draft::said(format!("{lead}{count}: {}", listed(&parts))).rows(rows).page("now")
    }

    /// The recommendations with a certain decision.
    fn decided(&self, status: &str) -> Draft {
        let wanted = match status {
            "dismissed" => RecommendationStatus::Dismissed,
            "accepted" => RecommendationStatus::Accepted,
            _ => RecommendationStatus::Applied,
        };
        let all = self.views.recommendations();
        let found: Vec<_> = all.iter().filter(|one| one.status == wanted).collect();
        let is = |count: usize| counted(count, &format!("recommendation is {status}"), &format!("recommendations are {status}"));
        if found.is_empty() {
            return Draft::said(format!("No recommendation is {status}")).page("advice");
        }
        let parts: Vec<String> = found
            .iter()
            .map(|one| one.reason.as_ref().map_or_else(|| one.title.clone(), |reason| format!("{} ({reason})", one.title)))
            .collect();
        let rows = found.iter().map(|one| text_row(one.title.clone(), one.action.clone(), Some(ms(one.updated)))).collect();
        Draft::said(format!("{}: {}", is(found.len()), listed(&parts))).rows(rows).page("advice")
    }
}
