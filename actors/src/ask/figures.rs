//! Figures: a value now or over a time, and when it was highest.

use taskpulse_engine::ask::{Kind, Meaning, Range, Stat, Subject, Wanted};
use taskpulse_engine::model::{Labels, NAME_LABEL, TimestampMs};
use taskpulse_engine::words::subject;

use super::draft::{Draft, UP_SHARE, figure, listed, ms, row};
use super::limits::COUNTS_FOR;
use super::reading::{Read, Samples, over_query, quantile};
use super::{AskError, Asker};

const HOUR: i64 = 3_600_000;
/// Parts of a range of which it is said how many have samples.
const PARTS: i64 = 24;

impl Asker {
    pub(super) fn figure(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        let draft = match (meaning.wanted, meaning.time) {
            (Wanted::Crossed(crossing), Some(range)) => self.crossed(&read, meaning, crossing, range)?,
            (Wanted::Crossed(crossing), None) => self.crossed_now(&read, meaning, crossing)?,
            (Wanted::TimeOf(stat), Some(range)) => self.extreme(&read, meaning, stat, range)?,
            (Wanted::Value(stat), Some(range)) => match (read.kind, stat) {
                (Kind::Events, _) => self.of_events(&read, meaning, stat, range)?,
                (Kind::Counter, Stat::Highest | Stat::Lowest) => self.rate_extreme(&read, meaning, stat, range)?,
                (Kind::Counter, _) => self.of_counter(&read, meaning, stat, range)?,
                (_, Stat::Highest | Stat::Lowest) => self.extreme(&read, meaning, stat, range)?,
                _ => self.of_levels(&read, meaning, stat, range)?,
            },
            _ if read.kind == Kind::Counter => self.rate_now(&read, meaning)?,
            _ => self.newest_values(&read, meaning)?,
        };
        Ok(draft)
    }

    /// What a series is called in a sentence.
    pub(super) fn called(&self, read: &Read, labels: &Labels) -> String {
        let own = read.measure.map(|measure| measure.called).unwrap_or_default();
        if own.is_empty() || labels.get(NAME_LABEL).is_some_and(|_| read.measure.is_none()) {
            return subject(&labels.with(NAME_LABEL, &read.metric));
        }
        let name = self.row_name(read, labels);
        let own = own.strip_suffix(" of").filter(|_| name.is_empty()).unwrap_or(own);
        format!("{own} {name}").trim_end().to_owned()
    }

    /// The newest values of a subject.
    pub(super) fn newest_values_of(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let Some(read) = self.read_of(meaning) else { return Ok(Draft::missing("nothing is known of that")) };
        self.newest_values(&read, meaning)
    }

    fn newest_values(&self, read: &Read, meaning: &Meaning) -> Result<Draft, AskError> {
        let mut found = self.instant(&read.selector, self.now())?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        let flag = read.kind == Kind::Flag;
        let said = |value: f64| if flag { (if value > 0.0 { "up" } else { "down" }).to_owned() } else { figure(&read.metric, value) };
        let parts: Vec<String> = found.iter().map(|(labels, value)| format!("{}: {}", self.called(read, labels), said(*value))).collect();
        let total: f64 = found.iter().map(|(_, value)| value).sum();
        let sums = found.len() > 1 && matches!(meaning.subject, Subject::CiActive | Subject::Tasks | Subject::Subtasks);
        let sentence = if sums {
            format!("{} together now; {}", figure(&read.metric, total), listed(&parts))
        } else {
            format!("{}, now", listed(&parts))
        };
        let rows = found.iter().map(|(labels, value)| row(self.called(read, labels), &read.metric, *value)).collect();
        let lately = Range { start: self.now() - HOUR, end: self.now() };
        Ok(Draft::said(sentence).rows(rows).charted(&read.selector, &read.selector, [lately]))
    }

    /// The rate of counters over the last minutes.
    fn rate_now(&self, read: &Read, meaning: &Meaning) -> Result<Draft, AskError> {
        let range = Range { start: self.now() - COUNTS_FOR, end: self.now() };
        let draft = self.of_counter(read, meaning, Stat::Mean, range)?;
        Ok(Draft { notes: Vec::new(), ..draft })
    }

