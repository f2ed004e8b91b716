//! What has not answered for a while: probed targets, scraped targets, and sources of the service's own.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, HOUR_MS, approximate, named_on};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::{Advisor, reach};
use crate::heartbeat;
use crate::model::{Labels, SeriesId, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const PROBES: Advisor = Advisor {
    name: "probe_down",
    about: "a probed target does not answer as it should",
    reads: &["probe_success"],
    horizon: Horizon::Day,
    needs_ms: LEAST_MS,
    assess: probes,
    counsel: Counsel {
        matters: "Whoever uses the target does not get what the check asks for.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "The target answers others: the fault is between this machine and it, or in what the check expects.",
        expects: Expects::Unknown("it is either up or down"),
        measure: Measures::Nothing("whether it answers again is seen at once: the advice goes with it"),
        sibling: None,
        worse: Worse::Less(1),
    },
};

pub(super) const TARGETS: Advisor = Advisor {
    name: "target_down",
    about: "a scraped target gives no samples",
    reads: &["up"],
    horizon: Horizon::Day,
    needs_ms: LEAST_MS,
    assess: targets,
    counsel: Counsel {
        matters: "Nothing is known of the target meanwhile, and no rule on its figures can warn.",
        then: &["Remove it from the settings if it is gone for good."],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "Another Prometheus scrapes it well from the same machine.",
        expects: Expects::Unknown("it is either up or down"),
        measure: Measures::Nothing("whether it is scraped again is seen at once: the advice goes with it"),
        sibling: None,
        worse: Worse::Less(1),
    },
};

pub(super) const SOURCES: Advisor = Advisor {
    name: "source_silent",
    about: "a source that is set up gives no samples",
    reads: &["taskpulse_source_up"],
    horizon: Horizon::Day,
    needs_ms: LEAST_SOURCE_MS,
    assess: sources,
    counsel: Counsel {
        matters: "Pages and rules that need the source show nothing new, and cannot warn.",
        then: &[],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "The source has nothing to give at this time.",
        expects: Expects::Unknown("it is either up or down"),
        measure: Measures::Nothing("whether it gives samples again is seen at once: the advice goes with it"),
        sibling: None,
        worse: Worse::Less(1),
    },
};

pub(super) const HEARTBEATS: Advisor = Advisor {
    name: "job_late",
    about: "a job that should call has not",
    reads: &[heartbeat::UP],
    horizon: Horizon::Day,
    needs_ms: LEAST_MS,
    assess: heartbeats,
    counsel: Counsel {
        matters: "A backup or a clean-up that does not run is missed on the day when it is needed.",
        then: &[],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "The job ran and only its call did not come through.",
        expects: Expects::Unknown("it either calls or not"),
        measure: Measures::Nothing("whether it calls again is seen at once: the advice goes with it"),
        sibling: None,
        worse: Worse::Less(1),
    },
};

/// A shorter time is for alerts, not for advice.
const LEAST_MS: i64 = 10 * 60_000;
/// A source may need longer for its first samples.
const LEAST_SOURCE_MS: i64 = HOUR_MS;

/// What was watched for so long was watched the whole last day: a start takes some minutes.
const WHOLE_DAY_MS: i64 = 23 * HOUR_MS;

/// How long it has been down, and the share of the time in which it was watched, of the last day, in which it was up.
struct Down {
    since: TimestampMs,
    seconds: f64,
    up: f64,
    /// Samples since then: each is a check that failed.
    failed: f64,
    /// As long as it was watched.
    always: bool,
    watched_ms: i64,
}

impl Down {
    /// The time of which `up` is the share.
    fn watched(&self) -> String {
        if self.watched_ms >= WHOLE_DAY_MS {
            return "the last day".to_owned();
        }
        format!("the last {} that it was watched", approximate(self.watched_ms as f64 / 1e3))
    }

    /// What `up` is called.
    const fn share(&self) -> &'static str {
        if self.watched_ms >= WHOLE_DAY_MS {
            "share of the last day in which it was up"
        } else {
            "share of the time watched in which it was up"
        }
    }

    fn for_how_long(&self) -> String {
        if !self.always {
            return format!("for {}", approximate(self.seconds));
        }
        if self.watched_ms >= WHOLE_DAY_MS {
            return "for as long as the last day shows".to_owned();
        }
        format!("since it has been watched, for {}", approximate(self.seconds))
    }
}

