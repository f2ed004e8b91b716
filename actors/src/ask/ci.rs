//! CI: how many runs ended how, how the newest ended, and where the time of jobs went.

use std::collections::BTreeMap;

use taskpulse_engine::ask::{Kind, Meaning, NameKind, Range, Subject, Wanted, measure};
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::words::{counted, figure, lasted};

use super::draft::{Draft, count_row, listed, ms, row, text_row};
use super::reading::Read;
use super::{AskError, Asker};
use crate::view::CiJobs;

const DAY: i64 = 86_400_000;
const DURATION: &str = "github_actions_run_duration_seconds";
/// Conclusions that are failures.
const FAILURES: [&str; 3] = ["failure", "timed_out", "startup_failure"];
/// Rows where the question says no number.
const ROWS: usize = 10;

/// A run that ended.
struct Ended {
    at: TimestampMs,
    conclusion: String,
    repo: String,
    workflow: String,
    name: String,
    seconds: f64,
}

impl Ended {
    fn failed(&self) -> bool {
        FAILURES.contains(&self.conclusion.as_str())
    }

    fn judged(&self) -> bool {
        self.failed() || self.conclusion == "success"
    }

    fn is(&self, subject: Subject) -> bool {
        match subject {
            Subject::CiFailures | Subject::CiFailure => self.failed(),
            Subject::CiSuccesses | Subject::CiSuccess => self.conclusion == "success",
            Subject::CiCancelled => self.conclusion == "cancelled",
            _ => true,
        }
    }
}

/// A workflow whose newest run failed.
pub(super) struct Red {
    pub(super) repo: String,
    pub(super) workflow: String,
    pub(super) name: String,
    /// `failed 4 times in a row`.
    pub(super) said: String,
    /// When the first of these runs ended.
    pub(super) since: TimestampMs,
}

/// The newest run of each workflow that succeeded or failed, the failed ones first.
fn newest(runs: &[Ended]) -> Vec<&Ended> {
    let mut by_name: BTreeMap<&str, &Ended> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.judged()) {
        by_name.insert(&run.name, run);
    }
    let mut newest: Vec<&Ended> = by_name.into_values().collect();
    newest.sort_by_key(|run| std::cmp::Reverse((run.failed(), run.at)));
    newest
}

/// How many runs of a workflow failed since its last success, and when the first of them did.
fn failing_since(runs: &[Ended], name: &str) -> Option<(usize, TimestampMs)> {
    let failing: Vec<&Ended> = runs.iter().rev().filter(|run| run.name == name && run.judged()).take_while(|run| run.failed()).collect();
    failing.last().map(|first| (failing.len(), first.at))
}

impl Asker {
    fn ended(&self, read: &Read, meaning: &Meaning, range: Range) -> Result<Vec<Ended>, AskError> {
        // Of all conclusions, so that a share can be said.
        let all = Meaning { subject: Subject::CiRuns, ..meaning.clone() };
        let selector = self.read_of(&all).map_or_else(|| read.selector.clone(), |read| read.selector);
        let found = self.samples(&selector, range)?;
        let repos: std::collections::BTreeSet<&str> = found.iter().filter_map(|(labels, _)| labels.get("repo")).collect();
        let name = |labels: &Labels| {
            let workflow = labels.get("workflow").unwrap_or_default().to_owned();
            labels.get("repo").filter(|_| repos.len() > 1).map_or_else(|| workflow.clone(), |repo| format!("{workflow} on {repo}"))
        };
        let mut out = Vec::new();
        for (labels, samples) in &found {
            let conclusion = labels.get("conclusion").unwrap_or_default();
            out.extend(samples.iter().map(|(at, seconds)| Ended {
                at: *at,
                conclusion: conclusion.to_owned(),
                repo: labels.get("repo").unwrap_or_default().to_owned(),
                workflow: labels.get("workflow").unwrap_or_default().to_owned(),
                name: name(labels),
                seconds: *seconds,
            }));
        }
        out.sort_by_key(|run| run.at);
        Ok(out)
    }

    pub(super) fn ci_runs(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        let range = meaning.time.unwrap_or(Range { start: self.now() - 30 * DAY, end: self.now() });
        let runs = self.ended(&read, meaning, range)?;
        if runs.is_empty() {
            let all = Read { selector: DURATION.to_owned(), measure: measure(Subject::CiRuns), ..read };
            return Ok(self.nothing(&all, meaning));
        }
        let word = match meaning.subject {
            Subject::CiFailures | Subject::CiFailure => "failed",
            Subject::CiSuccesses | Subject::CiSuccess => "succeeded",
            Subject::CiCancelled => "were cancelled",
            _ => "ended",
        };
        let query = format!("count_over_time({}[{}])", read.selector, super::reading::duration(range.length()));
        let draft = match meaning.wanted {
            Wanted::LastTime => self.last_run(&runs, meaning, word, range),
            Wanted::List => self.run_list(&runs, meaning, word, range),
            Wanted::Most | Wanted::Least => self.runs_by_workflow(&runs, meaning, word, range),
            _ => self.run_count(&runs, meaning, word, range),
        };
        Ok(draft.charted(&query, &read.selector, [range]).page("ci"))
    }

