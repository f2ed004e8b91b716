//! What a minute of a runner costs, and since when.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ci::jobs::RunnerTime;
use crate::model::TimestampMs;

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// How the settings call it.
    pub name: String,
    /// From when on it holds.
    pub from: TimestampMs,
    /// A label that the runner has; `*` stands for any text.
    pub runner: String,
    /// The repository, `owner/name`; `*` stands for any text.
    pub repository: String,
    /// A minute of it.
    pub per_minute: f64,
    /// Whether the part of a minute that a job began counts as a whole one.
    pub whole_minutes: bool,
    /// ISO code.
    pub currency: String,
}

/// What a run cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    /// The amount of all its jobs so far.
    pub amount: f64,
    /// The part of it that was said at earlier ends of the attempt.
    #[serde(default)]
    pub before: f64,
    /// ISO code.
    pub currency: String,
}

/// Why rows are no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricesError {
    /// Two rows hold for the same runners from the same day on.
    #[error("`{0}` and `{1}` hold for the same runners and repositories from the same day on; leave one out, or change its `from`")]
    Overlap(String, String),
    /// Money of several currencies cannot be added up.
    #[error("`{0}` is in {1} and `{2}` in {3}; all prices must be in one currency")]
    Currencies(String, String, String, String),
}

/// The table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices {
    rows: Vec<Price>,
}

impl Prices {
    /// A table of rows.
    ///
    /// # Errors
    /// [`PricesError`]
    pub fn new(rows: Vec<Price>) -> Result<Self, PricesError> {
        for (at, row) in rows.iter().enumerate() {
            for other in &rows[..at] {
                if other.currency != row.currency {
                    let (first, second) = (other.clone(), row.clone());
                    return Err(PricesError::Currencies(first.name, first.currency, second.name, second.currency));
                }
                let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
                if other.from == row.from && same(&other.runner, &row.runner) && same(&other.repository, &row.repository) {
                    return Err(PricesError::Overlap(other.name.clone(), row.name.clone()));
                }
            }
        }
        Ok(Self { rows })
    }

    /// Whether there is no price at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The currency of all prices.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.rows.first().map(|row| row.currency.as_str())
    }

    /// The price of a runner with these labels at a time: of the rows that fit the one whose patterns say most, and of these the newest.
    #[must_use]
    pub fn of(&self, repository: &str, labels: &BTreeSet<String>, at: TimestampMs) -> Option<&Price> {
        let fits = |row: &&Price| {
            let runner = row.runner == "*" || labels.iter().any(|label| matches(&row.runner, label));
            row.from <= at && runner && matches(&row.repository, repository)
        };
        let says = |row: &Price| row.runner.replace('*', "").len() + row.repository.replace('*', "").len();
        self.rows.iter().filter(fits).max_by_key(|row| (says(row), row.from))
    }

    /// What jobs cost that ended at a time; none unless each of their runners has a price.
    #[must_use]
    pub fn charge(&self, repository: &str, times: &[RunnerTime], at: TimestampMs) -> Option<Charge> {
        let cost = |time: &RunnerTime| {
            let row = self.of(repository, &time.labels, at)?;
            Some(row.per_minute * if row.whole_minutes { time.minutes as f64 } else { time.seconds / 60.0 })
        };
        let amount = times.iter().map(cost).sum::<Option<f64>>().filter(|_| !times.is_empty())?;
        Some(Charge { amount, before: 0.0, currency: self.currency()?.to_owned() })
    }
}

