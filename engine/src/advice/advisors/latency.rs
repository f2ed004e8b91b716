//! Probed targets that answer more slowly than in the same hours of the weeks before.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, HOUR_MS};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::effect::levels::last_step;
use crate::effect::{self, Estimate, Hours};
use crate::experiment::Better;
use crate::model::TimestampMs;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::{date, figure};

pub(super) const ADVISOR: Advisor = Advisor {
    name: "latency_shifted",
    about: "a probed target answers more slowly than in the weeks before",
    reads: &["probe_duration_seconds"],
    horizon: Horizon::Month,
    needs_ms: 9 * DAY_MS,
    assess,
    counsel: Counsel {
        matters: "Everyone who uses the target waits that much longer.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Other targets beside it became slower at the same time: then it is the network or this machine.",
        expects: Expects::GoesBack("time of a check"),
        measure: Measures::Series(Better::Lower),
        sibling: Some("target"),
        worse: Worse::More(0),
    },
};

/// A rise whose lower bound is smaller than this is not worth advice: it is asked every hour, and nobody feels less.
const RISE: f64 = 1.2;
/// What is faster than this is fast enough.
const FAST_SECONDS: f64 = 0.05;
/// How far back the moment is looked for at which a target became slower.
const SPAN_DAYS: i64 = 56;
/// How long it must have been slow.
const LEAST_HOURS: i64 = 48;

/// A target that became slower.
struct Slower {
    ratio: Estimate,
    /// The means before and since.
    means: (f64, f64),
    /// When it began, with the bounds of its 95 % interval; none where it became slower gradually.
    moment: Option<(TimestampMs, (TimestampMs, TimestampMs))>,
}

impl Slower {
    /// By a step that has lasted since; else compared with the same hours of the week before.
    fn find(hours: &Hours, now: TimestampMs) -> Option<Self> {
        let by_step = last_step(hours, effect::hour_ending(now) + 1, SPAN_DAYS).filter(|step| step.ratio.value > 1.0).map(|step| {
            // The hour in which it happened is of both levels: the one before the first, or the first.
            let bounds = ((step.until - 1) * HOUR_MS, (step.begin + 1) * HOUR_MS);
            Self { ratio: step.ratio, means: step.means, moment: Some((step.at * HOUR_MS, bounds)) }
        });
        let by_step = by_step.filter(|slower| slower.moment.is_some_and(|(at, _)| now - at >= LEAST_HOURS * HOUR_MS));
        let found = by_step.or_else(|| {
            let measured = effect::measure(hours, None, now - 7 * DAY_MS, now).ok()?;
            Some(Self { ratio: measured.ratio?, means: (measured.mean_before, measured.mean_after), moment: None })
        });
        found.filter(|slower| slower.ratio.low > RISE && slower.means.1 > FAST_SECONDS)
    }

    fn why(&self) -> String {
        let (before, since) = (figure("_seconds", self.means.0), figure("_seconds", self.means.1));
        match self.moment {
            Some((at, _)) => format!("Checks have taken {since} on average since about {}, and {before} before that.", date(at)),
            None => format!("Checks took {since} on average in the last 7 days and {before} in the same hours of the week before."),
        }
    }

    fn evidence(&self) -> Vec<Evidence> {
        let mut evidence = vec![
            Evidence::estimated("time now over time before", self.ratio.value, (self.ratio.low, self.ratio.high), "ratio"),
            Evidence::counted("mean since it became slower", self.means.1, "seconds"),
            Evidence::counted("mean before that", self.means.0, "seconds"),
        ];
        evidence.extend(self.moment.map(|(at, bounds)| Evidence::moment_between("begin of the first slower hour", at, bounds)));
        evidence
    }
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("probe_duration_seconds") {
        let rows = history.windows(id, Level::H1, SPAN_DAYS * DAY_MS)?;
        let above = rows.iter().filter(|row| row.avg() > 0.0);
        let hours: Hours = above.map(|row| (effect::hour_ending(row.start + Level::H1.ms()), row.avg())).collect();
        let Some(slower) = Slower::find(&hours, history.now) else { continue };
        let target = labels.get("target").unwrap_or("?");
        let began = slower.moment.map_or(history.now, |(at, _)| at);
        found.push(Finding {
            id: format!("latency_shifted:{target}"),
            topic: Topic::Probe,
            title: format!("{target} answers more slowly than it did"),
            why: slower.why(),
            action: format!("See which phase became slower (the page Application), and what changed at {target} about then."),
            severity: Severity::Notice,
            evidence: slower.evidence(),
            query: labels.to_string(),
            start: (history.now - 14 * DAY_MS).min(began - 7 * DAY_MS),
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