    fn run_count(&self, runs: &[Ended], meaning: &Meaning, word: &str, range: Range) -> Draft {
        let wanted = runs.iter().filter(|run| run.is(meaning.subject)).count();
        let judged = runs.iter().filter(|run| run.judged()).count();
        let shares = matches!(meaning.subject, Subject::CiFailures | Subject::CiFailure | Subject::CiSuccesses | Subject::CiSuccess);
        let during = self.during(range);
        let sentence = match (shares, judged) {
            (true, 0) => format!("No run succeeded or failed {during}; {} ended otherwise", counted(runs.len(), "run", "runs")),
            (true, _) => {
                let share = wanted as f64 / judged as f64;
                format!(
                    "{wanted} of {judged} runs {word} {during} ({}); runs that neither succeeded nor failed are left out",
                    figure("a_ratio", share)
                )
            }
            (false, _) if meaning.subject == Subject::CiRuns => {
                let failed = runs.iter().filter(|run| run.failed()).count();
                let good = runs.iter().filter(|run| run.conclusion == "success").count();
                format!("{} ended {during}: {good} succeeded, {failed} failed", counted(runs.len(), "run", "runs"))
            }
            (false, _) => format!("{wanted} of {} runs {word} {during}", runs.len()),
        };
        let mut by_name: BTreeMap<&str, f64> = BTreeMap::new();
        runs.iter().filter(|run| run.is(meaning.subject)).for_each(|run| *by_name.entry(&run.name).or_default() += 1.0);
        let mut rows: Vec<_> = by_name.into_iter().map(|(name, count)| count_row(name, count)).collect();
        if matches!(meaning.subject, Subject::CiFailure | Subject::CiSuccess) && judged > 0 {
            rows.insert(0, row("share", "a_ratio", wanted as f64 / judged as f64));
        }
        Draft::said(sentence).rows(rows)
    }

    fn last_run(&self, runs: &[Ended], meaning: &Meaning, word: &str, range: Range) -> Draft {
        let one = if meaning.subject == Subject::CiCancelled { "was cancelled" } else { word };
        let Some(run) = runs.iter().rev().find(|run| run.is(meaning.subject)) else {
            return Draft::said(format!("No run {one} {}", self.during(range)));
        };
        let sentence =
            format!("{} last {one} at {} ({}), after {}", run.name, self.at(run.at), self.ago(run.at), figure(DURATION, run.seconds));
        Draft::said(sentence).rows(vec![text_row(run.name.clone(), run.conclusion.clone(), Some(run.at))])
    }

    fn run_list(&self, runs: &[Ended], meaning: &Meaning, word: &str, range: Range) -> Draft {
        let wanted: Vec<&Ended> = runs.iter().rev().filter(|run| run.is(meaning.subject)).collect();
        let shown: Vec<String> = wanted.iter().map(|run| format!("{} at {}", run.name, self.at(run.at))).collect();
        let rows = wanted
            .iter()
            .take(meaning.limit.unwrap_or(ROWS))
            .map(|run| text_row(run.name.clone(), format!("{} after {}", run.conclusion, figure(DURATION, run.seconds)), Some(run.at)));
        let rows = rows.collect();
        let list = if wanted.is_empty() { String::new() } else { format!(": {}", listed(&shown)) };
        Draft::said(format!("{} {word} {}{list}", counted(wanted.len(), "run", "runs"), self.during(range))).rows(rows)
    }

    fn runs_by_workflow(&self, runs: &[Ended], meaning: &Meaning, word: &str, range: Range) -> Draft {
        let mut by_name: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for run in runs {
            let counts = by_name.entry(&run.name).or_default();
            counts.0 += f64::from(u8::from(run.is(meaning.subject)));
            counts.1 += f64::from(u8::from(
                run.judged()
                    || !matches!(meaning.subject, Subject::CiFailures | Subject::CiSuccesses | Subject::CiFailure | Subject::CiSuccess),
            ));
        }
        let shares = matches!(meaning.subject, Subject::CiFailure | Subject::CiSuccess);
        let mut found: Vec<(&str, f64, f64)> = by_name.into_iter().map(|(name, (count, of))| (name, count, of)).collect();
        let by = |(_, count, of): &(&str, f64, f64)| if shares { if *of > 0.0 { count / of } else { 0.0 } } else { *count };
        found.sort_by(|a, b| by(b).total_cmp(&by(a)));
        if meaning.wanted == Wanted::Least {
            found.reverse();
        }
        found.truncate(meaning.limit.unwrap_or(ROWS));
        let parts: Vec<String> = found.iter().map(|(name, count, of)| format!("{name}: {count} of {of} runs {word}")).collect();
        let rows = found.iter().map(|(name, count, of)| {
            let mut one = count_row(*name, *count);
            one.text = format!("{count} of {of}");
            one
        });
        let rows = rows.collect();
        Draft::said(format!("{}, {}", listed(&parts), self.during(range))).rows(rows)
    }

