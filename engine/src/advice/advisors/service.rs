//! The service itself: series that pile up, and actors that are started anew again and again.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_rise};
use super::super::history::{DAY_MS, share};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::model::Labels;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const SERIES: Advisor = Advisor {
    name: "series_grow",
    about: "the number of series doubles within a week",
    reads: &["taskpulse_store_series"],
    horizon: Horizon::Month,
    needs_ms: 0,
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
    needs_ms: 0,
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

pub(super) const LOST: Advisor = Advisor {
    name: "samples_lost",
    about: "samples are lost on the way or refused",
    reads: &["taskpulse_appended_samples_total"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess: lost,
    counsel: Counsel {
        matters: "Charts have holes where samples are lost, and rules on them do not fire.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "They are copies that somebody sends a second time on purpose.",
        expects: Expects::UpTo(0, "lost samples of a day", "all of them: none would be lost"),
        measure: Measures::Query(Better::Lower, |_| Some(hourly_rise("taskpulse_dropped_samples_total", &[]))),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const FULL: Advisor = Advisor {
    name: "history_cut",
    about: "the oldest days go because of the limit of the disk",
    reads: &["taskpulse_store_disk_bytes"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: full,
    counsel: Counsel {
        matters: "Forecasts, weekly comparisons and advice need weeks of history, and get fewer than is set.",
        then: &["See a week later whether the size stays below the limit."],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "The limit is meant to decide how long history is kept.",
        expects: Expects::Unknown("how much is kept follows from what is measured"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// Lost samples of a day that are worth advice, and their share of all.
const LOST_SAMPLES: f64 = 1_000.0;
const LOST_SHARE: f64 = 0.01;
/// The directory is this full for most of a day: then days are removed to make room.
const FULL_SHARE: f64 = 0.97;
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

fn lost(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let rises = |metric: &str| -> Result<Vec<(Labels, f64)>, StoreError> {
        history.series(metric).into_iter().map(|(id, labels)| Ok((labels, history.rise(id, DAY_MS)?))).collect()
    };
    let kept: f64 = rises("taskpulse_appended_samples_total")?.iter().map(|(_, rise)| rise).sum();
    let mut lost = [rises("taskpulse_dropped_samples_total")?, rises("taskpulse_rejected_samples_total")?].concat();
    // A second sample of the same time says nothing new.
    lost.retain(|(labels, _)| labels.get("reason") != Some("repeated"));
    let all: f64 = lost.iter().map(|(_, rise)| rise).sum();
    let Some((most, count)) = lost.iter().max_by(|a, b| a.1.total_cmp(&b.1)) else { return Ok(Vec::new()) };
    if all < LOST_SAMPLES || all < LOST_SHARE * (all + kept) {
        return Ok(Vec::new());
    }
    let reason = most.get("reason").unwrap_or("unknown").replace('_', " ");
    Ok(vec![Finding {
        id: LOST.name.to_owned(),
        topic: Topic::Service,
        title: "Samples are lost".to_owned(),
        why: format!(
            "{} samples of the last day were not kept, {} of all; of {} the reason was: {reason}.",
            figure("", all),
            figure("_ratio", all / (all + kept)),
            figure("", *count)
        ),
        action: "See Status for what is behind it: a disk that is full or slow, a limit of series, clocks that differ, or samples that come too late.".to_owned(),
        severity: Severity::Warning,
        evidence: vec![
            Evidence::counted("samples lost in the last day", all, "count"),
            Evidence::counted("samples kept in the last day", kept, "count"),
            Evidence::counted(format!("lost with the reason: {reason}"), *count, "count"),
        ],
        query: most.to_string(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: DAY_MS,
    }])
}

fn full(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let options = history.store.options();
    let (limit, wanted) = (options.max_bytes as f64, options.retention_ms as f64 / DAY_MS as f64);
    let mut found = Vec::new();
    for (id, labels) in history.series("taskpulse_store_disk_bytes") {
        let rows = history.windows(id, Level::H1, 3 * DAY_MS)?;
        let used = rows.iter().map(|row| row.max).reduce(f64::max).unwrap_or(0.0);
        if limit <= 0.0 || rows.len() < 48 || share(&rows, |row| row.max >= FULL_SHARE * limit) < 0.5 {
            continue;
        }
        found.push(Finding {
            id: FULL.name.to_owned(),
            topic: Topic::Service,
            title: "History is cut before its time".to_owned(),
            why: format!(
                "The data directory is at its limit of {}, so the oldest days are removed before the {wanted:.0} days that should be kept.",
                figure("_bytes", limit)
            ),
            action: "Raise the limit of the data directory, keep less (a shorter retention for the metrics with most series), or measure less often.".to_owned(),
            severity: Severity::Notice,
            evidence: vec![
                Evidence::counted("size of the data directory", used, "bytes"),
                Evidence::counted("its limit", limit, "bytes"),
            ],
            query: labels.to_string(),
            start: history.now - 7 * DAY_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
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
