//! The newest log lines that an alert over lines counted.

use std::sync::Arc;
use std::time::Instant;

use taskpulse_engine::explain::{MAX_SAID, MOST_SAID, Said};
use taskpulse_engine::logs::logql::{Bounds, cited};
use taskpulse_engine::logs::shown;
use taskpulse_engine::rules::{Alert, LinesCondition};
use taskpulse_engine::store::StoreReader;

/// Bytes of log lines that may be held in memory while they are searched.
const MAX_BYTES: usize = 16 << 20;
const MS: i64 = 1_000_000;

/// At most [`MOST_SAID`] lines that counted when it fired; none where there is no time to find them.
pub(super) fn said(store: &StoreReader, lines: &LinesCondition, alert: &Alert, deadline: Instant) -> Vec<Said> {
    let at = alert.firing_since.unwrap_or(alert.last_sample);
    let bounds = Bounds { max_bytes: MAX_BYTES, max_series: 1, deadline, cancelled: Arc::default() };
    match cited(&lines.query, at, &alert.metric, MOST_SAID, &bounds, &store.logs().until(deadline)) {
        Ok(found) => found.into_iter().map(|line| Said { at: line.time.div_euclid(MS), text: shown(&line.body, MAX_SAID) }).collect(),
        Err(error) => {
            log::debug!("alerts: no lines are cited of {}: {error}", alert.rule);
            Vec::new()
        }
    }
}