    /// How many workflows ran within a month, and those that are red.
    pub(super) fn red(&self) -> Result<(usize, Vec<Red>), AskError> {
        let range = Range { start: self.now() - 30 * DAY, end: self.now() };
        let read = Read { metric: DURATION.to_owned(), selector: DURATION.to_owned(), kind: Kind::Events, by: Vec::new(), measure: None };
        let any = Meaning::about(Wanted::Count, Subject::CiRuns);
        let runs = self.ended(&read, &any, range)?;
        let newest = newest(&runs);
        let red = newest.iter().filter_map(|run| {
            let (count, since) = failing_since(&runs, &run.name)?;
            let said = if count > 1 { format!("failed {count} times in a row") } else { "failed in its newest run".to_owned() };
            Some(Red { repo: run.repo.clone(), workflow: run.workflow.clone(), name: run.name.clone(), said, since })
        });
        Ok((newest.len(), red.collect()))
    }

    /// How the newest runs of each workflow ended.
    pub(super) fn ci_state(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let back = Range { start: self.now() - 30 * DAY, end: self.now() };
        let range = meaning.time.unwrap_or(back);
        let runs_of = Meaning { subject: Subject::CiRuns, time: Some(range), ..meaning.clone() };
        let Some(read) = self.read_of(&runs_of) else { return Ok(Draft::missing("nothing is known of that")) };
        let runs = self.ended(&read, &runs_of, range)?;
        let newest = newest(&runs);
        if newest.is_empty() {
            return Ok(self.nothing(&read, &runs_of));
        }
        let said = |run: &&Ended| {
            let since = failing_since(&runs, &run.name).filter(|(count, _)| run.failed() && *count > 1);
            let since = since.map(|(count, at)| format!(" ({count} in a row, since {})", self.at(at))).unwrap_or_default();
            format!("{} {} at {}{since}", run.name, if run.failed() { "failed" } else { "succeeded" }, self.at(run.at))
        };
        let red: Vec<String> = newest.iter().filter(|run| run.failed()).map(said).collect();
        let all: Vec<String> = newest.iter().map(said).collect();
        let sentence = match (red.is_empty(), newest.len()) {
            (_, 1) => format!("The newest run: {}", all[0]),
            (true, count) => format!("The newest run of each of {count} workflows succeeded: {}", listed(&all)),
            (false, count) => format!("The newest runs of {} of {count} workflows failed: {}", red.len(), listed(&red)),
        };
        let rows = newest.iter().map(|run| text_row(run.name.clone(), run.conclusion.clone(), Some(run.at))).collect();
        Ok(Draft::said(sentence).rows(rows).charted(&read.selector, &read.selector, [range]).page("ci"))
    }

    /// Where the time of jobs went, or which fail.
    pub(super) fn jobs(&self, meaning: &Meaning) -> Draft {
        let range = meaning.time.unwrap_or(Range { start: self.now() - 7 * DAY, end: self.now() });
        let found = CiJobs::new(&self.views.jobs(), range.start, range.end);
        let mut by_job: BTreeMap<String, (u64, u64, f64)> = BTreeMap::new();
        for repository in found.repositories.iter().filter(|of| meaning.name(NameKind::Repo).is_none_or(|repo| repo == of.repo)) {
            for job in &repository.jobs {
                let (Some(name), Some(count)) = (&job.job, job.jobs) else { continue };
                let fits = meaning.name(NameKind::Workflow).is_none_or(|workflow| workflow == job.workflow)
                    && meaning.name(NameKind::Job).is_none_or(|wanted| wanted == name);
                if fits {
                    let failed = job.conclusion.as_deref().is_some_and(|conclusion| FAILURES.contains(&conclusion));
                    let sums = by_job.entry(format!("{name} of {}", job.workflow)).or_default();
                    *sums = (sums.0 + count, sums.1 + if failed { count } else { 0 }, sums.2 + job.seconds);
                }
            }
        }
        if by_job.is_empty() {
            return Draft::missing(format!("no jobs of CI are known that ended {}", self.during(range))).page("ci");
        }
        let fails = meaning.subject == Subject::CiJobFailures;
        let mut rows: Vec<(String, f64, String)> = by_job
            .into_iter()
            .map(|(name, (count, failed, seconds))| {
                if fails {
                    (name, failed as f64, format!("{failed} of {count} failed"))
                } else {
                    let mean = seconds / count.max(1) as f64;
                    let all = lasted(ms(seconds));
                    (name, mean, format!("{} on average of {count}, {all} together", figure("job_seconds", mean)))
                }
            })
            .collect();
        rows.sort_by(|a, b| b.1.total_cmp(&a.1));
        if meaning.wanted == Wanted::Least {
            rows.reverse();
        }
        rows.truncate(meaning.limit.unwrap_or(ROWS));
        let parts: Vec<String> = rows.iter().map(|(name, _, said)| format!("{name}: {said}")).collect();
        let metric = if fails { "" } else { "job_seconds" };
        let rows = rows.iter().map(|(name, value, said)| {
            let mut one = row(name.clone(), metric, *value);
            one.text.clone_from(said);
            one
        });
        let rows = rows.collect();
        Draft::said(format!("{}, {}", listed(&parts), self.during(range))).rows(rows).page("ci")
    }
}
