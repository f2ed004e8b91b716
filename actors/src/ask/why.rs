//! Why: what moved together with something. None of it is a cause.

use std::collections::BTreeMap;
use std::time::Duration;

use taskpulse_engine::ask::{Kind, Meaning, NameKind, Range, Stat, Subject, Wanted};
use taskpulse_engine::explain::{Explanation, Resource};
use taskpulse_engine::model::{Labels, NAME_LABEL, TimestampMs};
use taskpulse_engine::words::{self, counted, lasted};

use super::compared::Both;
use super::compared::than;
use super::draft::{Draft, figure, listed, ms, text_row};
use super::figures::same;
use super::limits::spans;
use super::reading::{Read, Samples, over_query};
use super::{AskError, Asker};
use crate::view::CiJobs;

const HOUR: i64 = 3_600_000;
const NOT_A_CAUSE: &str = "What moved together is not thereby the cause";
/// How much longer a job is before it is named.
const LONGER: f64 = 1.05;
/// Time that other series are compared for.
const BUDGET: Duration = Duration::from_millis(60);
const MAX_EVENTS: usize = 200;

impl Asker {
    pub(super) fn why(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        if meaning.subject == Subject::Alerts || meaning.subject == Subject::Everything {
            return self.why_alert(meaning);
        }
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        if read.kind == Kind::Events && read.metric.starts_with("github") {
            return self.why_slow(&read, meaning);
        }
        if let (Kind::Flag, Some(time), None) = (read.kind, meaning.time, meaning.compared) {
            return self.why_down(&read, meaning, time);
        }
        let draft = match (meaning.time, meaning.compared) {
            (Some(time), Some(_)) => {
                let value = Meaning { wanted: Wanted::Compared(None), ..meaning.clone() };
                let compared = self.compared(&value)?;
                if compared.missing.is_some() {
                    return Ok(compared);
                }
                self.joined(compared, &read, time)?
            }
            (Some(time), None) => self.around_highest(&read, meaning, time)?,
            _ => Draft::missing("a time is missing"),
        };
        Ok(draft)
    }

    /// When something was last down in a time, and what is known of that moment.
    fn why_down(&self, read: &Read, meaning: &Meaning, time: Range) -> Result<Draft, AskError> {
        let found = self.samples(&read.selector, time)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let word = if meaning.subject == Subject::Heartbeat { "late" } else { "down" };
        let last = |samples: &Samples| spans(samples, time.end, |value| value <= 0.0).pop();
        let down = found.iter().filter_map(|(labels, samples)| Some((labels, last(samples)?))).max_by_key(|(_, span)| span.start);
        let Some((labels, span)) = down else {
            let names: Vec<String> = found.iter().map(|(labels, _)| self.row_name(read, labels)).collect();
            return Ok(Draft::said(format!("{} was never {word}, {}", listed(&names), self.during(time))));
        };
        let name = self.row_name(read, labels);
        let head = format!("{name} was last {word} from {}, for {}, {}", self.at(span.start), lasted(span.length()), self.during(time));
        let reason = self.views.targets().into_iter().find(|target| target.target == name && target.up == Some(false));
        let reason = reason.filter(|_| meaning.subject == Subject::Probe).and_then(|target| target.reason);
        let head = reason.map_or_else(|| head.clone(), |reason| format!("{head}; it is down now: {reason}"));
        let draft = Draft::said(head).charted(&read.selector, &read.selector, [time]).page("application");
        let window = Range { start: span.start - HOUR / 4, end: span.end.max(span.start + 60_000) };
        self.together(draft, &labels.with(NAME_LABEL, &read.metric), window, span.start)
    }

    fn why_alert(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let mut all = self.fired(meaning)?;
        if let Some(range) = meaning.time {
            all.retain(|alert| alert.firing_since.is_some_and(|at| (range.start..range.end).contains(&at)));
        }
        let Some(alert) = all.last() else {
            let during = meaning.time.map_or_else(|| "in what is kept".to_owned(), |range| self.during(range));
            return Ok(Draft::missing(format!("no such alert began to fire {during}")).page("alerts"));
        };
        let fired = alert.firing_since.unwrap_or(alert.pending_since);
        let lines = alert.explanation.as_deref().map(in_cores).unwrap_or_default();
        let head = format!("{} (fired at {})", alert.headline(), self.at(fired));
        let query = super::alerts::selector_of(alert);
        let range = Range { start: fired - HOUR, end: (fired + HOUR).min(self.now()) };
        let rows = lines.iter().map(|line| text_row("", line.clone(), None)).collect();
        if lines.is_empty() {
            return Ok(Draft::missing(format!("nothing is known of why {head}")).charted(&query, &query, [range]).page("alerts"));
        }
        Ok(Draft::said(format!("{head}. {}", lines.join(". ")))
            .rows(rows)
            .charted(&query, &query, [range])
            .page("alerts")
            .note(Some(NOT_A_CAUSE.to_owned())))
    }