    /// Levels over a time.
    fn of_levels(&self, read: &Read, meaning: &Meaning, stat: Stat, range: Range) -> Result<Draft, AskError> {
        let function = match stat {
            Stat::Quantile(q) => format!("quantile:{q}"),
            _ => "avg_over_time".to_owned(),
        };
        let found = self.over(&function, &read.selector, range)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let highest = self.over("max_over_time", &read.selector, range)?;
        let lowest = self.over("min_over_time", &read.selector, range)?;
        let of = |all: &[(Labels, f64)], labels: &Labels| all.iter().find(|(other, _)| same(other, labels)).map(|(_, value)| *value);
        let what = match stat {
            Stat::Quantile(q) => format!("was at most {{}} in {} % of the samples", figure("", q * 100.0)),
            _ if read.kind == Kind::Flag => "was up {} of the time".to_owned(),
            _ => "was {} on average".to_owned(),
        };
        let mut sorted = found;
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut rows = Vec::new();
        let mut parts = Vec::new();
        for (labels, value) in &sorted {
            let called = self.called(read, labels);
            let metric = if read.kind == Kind::Flag { UP_SHARE } else { &read.metric };
            let said = what.replacen("{}", &figure(metric, *value), 1);
            let ends = match (of(&lowest, labels), of(&highest, labels)) {
                (Some(low), Some(high)) if read.kind != Kind::Flag => {
                    format!(" ({} to {})", figure(&read.metric, low), figure(&read.metric, high))
                }
                _ => String::new(),
            };
            parts.push(format!("{called} {said}{ends}"));
            rows.push(row(called, metric, *value));
        }
        let sentence = format!("{}, {}", listed(&parts), self.during(range));
        let query = over_query(&function, &read.selector, range);
        Ok(Draft::said(sentence).rows(rows).charted(&query, &read.selector, [range]).note(self.coverage(read, range)?))
    }

    /// How much of a time has samples, where that is not all of it.
    pub(super) fn coverage(&self, read: &Read, range: Range) -> Result<Option<String>, AskError> {
        let step = (range.length() / PARTS).max(COUNTS_FOR);
        let parts = range.length() / step;
        if parts < 2 || read.kind == Kind::Events {
            return Ok(None);
        }
        let samples = over_query("count_over_time", &read.selector, Range { start: 0, end: step });
        let Ok(query) = taskpulse_engine::promql::Query::parse(&samples, taskpulse_engine::promql::syntax::Grid::default()) else {
            return Ok(None);
        };
        let params = self.limits.params(range.end - 1 - (parts - 1) * step, range.end - 1, step);
        let (answer, _) = taskpulse_engine::promql::evaluate(&query, &params, &self.store)?;
        let taskpulse_engine::promql::Answer::Vector(rows) = answer else { return Ok(None) };
        let seen = |row: &taskpulse_engine::promql::Row| row.values.iter().filter(|value| value.is_finite()).count();
        let most = rows.iter().map(seen).max().unwrap_or(0);
        let all = usize::try_from(parts).unwrap_or(usize::MAX);
        Ok((most < all).then(|| format!("Samples are there for {} % of that time", most * 100 / all)))
    }