/// Whether a text is as a pattern has it, large and small letters alike.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    const JANUARY: TimestampMs = 1_767_225_600_000;
    const JULY: TimestampMs = 1_782_864_000_000;

    fn row(name: &str, from: TimestampMs, runner: &str, per_minute: f64) -> Price {
        Price {
            name: name.to_owned(),
            from,
            runner: runner.to_owned(),
            repository: "*".to_owned(),
            per_minute,
            whole_minutes: true,
            currency: "USD".to_owned(),
        }
    }

    fn time(labels: &[&str], seconds: f64, minutes: u64) -> RunnerTime {
        RunnerTime { labels: labels.iter().map(|&label| label.to_owned()).collect(), seconds, minutes }
    }

    #[test]
    fn a_pattern_stands_for_texts() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("ubuntu-*", "ubuntu-24.04", true),
            ("ubuntu-*", "Ubuntu-latest", true),
            ("ubuntu-*", "ubuntu", false),
            ("ubuntu", "ubuntu-latest", false),
            ("*-arm", "ubuntu-24.04-arm", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "ac", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_row_that_says_most_counts_and_of_these_the_newest_of_its_time() {
        let site = Price { repository: "octo/site".to_owned(), per_minute: 0.5, ..row("site", JANUARY, "ubuntu-*", 0.0) };
        let rows = vec![
            row("all", JANUARY, "*", 0.1),
            row("linux", JANUARY, "ubuntu-*", 0.008),
            row("linux_july", JULY, "ubuntu-*", 0.006),
            row("arm", JANUARY, "ubuntu-*-arm", 0.005),
            site,
        ];
        let prices = Prices::new(rows).unwrap();
        let of = |repository: &str, label: &str, at: TimestampMs| {
            prices.of(repository, &BTreeSet::from([label.to_owned()]), at).map(|row| row.name.as_str())
        };
        assert_eq!(of("octo/app", "ubuntu-latest", JANUARY - 1), None, "before all prices");
        assert_eq!(of("octo/app", "ubuntu-latest", JULY - 1), Some("linux"));
        assert_eq!(of("octo/app", "ubuntu-latest", JULY), Some("linux_july"));
        assert_eq!(of("octo/app", "ubuntu-24.04-arm", JULY), Some("arm"));
        assert_eq!(of("octo/app", "windows-latest", JULY), Some("all"));
        assert_eq!(of("Octo/Site", "ubuntu-latest", JULY), Some("site"));
    }

    #[test]
    fn a_run_costs_what_its_runners_do_and_nothing_is_said_where_one_has_no_price() {
        let exact = Price { whole_minutes: false, ..row("own", JANUARY, "self-hosted", 0.06) };
        let prices = Prices::new(vec![row("linux", JANUARY, "ubuntu-*", 0.01), exact]).unwrap();
        let charged = |times: &[RunnerTime]| prices.charge("o/r", times, JULY).map(|charge| (charge.amount * 1e6).round() / 1e6);
        let linux = || time(&["ubuntu-latest"], 61.0, 2);
        assert_eq!(charged(&[linux()]), Some(0.02), "GitHub counts minutes that were begun");
        assert_eq!(charged(&[linux(), time(&["self-hosted", "x64"], 90.0, 2)]), Some(0.11));
        assert_eq!(charged(&[linux(), time(&["macos-15"], 60.0, 1)]), None);
        assert_eq!(charged(&[time(&[], 60.0, 1)]), None, "runners of earlier versions' records are not known");
        assert_eq!(charged(&[]), None);
        assert_eq!(Prices::default().charge("o/r", &[linux()], JULY), None);
    }

    #[test]
    fn rows_that_contradict_each_other_are_refused() {
        let overlap = Prices::new(vec![row("a", JULY, "ubuntu-*", 1.0), row("b", JULY, "Ubuntu-*", 2.0)]);
        assert_eq!(overlap, Err(PricesError::Overlap("a".to_owned(), "b".to_owned())));
        let euro = Price { currency: "EUR".to_owned(), ..row("b", JANUARY, "*", 2.0) };
        let text = Prices::new(vec![row("a", JULY, "*", 1.0), euro]).unwrap_err().to_string();
        assert!(text.contains("`a` is in USD and `b` in EUR"), "{text}");
    }
}