    /// Which workflow, queue or job grew with the duration of CI.
    fn why_slow(&self, read: &Read, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(time) = meaning.time else { return Ok(Draft::missing("a time is missing")) };
        let other = meaning.compared.unwrap_or(Range { start: time.start - time.length(), end: time.start });
        let value = Meaning { wanted: Wanted::Compared(None), compared: Some(other), ..meaning.clone() };
        let failures = matches!(meaning.subject, Subject::CiFailures | Subject::CiFailure);
        // What an advisor found out says more than two figures.
        let known = self.of_advisor(if failures { "ci_broken" } else { "ci_shifted" }, meaning);
        let began = |one: &&crate::view::Recommendation| {
            one.evidence.iter().filter(|of| of.unit == "time").all(|of| of.value * 1e3 < time.end as f64)
        };
        let known: Vec<String> = known.iter().filter(began).map(|one| format!("{}. {}", one.title, one.why)).collect();
        let mut draft = self.compared(&value)?;
        if !known.is_empty() {
            if draft.missing.is_some() || failures {
                let rows = known.iter().map(|said| text_row("", said.clone(), None)).collect();
                return Ok(Draft::said(listed(&known)).rows(rows).page("ci"));
            }
            draft.sentence = format!("{} {}", listed(&known), draft.sentence);
        }
        if draft.missing.is_some() {
            return Ok(draft);
        }
        if matches!(meaning.subject, Subject::CiFailures | Subject::CiFailure | Subject::CiSuccess | Subject::CiSuccesses) {
            let jobs = self.jobs(&Meaning { subject: Subject::CiJobFailures, wanted: Wanted::Most, ..value });
            let failed: Vec<_> = jobs.rows.into_iter().filter(|row| row.value.is_some_and(|count| count > 0.0)).collect();
            let lines: Vec<String> = failed.iter().map(|row| format!("{}: {}", row.name, row.text)).collect();
            draft.sentence = match (lines.is_empty(), jobs.missing.is_some()) {
                (false, _) => format!("{}. The jobs that failed: {}", draft.sentence, listed(&lines)),
                (true, true) => format!("{}. Which jobs failed is not known", draft.sentence),
                (true, false) => format!("{}. No job of them failed", draft.sentence),
            };
            draft.rows.extend(failed);
            return Ok(draft.note(Some(NOT_A_CAUSE.to_owned())));
        }
        let mut together = Vec::new();
        let queue = Meaning { subject: Subject::CiQueue, ..value };
        if let Some(queue) = self.read_of(&queue).filter(|queue| queue.metric != read.metric) {
            for one in self.both(&queue, time, other)?.into_iter().filter(|one| one.now > one.before * LONGER) {
                together.push(said("wait for a runner of", &one));
            }
        }
        let jobs = self.jobs_compared(meaning, time, other);
        let known = !jobs.is_empty();
        together.extend(jobs.into_iter().filter(|one| one.now > one.before * LONGER).map(|one| said("job", &one)));
        draft.sentence = match (together.is_empty(), known) {
            (false, _) => format!("{}. Moved together with it: {}", draft.sentence, listed(&together)),
            (true, true) => format!("{}. No job and no queue grew with it", draft.sentence),
            (true, false) => format!("{}. What grew with it cannot be said: the times of its jobs are not known", draft.sentence),
        };
        draft.rows.extend(together.iter().map(|line| text_row("", line.clone(), None)));
        Ok(draft.note(Some(NOT_A_CAUSE.to_owned())))
    }

    /// The mean seconds of each job at both times, those that grew most first.
    fn jobs_compared(&self, meaning: &Meaning, time: Range, other: Range) -> Vec<Both> {
        let means = |range: Range| {
            let mut sums: BTreeMap<String, (u64, f64)> = BTreeMap::new();
            for repository in CiJobs::new(&self.views.jobs(), range.start, range.end - 1).repositories {
                for job in repository.jobs {
                    let (Some(name), Some(count), Some("success" | "failure")) = (job.job, job.jobs, job.conclusion.as_deref()) else {
                        continue;
                    };
                    if meaning.name(NameKind::Workflow).is_none_or(|workflow| workflow == job.workflow) {
                        let sum = sums.entry(format!("{name} of {}", job.workflow)).or_default();
                        *sum = (sum.0 + count, sum.1 + job.seconds);
                    }
                }
            }
            sums
        };
        let before = means(other);
        let both = means(time).into_iter().filter_map(|(name, (count, seconds))| {
            let (earlier, sum) = before.get(&name)?;
            Some(Both {
                name,
                now: seconds / count as f64,
                before: sum / *earlier as f64,
                counts: Some((count as usize, *earlier as usize)),
                chance: None,
            })
        });
        let mut both: Vec<Both> = both.collect();
        both.sort_by(|a, b| (b.now - b.before).total_cmp(&(a.now - a.before)));
        both
    }