    /// The highest or lowest value, and when.
    fn extreme(&self, read: &Read, meaning: &Meaning, stat: Stat, range: Range) -> Result<Draft, AskError> {
        if read.kind == Kind::Events {
            return self.of_events(read, meaning, stat, range);
        }
        if read.kind == Kind::Counter {
            return self.rate_extreme(read, meaning, stat, range);
        }
        let high = stat == Stat::Highest;
        let (value, time) = if high { ("max_over_time", "ts_of_max_over_time") } else { ("min_over_time", "ts_of_min_over_time") };
        let found = self.over(value, &read.selector, range)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let times = self.over(time, &read.selector, range)?;
        let mut rows: Vec<(f64, Option<TimestampMs>, String)> = Vec::new();
        for (labels, value) in &found {
            let at = times.iter().find(|(other, _)| same(other, labels)).map(|(_, at)| ms(*at));
            rows.push((*value, at, self.called(read, labels)));
        }
        rows.sort_by(|a, b| if high { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
        let query = over_query(value, &read.selector, range);
        let draft = self.extreme_said(rows, &read.metric, stat, range);
        Ok(draft.charted(&query, &read.selector, [range]).note(self.coverage(read, range)?))
    }

    fn extreme_said(&self, rows: Vec<(f64, Option<TimestampMs>, String)>, metric: &str, stat: Stat, range: Range) -> Draft {
        let word = if stat == Stat::Highest { "highest" } else { "lowest" };
        let parts: Vec<String> = rows
            .iter()
            .map(|(value, at, called)| {
                let when = at.map(|at| format!(" at {}", self.at(at))).unwrap_or_default();
                format!("{called} was {word}{when}: {}", figure(metric, *value))
            })
            .collect();
        let rows = rows.into_iter().map(|(value, at, called)| {
            let mut one = row(called, metric, value);
            one.time = at.map(crate::view::seconds);
            one
        });
        let sentence = format!("{}, {}", listed(&parts), self.during(range));
        Draft::said(sentence).rows(rows.collect())
    }

    /// The highest or lowest rate of a counter, by the rises from sample to sample.
    fn rate_extreme(&self, read: &Read, meaning: &Meaning, stat: Stat, range: Range) -> Result<Draft, AskError> {
        let high = stat == Stat::Highest;
        let metric = if read.metric.contains("bytes") { "rate_bytes_per_second" } else { "" };
        let mut rows: Vec<(f64, Option<TimestampMs>, String)> = Vec::new();
        for (labels, samples) in self.samples(&read.selector, range)? {
            // Means of a minute and more: two samples next to each other say little.
            let rates = samples.iter().enumerate().filter_map(|(at, (t, v))| {
                let from = samples[..at].iter().rposition(|(before, _)| t - before >= 60_000)?;
                let risen: f64 = samples[from..=at].windows(2).map(|pair| taskpulse_engine::model::rise(pair[0].1, pair[1].1)).sum();
                let _ = v;
                Some((risen / ((t - samples[from].0) as f64 / 1e3), *t))
            });
            let most = rates.reduce(|a, b| if (b.0 > a.0) == high { b } else { a });
            rows.extend(most.map(|(value, at)| (value, Some(at), self.called(read, &labels))));
        }
        if rows.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        rows.sort_by(|a, b| if high { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
        let chart = format!("rate({}[5m])", read.selector);
        let per = if metric.is_empty() {
            Some("Rates are per second, over a minute".to_owned())
        } else {
            Some("Rates are over a minute".to_owned())
        };
        Ok(self.extreme_said(rows, metric, stat, range).charted(&chart, &chart, [range]).note(per))
    }

    /// How much a counter rose.
    fn of_counter(&self, read: &Read, meaning: &Meaning, stat: Stat, range: Range) -> Result<Draft, AskError> {
        let mut found = self.rises(&read.selector, range)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        if stat == Stat::Mean {
            let metric = if read.metric.contains("bytes") { "rate_bytes_per_second" } else { "" };
            let rates =
                found.iter().map(|(labels, risen)| (self.called(read, labels), risen / range.length() as f64 * 1e3)).collect::<Vec<_>>();
            let parts: Vec<String> = rates
                .iter()
                .map(|(called, rate)| {
                    format!("{called}: {}{} on average", figure(metric, *rate), if metric.is_empty() { "/s" } else { "" })
                })
                .collect();
            let rows = rates.iter().map(|(called, rate)| row(called.clone(), metric, *rate)).collect();
            let chart = format!("rate({}[5m])", read.selector);
            let draft = Draft::said(format!("{}, {}", listed(&parts), self.during(range))).rows(rows);
            return Ok(draft.charted(&chart, &chart, [range]).note(self.coverage(read, range)?));
        }
        let total: f64 = found.iter().map(|(_, risen)| risen).sum();
        let rows: Vec<_> = found.iter().map(|(labels, risen)| row(self.called(read, labels), &read.metric, *risen)).collect();
        let parts: Vec<String> =
            found.iter().map(|(labels, risen)| format!("{}: {}", self.called(read, labels), figure(&read.metric, *risen))).collect();
        let sentence = match (found.len(), read.measure) {
            (1, _) => format!("{}, {}", parts[0], self.during(range)),
            (_, Some(measure)) => format!(
                "{}: {} {}; {}",
                lower_end(measure.subject.about()),
                figure(&read.metric, total),
                self.during(range),
                listed(&parts)
            ),
            _ => format!(
                "{}: {} {}; {}",
                subject(&Labels::metric(&read.metric, &[])),
                figure(&read.metric, total),
                self.during(range),
                listed(&parts)
            ),
        };
        let query = over_query("increase", &read.selector, range);
        let chart = format!("rate({}[5m])", read.selector);
        Ok(Draft::said(sentence).rows(rows).charted(&query, &chart, [range]).note(self.coverage(read, range)?))
    }

    /// Things that ended, by who they are of: how many, and how long they took.
    fn of_events(&self, read: &Read, meaning: &Meaning, stat: Stat, range: Range) -> Result<Draft, AskError> {
        let groups = self.grouped(read, range)?;
        if groups.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let mut rows = Vec::new();
        let mut parts = Vec::new();
        for (name, mut samples) in groups {
            let count = samples.len();
            let at = |samples: &mut Vec<(TimestampMs, f64)>, high: bool| {
                samples.sort_by(|a, b| if high { b.1.total_cmp(&a.1) } else { a.1.total_cmp(&b.1) });
                samples[0]
            };
            let mut values: Vec<f64> = samples.iter().map(|(_, v)| *v).collect();
            let (value, said, time) = match stat {
                Stat::Highest | Stat::Lowest => {
                    let (t, v) = at(&mut samples, stat == Stat::Highest);
                    (
                        v,
                        format!(
                            "{} at {}, the {} of {count}",
                            figure(&read.metric, v),
                            self.at(t),
                            if stat == Stat::Highest { "longest" } else { "shortest" }
                        ),
                        Some(t),
                    )
                }
                Stat::Mean => (values.iter().sum::<f64>() / count as f64, format!("{{}}, the mean of {count}"), None),
                Stat::Total => (values.iter().sum(), format!("{{}} in all, of {count}"), None),
                Stat::Quantile(q) if (q - 0.5).abs() > 1e-9 => {
                    (quantile(&mut values, q).unwrap_or(f64::NAN), format!("{{}} at most in {} % of {count}", figure("", q * 100.0)), None)
                }
                Stat::Usual | Stat::Quantile(_) => {
                    (quantile(&mut values, 0.5).unwrap_or(f64::NAN), format!("{{}}, the median of {count}"), None)
                }
            };
            let called = read.measure.map_or("", |measure| measure.called);
            parts.push(format!("{called} {name}: {}", said.replacen("{}", &figure(&read.metric, value), 1)));
            let mut one = row(name, &read.metric, value);
            one.time = time.map(crate::view::seconds);
            rows.push(one);
        }
        let sentence = format!("{}, {}", listed(&parts), self.during(range));
        Ok(Draft::said(sentence).rows(rows).charted(&read.selector, &read.selector, [range]).page(page_of(meaning.subject)))
    }

    /// The samples of a range by the labels in which the series differ, those with most samples first.
    pub(super) fn grouped(&self, read: &Read, range: Range) -> Result<Vec<(String, Samples)>, AskError> {
        let mut groups: std::collections::BTreeMap<String, Vec<(TimestampMs, f64)>> = std::collections::BTreeMap::new();
        let all = self.samples(&read.selector, range)?;
        let repos: std::collections::BTreeSet<&str> = all.iter().filter_map(|(labels, _)| labels.get("repo")).collect();
        let several = repos.len() > 1;
        for (labels, samples) in &all {
            let mut name = self.row_name(read, labels);
            if let Some(repo) = labels.get("repo").filter(|_| several) {
                name = format!("{name} on {repo}");
            }
            groups.entry(name).or_default().extend(samples);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
        Ok(groups)
    }
}

/// Whether two label sets are of the same series: functions drop the name.
pub(super) fn same(a: &Labels, b: &Labels) -> bool {
    a.without(&[NAME_LABEL]) == b.without(&[NAME_LABEL])
}

pub(super) fn lower_end(about: &str) -> String {
    about.trim_end_matches('.').to_owned()
}

/// The page that has more of a subject.
pub(super) fn page_of(subject: Subject) -> &'static str {
    match subject {
        Subject::CiDuration
        | Subject::CiQueue
        | Subject::CiFlaky
        | Subject::CiJobTime
        | Subject::CiWasted
        | Subject::CiJobs
        | Subject::CiState => "ci",
        Subject::TaskTime | Subject::ReviewTime | Subject::Completed | Subject::Throughput | Subject::Completion | Subject::Tasks => {
            "tasks"
        }
        _ => "explore",
    }
}