/// None where it is up, or was lately.
fn down(history: &History<'_>, id: SeriesId, least: i64) -> Result<Option<Down>, StoreError> {
    let rows = history.windows(id, Level::M1, DAY_MS)?;
    let Some(newest) = rows.last().filter(|row| row.max == 0.0 && history.now - row.start <= 5 * 60_000) else { return Ok(None) };
    let since = reach::down_since(&rows).unwrap_or(newest.start);
    // By samples: the newest windows are not closed yet.
    let failed = history.values(id, history.now - since)?.len() as f64;
    let (sum, count) = rows.iter().fold((0.0, 0.0), |(sum, count), row| (sum + row.sum, count + row.count));
    let first = rows.first().map_or(since, |row| row.start);
    let (always, watched_ms) = (first == since, history.now - first);
    let seconds = (history.now - since) as f64 / 1e3;
    Ok((history.now - since >= least).then(|| Down { since, seconds, up: sum / count, failed, always, watched_ms }))
}

fn probes(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    each(history, "probe_success", LEAST_MS, |labels| {
        let target = labels.get("target").unwrap_or("?").to_owned();
        let action = format!(
            "See the event of its failure for the reason, and mend {target}; remove [probes.check.{target}] from Settings.toml if \
             it is gone for good."
        );
        (
            Topic::Probe,
            format!("probe_down:{target}"),
            format!("{target} is down"),
            format!("{target} has not answered as it should"),
            action,
        )
    })
}

fn targets(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    each(history, "up", LEAST_MS, |labels| {
        let name = named_on(labels.get("job").unwrap_or("?"), labels.get("instance").unwrap_or("?"));
        let action = "Open its address from this machine to see why; Status shows the error of the last try.".to_owned();
        (Topic::Source, format!("target_down:{labels}"), format!("{name} gives no samples"), format!("{name} could not be scraped"), action)
    })
}

fn sources(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    each(history, "taskpulse_source_up", LEAST_SOURCE_MS, |labels| {
        let source = labels.get("source").unwrap_or("?").to_owned();
        let action = "Status says why and what would help. Switch the source off in Settings.toml if it is not wanted.".to_owned();
        (
            Topic::Source,
            format!("source_silent:{source}"),
            format!("Source {source} gives no samples"),
            format!("Source {source} could not be read"),
            action,
        )
    })
}

fn heartbeats(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    each(history, heartbeat::UP, LEAST_MS, |labels| {
        let job = labels.get(heartbeat::LABEL).unwrap_or("?").to_owned();
        let action = format!("See whether {job} ran and how it ended (its log, the timer or cron that starts it).");
        (Topic::Source, format!("job_late:{job}"), format!("{job} has not called"), format!("The call of {job} is late"), action)
    })
}

/// By how much it matters: what failed, and what else was affected. A source of the service's own has no neighbours.
fn beside(history: &History<'_>, labels: &Labels, down: &Down) -> Result<(String, Vec<Evidence>), StoreError> {
    let checks = match labels.name() {
        "probe_success" => Some("checks"),
        "up" => Some("scrapes"),
        heartbeat::UP => None,
        _ => return Ok((String::new(), Vec::new())),
    };
    let (words, figures) = reach::beside(history, labels, down.since)?;
    let Some(checks) = checks else { return Ok((words, figures)) };
    let failed = Evidence::counted(format!("{checks} that failed in a row"), down.failed, "count");
    Ok((format!(" {:.0} {checks} in a row failed.{words}", down.failed), [vec![failed], figures].concat()))
}

type Words = (Topic, String, String, String, String);

fn each(history: &History<'_>, metric: &str, least: i64, words: impl Fn(&Labels) -> Words) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series(metric) {
        let Some(down) = down(history, id, least)? else { continue };
        let (topic, id, title, what, action) = words(&labels);
        let (since, watched) = (down.for_how_long(), down.watched());
        let (beside, figures) = beside(history, &labels, &down)?;
        found.push(Finding {
            id,
            topic,
            title,
            why: format!("{what} {since}. It was up {} of {watched}.{beside}", figure("_ratio", down.up)),
            action,
            severity: Severity::Error,
            evidence: vec![
                Evidence::counted("time since it was last up", down.seconds, "seconds"),
                Evidence::counted(down.share(), down.up, "ratio"),
            ]
            .into_iter()
            .chain(figures)
            .collect(),
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
            lasts_ms: 0,
        });
    }
    Ok(found)
}
