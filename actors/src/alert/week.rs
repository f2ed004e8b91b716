//! Once a week: what the rules did, on the time line.

use taskpulse_engine::event::Event;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::{RuleNoise, count_noise};
use taskpulse_engine::words;

use super::restore::read_alerts;
use super::{AlertActor, HISTORY};
use crate::messages::RecordEvents;

const KIND: &str = "alert_week";
const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// 1970 began on a Thursday, four days before a Monday.
const MONDAY_MS: i64 = 4 * DAY_MS;

/// When the last week ended: on Monday at midnight, UTC.
fn last_end(now: TimestampMs) -> TimestampMs {
    now - (now - MONDAY_MS).rem_euclid(WEEK_MS)
}

impl AlertActor {
    /// Puts the alerts of the last week on the time line, unless they are there or there were none.
    pub(super) fn note_week(&self) {
        let now = self.clock.now_ms();
        let end = last_end(now);
        // A week that ended long ago is no news.
        if now - end > DAY_MS {
            return;
        }
        let known = self.store.events(end, now, 1, |event| event.kind == KIND);
        if !known.is_ok_and(|known| known.is_empty()) {
            return;
        }
        let Ok(alerts) = read_alerts(&self.store, HISTORY) else { return };
        let noise = count_noise(&alerts, (end - WEEK_MS, end - 1));
        let Some(loudest) = noise.first() else { return };
        let sum = |of: fn(&RuleNoise) -> usize| noise.iter().map(of).sum::<usize>();
        let (fired, acknowledged, short) = (sum(|n| n.fired), sum(|n| n.acknowledged), sum(|n| n.short));
        let title = format!(
            "Alerts of the week: {fired} fired, {acknowledged} were acknowledged, {short} ended by themselves within a minute; the loudest was {} with {}",
            words::rule_name(&loudest.rule),
            loudest.fired
        );
        let rules: Vec<_> =
            noise.iter().take(10).map(|n| serde_json::json!({"rule": n.rule, "fired": n.fired, "acknowledged": n.acknowledged})).collect();
        let event = Event::new(end, "alert", KIND, "week", title).with_data(serde_json::json!({"rules": rules}));
        if self.outputs.events.try_send(RecordEvents(vec![event])).is_err() {
            log::error!("alerts: the store is too busy for the time line");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_ends_on_monday() {
        let monday = 20_780 * DAY_MS;
        for (now, end) in [(monday, monday), (monday + 5, monday), (monday + WEEK_MS - 1, monday), (monday - 1, monday - WEEK_MS)] {
            assert_eq!(last_end(now), end);
        }
    }
}
