//! The kept history as advisors read it.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use super::records::Workflow;
use super::runs::Runs;
use super::{Undated, WhyUndated, capacity};
use crate::forecast::fill::{Answer, Hour, Past};
use crate::forecast::record::Subject;
use crate::machine::OTHERS;
use crate::model::{Labels, Matcher, Selector, SeriesId, TimestampMs};
use crate::money::budget::BudgetState;
use crate::money::{AGENT_MONEY, Money};
use crate::store::{StoreError, StoreReader};
use crate::windows::{Level, WindowRow};
use crate::words::lasted;

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// Hours of the past that a date is made of.
const PAST_HOURS: usize = 28 * 24;

/// Levels that differ by less are the same, and a smaller fall is none; shares of the whole.
const SAME_LEVEL: f64 = 0.01;
const FALL: f64 = 0.05;

/// What is known of a level.
pub(super) struct KnownLevel {
    hours: Vec<Option<Hour>>,
    recent: Vec<f64>,
}

impl KnownLevel {
    /// As a forecast reads it.
    pub(super) fn until_now(&self, now: TimestampMs, dated: bool) -> Past<'_> {
        // Mondays began four days after 1970 did, or three before.
        let hour_of_week = usize::try_from((now.div_euclid(HOUR_MS) + 3 * 24).rem_euclid(168)).unwrap_or(0);
        Past { hours: &self.hours, recent: &self.recent, hour_of_week, dated }
    }
}

impl KnownLevel {
    /// The highest level before the last day, where that is no lower than the newest one.
    pub(super) fn was_higher(&self) -> Option<f64> {
        let (older, lately) = self.hours.split_at(PAST_HOURS - 24);
        let highest = older.iter().flatten().map(|hour| hour.max).reduce(f64::max)?;
        lately.iter().rev().flatten().next().is_some_and(|hour| hour.last <= highest).then_some(highest)
    }

    /// The highest level of the last day after which it fell, and no lower than now: it goes up and down, and was here before.
    pub(super) fn fell_back(&self) -> Option<f64> {
        let newest = *self.recent.last()?;
        let (mut lowest_after, mut highest) = (f64::INFINITY, None::<f64>);
        for level in self.recent.iter().rev() {
            if *level >= newest - SAME_LEVEL && lowest_after <= newest - FALL {
                highest = Some(highest.map_or(*level, |most| most.max(*level)));
            }
            lowest_after = lowest_after.min(*level);
        }
        highest
    }
}

/// The store, read up to a time.
pub(super) struct History<'a> {
    pub(super) store: &'a StoreReader,
    pub(super) now: TimestampMs,
    /// What the settings say of money.
    pub(super) money: &'a Money,
    /// Levels that advisors have read and for which there is no date.
    pub(super) undated: RefCell<Vec<Undated>>,
    /// What advisors have forecast of capacities.
    pub(super) forecasts: RefCell<Vec<capacity::Forecast>>,
    /// How budgets stand.
    pub(super) budgets: RefCell<Vec<BudgetState>>,
    /// What is known of runs.
    pub(super) runs: RefCell<Runs>,
    /// Ids of the recommendations that stand.
    pub(super) given: Option<&'a BTreeSet<String>>,
    /// The runs of workflows, once an advisor has asked for them.
    pub(super) workflows: OnceCell<Arc<Vec<Workflow>>>,
}

impl<'a> History<'a> {
    pub(super) fn new(store: &'a StoreReader, money: &'a Money, now: TimestampMs) -> Self {
        Self::with(store, money, Runs::default(), None, now)
    }

    /// The same where something is known of runs already, and of what was advised.
    pub(super) fn with(
        store: &'a StoreReader,
        money: &'a Money,
        runs: Runs,
        given: Option<&'a BTreeSet<String>>,
        now: TimestampMs,
    ) -> Self {
        Self {
            store,
            now,
            money,
            undated: RefCell::default(),
            forecasts: RefCell::default(),
            budgets: RefCell::default(),
            runs: RefCell::new(runs),
            given,
            workflows: OnceCell::new(),
        }
    }
}

