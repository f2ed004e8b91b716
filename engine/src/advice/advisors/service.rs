//! The service itself: series that pile up, and actors that are started anew again and again.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::DAY_MS;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const SERIES: Advisor = Advisor {
    name: "series_grow",
    about: "the number of series doubles within a week",
    reads: &["taskpulse_store_series"],
    horizon: Horizon::Month,
    assess: series,
    counsel: Counsel {
        matters: "Each series costs memory and disk of this service, for as long as it is kept.",
        then: &["Look at the number of series again a day later."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "The new series are of machines or programs that were added on purpose.",
        expects: Expects::Unknown("how many series the label makes is not known"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const RESTARTS: Advisor = Advisor {
    name: "actor_restarts",
    about: "a part of the service fails and is started anew",
    reads: &["taskpulse_actor_restarts_total"],
    horizon: Horizon::Day,
    assess: restarts,
    counsel: Counsel {
        matters: "What that part does is late, and comes to a stop if it fails at each start.",
        then: &[],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "The log has no panic of that part in that time.",
        expects: Expects::Unknown("it either fails or not"),
        measure: Measures::Nothing("such failures are too rare for weeks to be compared; the advice goes once a day is without them"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// Fewer new series are no burden.
const MANY: f64 = 20_000.0;
/// Restarts of a day that are no accident.
const OFTEN: f64 = 3.0;

fn series(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "taskpulse_store_series";
    let mut found = Vec::new();
    for (id, labels) in history.series(metric) {
        let rows = history.windows(id, Level::H1, 7 * DAY_MS)?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
        let long = last.start - first.start >= 6 * DAY_MS;
        if !long || last.last < 2.0 * first.first || last.last - first.first < MANY {
            continue;
        }
        found.push(Finding {
            id: SERIES.name.to_owned(),
            topic: Topic::Service,
            title: "Series pile up".to_owned(),
            why: format!("There are {} series, and were {} a week ago. Each costs memory and disk.", figure("", last.last), figure("", first.first)),
            action: "See on the page Explore which metric has most series, and leave out the label that is new each time (an id, a path) where it comes from.".to_owned(),
            severity: Severity::Notice,
            evidence: vec![Evidence::counted("series now", last.last, "count"), Evidence::counted("series a week ago", first.first, "count")],
            query: labels.to_string(),
            start: history.now - 7 * DAY_MS,
            end: history.now,
            lasts_ms: DAY_MS,
        });
    }
    Ok(found)
}

fn restarts(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("taskpulse_actor_restarts_total") {
        let times = history.rise(id, DAY_MS)?;
        if times < OFTEN {
            continue;
        }
        let actor = labels.get("actor").unwrap_or("?");
        found.push(Finding {
            id: format!("actor_restarts:{actor}"),
            topic: Topic::Service,
            title: format!("The part {actor} of Taskpulse fails again and again"),
            why: format!(
                "It was started anew {times:.0} times in the last day. Nothing that was acknowledged is lost, but what it does is late."
            ),
            action: "Look for its panics in the log of the service, and report them with the lines before.".to_owned(),
            severity: Severity::Error,
            evidence: vec![Evidence::counted("restarts in the last day", times, "count")],
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
            lasts_ms: 0,
        });
    }
    Ok(found)
}