    /// Where a level was highest in a time, and what is known of that moment.
    fn around_highest(&self, read: &Read, meaning: &Meaning, time: Range) -> Result<Draft, AskError> {
        if read.kind == Kind::Counter {
            return Ok(Draft::missing("what moved together is worked out for levels; ask for the rate as a comparison"));
        }
        let low = matches!(meaning.wanted, Wanted::Why(Some(taskpulse_engine::ask::Trend::Down)));
        let (function, of) = if low { ("min_over_time", "ts_of_min_over_time") } else { ("max_over_time", "ts_of_max_over_time") };
        let mut found = self.over(function, &read.selector, time)?;
        found.sort_by(|a, b| if low { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) });
        let Some((labels, value)) = found.first() else { return Ok(self.nothing(read, meaning)) };
        let times = self.over(of, &read.selector, time)?;
        let Some(at) = times.iter().find(|(other, _)| same(other, labels)).map(|(_, at)| ms(*at)) else {
            return Ok(self.nothing(read, meaning));
        };
        let word = if low { Stat::Lowest } else { Stat::Highest };
        let head =
            format!("{} was {word} at {}: {}, {}", self.called(read, labels), self.at(at), figure(&read.metric, *value), self.during(time));
        let draft = Draft::said(head).charted(&over_query(function, &read.selector, time), &read.selector, [time]);
        let window = Range { start: (at - HOUR / 4).max(time.start), end: at + 60_000 };
        self.together(draft, &labels.with(NAME_LABEL, &read.metric), window, at)
    }

    /// What is known of the time of a comparison, added to its sentence.
    fn joined(&self, draft: Draft, read: &Read, time: Range) -> Result<Draft, AskError> {
        let labels = Labels::metric(&read.metric, &[]);
        let window = Range { start: time.end - HOUR.min(time.length()), end: time.end };
        self.together(draft, &labels, window, time.start)
    }

    /// What moved within a window, and what stands on the time line before something began, the nearest first.
    fn together(&self, mut draft: Draft, series: &Labels, window: Range, began: TimestampMs) -> Result<Draft, AskError> {
        let explanation = crate::explain::of_series(&self.store, series, (window.start, window.end), BUDGET);
        let lines = in_cores(&explanation);
        let events = self.store.events(began - HOUR, began - 1, MAX_EVENTS, |event| event.source != "alert")?;
        let titles: Vec<String> =
            events.iter().map(|(_, event)| format!("{} ({} before)", event.title, lasted(began - event.at))).collect();
        let mut said: Vec<String> = lines;
        if said.is_empty() && events.is_empty() {
            said.push(format!("What moved together with it cannot be said: {}", nothing(&explanation)));
        }
        if !events.is_empty() {
            let least = if events.len() == MAX_EVENTS { "at least " } else { "" };
            let count = counted(events.len(), "event", "events");
            said.push(format!("In the hour before {}: {least}{count}, the nearest first: {}", self.at(began), listed(&titles)));
        }
        draft.sentence = format!("{}. {}", draft.sentence, said.join(". "));
        draft.rows.extend(said.into_iter().map(|line| text_row("", line, None)));
        Ok(draft.note(Some(NOT_A_CAUSE.to_owned())))
    }
}

/// The lines of an explanation, with the CPU of processes in cores, as all answers say it.
pub(super) fn in_cores(explanation: &Explanation) -> Vec<String> {
    if explanation.resource != Some(Resource::Cpu) {
        return explanation.lines.clone();
    }
    let mut said = explanation.clone();
    said.used.iter_mut().chain(&mut said.containers).for_each(|used| used.share = None);
    words::explanation(&said)
}

fn nothing(explanation: &Explanation) -> &'static str {
    match explanation.resource {
        Some(Resource::Cpu | Resource::Memory | Resource::DiskIo) => "who used it was not measured then",
        None => "too little of other series is known of that time",
    }
}

fn said(what: &str, one: &Both) -> String {
    let counts = one.counts.map(|(a, b)| format!(" (of {a} and {b})")).unwrap_or_default();
    format!("{what} {} {}{}{}{counts}", one.name, lasted(ms(one.now)), than(one), lasted(ms(one.before)))
}