impl History<'_> {
    /// Notes why there is no date, where an answer has none.
    pub(super) fn note_undated(&self, subject: Subject, labels: &Labels, level: f64, answer: &Answer) {
        if let Some(why) = WhyUndated::of(answer) {
            self.note_why(subject, labels, level, why);
        }
    }

    /// Notes why there is no date.
    pub(super) fn note_why(&self, subject: Subject, labels: &Labels, level: f64, why: WhyUndated) {
        self.undated.borrow_mut().push(Undated { subject, labels: labels.clone(), level, why });
    }

    /// All series of a metric.
    pub(super) fn series(&self, metric: &str) -> Vec<(SeriesId, Labels)> {
        let Ok(selector) = Selector::parse(metric) else { return Vec::new() };
        let ids = self.store.select(&selector.matchers);
        ids.into_iter().filter_map(|id| Some((id, self.store.labels(id)?))).collect()
    }

    /// The series of money of coding agents, by the metrics that the settings name.
    pub(super) fn agent_money(&self) -> Vec<SeriesId> {
        self.money.agents.money.iter().flat_map(|metric| self.series(metric)).map(|(id, _)| id).collect()
    }

    /// A query for them.
    pub(super) fn agent_money_query(&self) -> String {
        self.money.agents.money.join(" or ")
    }

    /// Those of the metrics that an advisor reads under a name that have no series. Money of agents has the names of the settings, of which
    /// one is enough.
    pub(super) fn without_series(&self, metric: &str) -> Vec<String> {
        if metric != AGENT_MONEY {
            return if self.series(metric).is_empty() { vec![metric.to_owned()] } else { Vec::new() };
        }
        if self.agent_money().is_empty() { self.money.agents.money.clone() } else { Vec::new() }
    }

    /// For how long there has been a series of these metrics, ms; `asked_ms` or a little more where it is longer than that.
    pub(super) fn known_ms(&self, metrics: &[&str], asked_ms: i64) -> Result<i64, StoreError> {
        let level = if asked_ms < DAY_MS { Level::M1 } else { Level::H1 };
        let mut known = 0;
        for (id, _) in metrics.iter().flat_map(|metric| self.series(metric)) {
            let first = self.windows(id, level, asked_ms + level.ms())?.first().map_or(self.now, |row| row.start);
            known = known.max(self.now - first);
            if known >= asked_ms {
                break;
            }
        }
        Ok(known)
    }

    /// Closed windows of the last `span_ms`.
    pub(super) fn windows(&self, id: SeriesId, level: Level, span_ms: i64) -> Result<Vec<WindowRow>, StoreError> {
        self.store.windows(id, level, self.now - span_ms, self.now)
    }

    /// The hours of a series before the last day that a level is read from.
    pub(super) fn hours_before(&self, id: SeriesId) -> Result<Vec<WindowRow>, StoreError> {
        self.store.windows(id, Level::H1, self.now - PAST_HOURS as i64 * HOUR_MS, self.now - DAY_MS)
    }

    /// A series as a share of a whole: its hours up to now, and its last day in steps of five minutes.
    pub(super) fn level_of(&self, by_hour: Vec<WindowRow>, day: &[WindowRow], whole: f64) -> KnownLevel {
        let mut hours: Vec<Option<Hour>> = vec![None; PAST_HOURS];
        let ago = |start: i64, length: i64, unit: i64| usize::try_from((self.now - start - length).max(0) / unit).unwrap_or(usize::MAX);
        // Hours of the clock; the last day exactly, from shorter windows.
        for row in by_hour {
            let back = ago(row.start, HOUR_MS / 2, HOUR_MS);
            if (24..PAST_HOURS).contains(&back) {
                hours[PAST_HOURS - 1 - back] = Some(Hour { max: row.max / whole, last: row.last / whole });
            }
        }
        let steps = (DAY_MS / Level::M5.ms()) as usize;
        let mut recent: Vec<Option<f64>> = vec![None; steps + 1];
        for row in day {
            let back = ago(row.start, Level::M5.ms(), Level::M5.ms());
            if let Some(place) = steps.checked_sub(back) {
                recent[place] = Some(row.last / whole);
            }
            if let Some(hour) = (PAST_HOURS - 1).checked_sub(back / 12).filter(|_| back < 24 * 12) {
                let max = hours[hour].map_or(row.max / whole, |known| known.max.max(row.max / whole));
                hours[hour] = Some(Hour { max, last: row.last / whole });
            }
        }
        let mut last = None;
        let carried = recent.into_iter().filter_map(|value| {
            last = value.or(last);
            last
        });
        KnownLevel { hours, recent: carried.collect() }
    }

    /// The newest value of a series that has one in the last `span_ms`. A series that has ended has none.
    pub(super) fn latest(&self, series: &Labels, span_ms: i64) -> Result<Option<f64>, StoreError> {
        let matchers: Vec<Matcher> = series.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        for id in self.store.select(&matchers) {
            let newest = self.store.latest(id, self.now - span_ms, self.now)?.filter(|sample| sample.v.is_finite());
            if let Some(sample) = newest.filter(|_| self.store.labels(id).as_ref() == Some(series)) {
                return Ok(Some(sample.v));
            }
        }
        Ok(None)
    }

    /// The newest value of each series of a selector that has one in the last `span_ms`.
    pub(super) fn newest(&self, selector: &str, span_ms: i64) -> Result<Vec<(SeriesId, Labels, f64)>, StoreError> {
        let mut found = Vec::new();
        for (id, labels) in self.series(selector) {
            let newest = self.store.latest(id, self.now - span_ms, self.now)?.filter(|sample| sample.v.is_finite());
            found.extend(newest.map(|sample| (id, labels, sample.v)));
        }
        Ok(found)
    }

    /// Whether a recommendation stands. Dates of this machine are series as well; those of other machines are nothing but advice.
    pub(super) fn stands(&self, id: &str) -> bool {
        self.given.is_some_and(|given| given.contains(id))
    }

    /// Whether a series, which ends with a stale marker, was written within the last hour.
    pub(super) fn was_given(&self, series: &Labels) -> Result<bool, StoreError> {
        Ok(self.latest(series, HOUR_MS)?.is_some())
    }

    /// By how much a counter rose over the last `span_ms`, as its windows show it; a fall is a start from zero.
    pub(super) fn rise(&self, id: SeriesId, span_ms: i64) -> Result<f64, StoreError> {
        let (mut rise, mut before) = (0.0, None);
        for row in self.windows(id, Level::M15, span_ms)? {
            let step = |from: f64, to: f64| if to >= from { to - from } else { to };
            rise += before.map_or(0.0, |last| step(last, row.first)) + step(row.first, row.last);
            before = Some(row.last);
        }
        Ok(rise)
    }

    /// How many samples a series has in the last `span_ms`, and their values.
    pub(super) fn values(&self, id: SeriesId, span_ms: i64) -> Result<Vec<(TimestampMs, f64)>, StoreError> {
        let samples = self.store.samples(id, self.now - span_ms, self.now)?;
        Ok(samples.iter().filter(|sample| sample.v.is_finite()).map(|sample| (sample.t, sample.v)).collect())
    }

    /// The minutes of the last `span_ms` of a metric of a machine, of the series with a label, where it has one.
    pub(super) fn minutes(
        &self,
        metric: &str,
        host: &str,
        label: Option<(&str, &str)>,
        span_ms: i64,
    ) -> Result<Vec<WindowRow>, StoreError> {
        let wanted = |labels: &Labels| host_of(labels) == host && label.is_none_or(|(name, value)| labels.get(name) == Some(value));
        match self.series(metric).into_iter().find(|(_, labels)| wanted(labels)) {
            Some((id, _)) => self.windows(id, Level::M1, span_ms),
            None => Ok(Vec::new()),
        }
    }

    /// The process of a machine with the highest mean over some quarters of an hour, named by their starts. Time without samples counts
    /// as zero: it was not among those with the most.
    pub(super) fn top_process(
        &self,
        metric: &str,
        host: &str,
        quarters: &BTreeSet<TimestampMs>,
    ) -> Result<Option<(String, f64)>, StoreError> {
        let Some(first) = quarters.first() else { return Ok(None) };
        let mut top: Option<(String, f64)> = None;
        for (id, labels) in self.series(metric).into_iter().filter(|(_, labels)| host_of(labels) == host) {
            let rows = self.store.windows(id, Level::M15, *first, self.now)?;
            let total: f64 = rows.iter().filter(|row| quarters.contains(&row.start)).map(WindowRow::avg).sum();
            let mean = total / quarters.len() as f64;
            if mean > top.as_ref().map_or(0.0, |(_, highest)| *highest)
                && let Some(process) = labels.get("process")
            {
                top = Some((process.to_owned(), mean));
            }
        }
        Ok(top)
    }
}

