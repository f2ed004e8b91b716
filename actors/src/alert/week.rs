//! What is done with the kept alerts now and then: once a week, what the rules did is put on the time line, and the oldest are dropped.

use taskpulse_engine::event::Event;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::{RuleNoise, count_noise};
use taskpulse_engine::store::{DocumentChange, StoreReader};
use taskpulse_engine::words;

use super::restore::read_alerts;
use super::{AlertActor, HISTORY, MAX_HISTORY};
use crate::messages::RecordEvents;
use crate::supervisor::{Ctx, Schedule};

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
    /// Looks through the kept alerts on the pool: what of them is too much is dropped, and those of the last week are put on the time line.
    pub(super) fn tend_history(&self, ctx: &mut Ctx<Self>) {
        let (store, now) = (self.store.clone(), self.clock.now_ms());
        ctx.run_background(
            "history",
            move || (week(&store, now), over(&store)),
            |this, found, _| {
                let Ok((week, over)) = found else { return };
                if !over.is_empty() {
                    this.keep(HISTORY, over);
                }
                let Some(event) = week else { return };
                if this.outputs.events.try_send(RecordEvents(vec![event])).is_err() {
                    log::error!("alerts: the store is too busy for the time line");
                }
            },
        );
    }
}

/// The line of the last week; none where it is there, or no alert was.
fn week(store: &StoreReader, now: TimestampMs) -> Option<Event> {
    let end = last_end(now);
    // A week that ended long ago is no news.
    if now - end > DAY_MS {
        return None;
    }
    let known = store.events(end, now, 1, |event| event.kind == KIND);
    if !known.is_ok_and(|known| known.is_empty()) {
        return None;
    }
    let alerts = read_alerts(store, HISTORY).ok()?;
    let noise = count_noise(&alerts, (end - WEEK_MS, end - 1));
    let loudest = noise.first()?;
    let sum = |of: fn(&RuleNoise) -> usize| noise.iter().map(of).sum::<usize>();
    let (fired, acknowledged, short) = (sum(|n| n.fired), sum(|n| n.acknowledged), sum(|n| n.short));
    let title = format!(
        "Alerts of the week: {fired} fired, {acknowledged} were acknowledged, {short} ended by themselves within a minute; the loudest was {} with {}",
        words::rule_name(&loudest.rule),
        loudest.fired
    );
    let rules: Vec<_> =
        noise.iter().take(10).map(|n| serde_json::json!({"rule": n.rule, "fired": n.fired, "acknowledged": n.acknowledged})).collect();
    Some(Event::new(end, "alert", KIND, "week", title).with_data(serde_json::json!({"rules": rules})))
}

/// The oldest of the kept alerts, as far as they are too many.
fn over(store: &StoreReader) -> Vec<DocumentChange> {
    let documents = store.documents(HISTORY).unwrap_or_default();
    let over = documents.len().saturating_sub(MAX_HISTORY);
    documents.into_iter().take(over).map(|(key, _)| (key, None)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::publish::history_key;
    use crate::testing::on_stage;

    #[test]
    fn the_alerts_of_a_week_are_one_line_once() {
        on_stage(async |stage| {
            let end = last_end(stage.clock.now_ms());
            let fired = |id: &str, at: TimestampMs| {
                let alert = format!(
                    r#"{{"id":"{id}","rule":"hot_disk","severity":"warning","state":"resolved","metric":{{"__name__":"heat"}},"value":1,"op":">",
                    "threshold":0,"hold_ms":0,"cooldown_ms":0,"pending_since":{at},"firing_since":{at},"resolved_at":{at},"last_sample":{at},
                    "summary":"","acked_at":null,"reason":null}}"#
                );
                (history_key(at, id), Some(alert.into_bytes()))
            };
            assert!(week(&stage.store, end + 1).is_none(), "there was none");
            let writer = stage.writer();
            writer.change_documents(HISTORY, vec![fired("1", end - DAY_MS), fired("2", end - 1), fired("3", end + 1)]).unwrap();
            let event = week(&stage.store, end + 2).unwrap();
            let said =
                "Alerts of the week: 2 fired, 0 were acknowledged, 2 ended by themselves within a minute; the loudest was Hot disk with 2";
            assert_eq!((event.title.as_str(), event.at), (said, end));
            assert!(week(&stage.store, end + DAY_MS + 1).is_none(), "a week that ended long ago is no news");
            writer.add_events(&[event]).unwrap();
            assert!(week(&stage.store, end + 2).is_none(), "it is there");
            assert!(over(&stage.store).is_empty());
        });
    }

    #[test]
    fn a_week_ends_on_monday() {
        let monday = 20_780 * DAY_MS;
        for (now, end) in [(monday, monday), (monday + 5, monday), (monday + WEEK_MS - 1, monday), (monday - 1, monday - WEEK_MS)] {
            assert_eq!(last_end(now), end);
        }
    }
}