/// What names the machine of a series; empty for this one.
pub(super) fn host_of(labels: &Labels) -> String {
    OTHERS.iter().filter_map(|name| labels.get(name)).collect::<Vec<_>>().join(" ")
}

/// A name, and which machine it is on where that is another one.
pub(super) fn named_on(name: &str, host: &str) -> String {
    if host.is_empty() { name.to_owned() } else { format!("{name} on {host}") }
}

/// The starts of the quarters of an hour that windows lie in, but for the newest one, which may not be over.
pub(super) fn quarters<'a>(rows: impl Iterator<Item = &'a WindowRow>) -> BTreeSet<TimestampMs> {
    let quarter = Level::M15.ms();
    let mut quarters: BTreeSet<TimestampMs> = rows.map(|row| row.start.div_euclid(quarter) * quarter).collect();
    if quarters.len() > 1 {
        quarters.pop_last();
    }
    quarters
}

/// The share of windows for which a condition holds.
pub(super) fn share(rows: &[WindowRow], holds: impl Fn(&WindowRow) -> bool) -> f64 {
    if rows.is_empty() {
        return 0.0;
    }
    rows.iter().filter(|r| holds(r)).count() as f64 / rows.len() as f64
}

/// Mean of all samples of the windows.
pub(super) fn mean(rows: &[WindowRow]) -> f64 {
    rows.iter().map(|r| r.sum).sum::<f64>() / rows.iter().map(|r| r.count).sum::<f64>()
}

/// A length of time in one or two units.
pub(super) fn approximate(seconds: f64) -> String {
    let unit = if seconds >= 86_400.0 {
        3_600
    } else if seconds >= 3_600.0 {
        60
    } else {
        1
    };
    let seconds = seconds.min(1e9) as i64;
    lasted((seconds - seconds % unit) * 1_000)
}

/// Project and tag.
pub(super) type BoardName = (String, String);

/// The board that a series is about.
pub(super) fn board_of(labels: &Labels) -> BoardName {
    let part = |name| labels.get(name).unwrap_or("").to_owned();
    (part("project"), part("tag"))
}
